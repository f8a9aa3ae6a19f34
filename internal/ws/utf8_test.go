package ws

import (
	"math/rand/v2"
	"testing"
	"unicode/utf8"
)

// stress is the classical list: boundaries, stray and missing continuation
// bytes, overlong forms, surrogates, what lies beyond U+10FFFF.
var stress = []struct{ name, in string }{
	{"Greek", "κόσμε"},
	{"first of 1, 2, 3, 4 bytes", "\x00\u0080\u0800\U00010000"},
	{"last of 1, 2, 3 bytes", "\x7f\u07ff\uffff"},
	{"around the surrogates", "\ud7ff\ue000\ufffd"},
	{"last of all", "\U0010ffff"},
	{"noncharacters", "\ufffe\uffff\ufdd0\U0001fffe"},
	{"beyond U+10FFFF", "\xf4\x90\x80\x80"},
	{"first of 5 bytes", "\xf8\x88\x80\x80\x80"},
	{"first of 6 bytes", "\xfc\x84\x80\x80\x80\x80"},
	{"last of 4 bytes", "\xf7\xbf\xbf\xbf"},
	{"stray 80", "\x80"},
	{"stray BF", "\xbf"},
	{"stray after text", "ab\x80\xbf\x80"},
	{"lonely C0", "\xc0 "},
	{"lonely DF", "\xdf "},
	{"lonely EF", "\xef "},
	{"lonely F4", "\xf4 "},
	{"lonely FD", "\xfd "},
	{"2 bytes, last missing", "\xdf"},
	{"3 bytes, last missing", "\xe0\xa0"},
	{"3 bytes, two missing", "\xef"},
	{"4 bytes, last missing", "\xf0\x90\x80"},
	{"4 bytes, last missing, text after", "\xf0\x90\x80x"},
	{"concatenated incomplete ones", "\xc3\xe2\x82\xf0\x9f\x91"},
	{"FE", "\xfe"},
	{"FF", "\xff"},
	{"FE FE FF FF", "\xfe\xfe\xff\xff"},
	{"overlong slash, 2", "\xc0\xaf"},
	{"overlong slash, 3", "\xe0\x80\xaf"},
	{"overlong slash, 4", "\xf0\x80\x80\xaf"},
	{"overlong slash, 5", "\xf8\x80\x80\x80\xaf"},
	{"largest overlong, 2", "\xc1\xbf"},
	{"largest overlong, 3", "\xe0\x9f\xbf"},
	{"largest overlong, 4", "\xf0\x8f\xbf\xbf"},
	{"overlong NUL, 2", "\xc0\x80"},
	{"overlong NUL, 3", "\xe0\x80\x80"},
	{"overlong NUL, 4", "\xf0\x80\x80\x80"},
	{"surrogate D800", "\xed\xa0\x80"},
	{"surrogate DB7F", "\xed\xad\xbf"},
	{"surrogate DB80", "\xed\xae\x80"},
	{"surrogate DC00", "\xed\xb0\x80"},
	{"surrogate DFFF", "\xed\xbf\xbf"},
	{"surrogate pair", "\xed\xa0\x80\xed\xb0\x80"},
	{"text, then a surrogate", "κόσμε\xed\xa0\x80edited"},
	{"all 4 lengths, long", long(100) + "éé€€👋👋" + long(100) + "👋"},
}

// checkText feeds b in two parts and holds every state against unicode/utf8.
func checkText(t *testing.T, b []byte, cut int) {
	t.Helper()
	const key = 0x12345678
	masked := make([]byte, len(b))
	mask(masked, b, key)
	got := between.add(b[:cut])
	if (got != invalid) != canBeText(b[:cut]) || (got == between) != utf8.Valid(b[:cut]) {
		t.Errorf("% x: state %d", b[:cut], got)
	}
	if hidden := between.addMasked(masked[:cut], key); hidden != got {
		t.Errorf("% x: state %d if masked, %d if not", b[:cut], hidden, got)
	}
	if got == invalid {
		return
	}
	hidden := got.addMasked(masked[cut:], rotate(key, cut))
	got = got.add(b[cut:])
	if (got != invalid) != canBeText(b) || (got == between) != utf8.Valid(b) {
		t.Errorf("% x, cut at %d: state %d", b, cut, got)
	}
	if hidden != got {
		t.Errorf("% x, cut at %d: state %d if masked, %d if not", b, cut, hidden, got)
	}
}

// RFC 3629, as RFC 6455 section 8.1 wants it.
func TestText(t *testing.T) {
	for _, tc := range stress {
		t.Run(tc.name, func(t *testing.T) {
			for _, around := range []string{"", "x", long(20), long(600)} {
				b := []byte(around + tc.in + around)
				for cut := range len(b) + 1 {
					checkText(t, b, cut)
				}
			}
		})
	}
}

// Every sequence of two bytes, and three and four of the bytes where rules
// change.
func TestTextSequences(t *testing.T) {
	for a := range 256 {
		for b := range 256 {
			checkText(t, []byte{byte(a), byte(b)}, 1)
		}
	}
	edges := []byte{0, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE,
		0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF}
	for _, a := range edges {
		for _, b := range edges {
			for _, c := range edges {
				for _, d := range edges {
					for cut := range 5 {
						checkText(t, []byte{a, b, c, d}, cut)
					}
				}
			}
		}
	}
}

func FuzzText(f *testing.F) {
	for i, tc := range stress {
		f.Add([]byte(tc.in), uint16(i))
	}
	f.Fuzz(func(t *testing.T, b []byte, cut uint16) { checkText(t, b, int(cut)%(len(b)+1)) })
}

// mask in place, to the left and elsewhere is the byte-wise rule of RFC 6455
// section 5.3.
func TestMask(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		n, shift := r.IntN(1000), r.IntN(200)
		key := r.Uint32()
		buf := make([]byte, shift+n)
		for i := range buf {
			buf[i] = byte(r.Uint32())
		}
		want := make([]byte, n)
		for i := range n {
			want[i] = buf[shift+i] ^ byte(key>>(8*(i%4)))
		}
		apart := make([]byte, n)
		end := mask(apart, buf[shift:], key)
		mask(buf[:n], buf[shift:], key)
		if string(apart) != string(want) || string(buf[:n]) != string(want) || end != rotate(key, n) {
			t.Fatalf("%d bytes moved by %d, key %08x: wrong", n, shift, key)
		}
	}
}
