package ws

import (
	"bytes"
	"strings"
	"testing"
)

const fin = bitFin

// closeWith returns a server's close frame.
func closeWith(code uint16) []byte { return CloseFrame(nil, code, "") }

var (
	goOn     = Verdict{}
	protocol = Verdict{Protocol, CodeProtocol}
	badText  = Verdict{UTF8, CodeUTF8}
	tooBig   = Verdict{TooBig, CodeTooBig}
)

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

type echoCase struct {
	name string
	in   []byte
	out  []byte // what goes back, byte for byte
	want Verdict
}

// echoCases are of frames small enough to be waited for, so the output does
// not depend on how the input is split. Names begin with RFC 6455's section.
var echoCases = []echoCase{
	{"5.1 unmasked frame", server(raw{first: fin | OpText, payload: "Hi"}), closeWith(1002), protocol},
	{"5.1 unmasked empty frame", server(raw{first: fin | OpText}), closeWith(1002), protocol},
	{"5.1 unmasked ping", server(raw{first: fin | OpPing}), closeWith(1002), protocol},
	{"5.2 RSV1", client(raw{first: fin | 0x40 | OpText, payload: "Hi"}), closeWith(1002), protocol},
	{"5.2 RSV2", client(raw{first: fin | 0x20 | OpBinary}), closeWith(1002), protocol},
	{"5.2 RSV3", client(raw{first: fin | 0x10 | OpPing}), closeWith(1002), protocol},
	{"5.2 all RSV on close", client(raw{first: fin | 0x70 | OpClose}), closeWith(1002), protocol},
	{"5.2 opcode 3", client(raw{first: fin | 3}), closeWith(1002), protocol},
	{"5.2 opcode 7", client(raw{first: fin | 7, payload: "x"}), closeWith(1002), protocol},
	{"5.2 opcode B", client(raw{first: fin | 0xB}), closeWith(1002), protocol},
	{"5.2 opcode F", client(raw{first: fin | 0xF, payload: "x"}), closeWith(1002), protocol},
	{"5.2 RSV after a good frame", client(raw{first: fin | OpText, payload: "Hi"}, raw{first: fin | 0x40 | OpText}),
		join(server(raw{first: fin | OpText, payload: "Hi"}), closeWith(1002)), protocol},
	{"5.2 16-bit length not minimal", []byte{fin | OpBinary, 0xFE, 0, 125, 0, 0, 0, 0}, closeWith(1002), protocol},
	{"5.2 64-bit length not minimal", []byte{fin | OpBinary, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0},
		closeWith(1002), protocol},
	{"5.2 64-bit length, top bit", []byte{fin | OpBinary, 0xFF, 0x80, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}, closeWith(1002),
		protocol},
	{"5.2 7-bit length 125", client(raw{first: fin | OpText, payload: long(125)}),
		server(raw{first: fin | OpText, payload: long(125)}), goOn},
	{"5.2 16-bit length 126", client(raw{first: fin | OpText, payload: long(126)}),
		server(raw{first: fin | OpText, payload: long(126)}), goOn},
	{"5.2 16-bit length 300", client(raw{first: fin | OpBinary, payload: long(300)}),
		server(raw{first: fin | OpBinary, payload: long(300)}), goOn},
	{"5.4 two fragments", client(raw{first: OpText, payload: "Hel"}, raw{first: fin, payload: "lo"}),
		server(raw{first: OpText, payload: "Hel"}, raw{first: fin, payload: "lo"}), goOn},
	{"5.4 three fragments, binary", client(raw{first: OpBinary, payload: "\xff"}, raw{first: 0, payload: "\xfe"},
		raw{first: fin, payload: "\xfd"}),
		server(raw{first: OpBinary, payload: "\xff"}, raw{first: 0, payload: "\xfe"}, raw{first: fin, payload: "\xfd"}),
		goOn},
	{"5.4 empty fragments", client(raw{first: OpText}, raw{first: 0}, raw{first: fin}),
		server(raw{first: OpText}, raw{first: 0}, raw{first: fin}), goOn},
	{"5.4 ping inside a fragmented message", client(raw{first: OpText, payload: "Hel"},
		raw{first: fin | OpPing, payload: "p"}, raw{first: fin, payload: "lo"}),
		server(raw{first: OpText, payload: "Hel"}, raw{first: fin | OpPong, payload: "p"},
			raw{first: fin, payload: "lo"}), goOn},
	{"5.4 close inside a fragmented message", client(raw{first: OpText, payload: "Hel"},
		raw{first: fin | OpClose, payload: "\x03\xe8"}),
		join(server(raw{first: OpText, payload: "Hel"}), closeWith(1000)), Verdict{Normal, 1000}},
	{"5.4 continuation without start", client(raw{first: fin, payload: "lo"}), closeWith(1002), protocol},
	{"5.4 continuation after the end", client(raw{first: OpText, payload: "a"}, raw{first: fin, payload: "b"},
		raw{first: 0}),
		join(server(raw{first: OpText, payload: "a"}, raw{first: fin, payload: "b"}), closeWith(1002)), protocol},
	{"5.4 new message inside a fragmented one", client(raw{first: OpText, payload: "a"},
		raw{first: fin | OpText, payload: "b"}),
		join(server(raw{first: OpText, payload: "a"}), closeWith(1002)), protocol},
	{"5.5 fragmented ping", client(raw{first: OpPing}), closeWith(1002), protocol},
	{"5.5 fragmented close", client(raw{first: OpClose}), closeWith(1002), protocol},
	{"5.5 ping of 126 bytes", client(raw{first: fin | OpPing, payload: long(126)}), closeWith(1002), protocol},
	{"5.5 close of 126 bytes", client(raw{first: fin | OpClose, payload: "\x03\xe8" + long(124)}), closeWith(1002),
		protocol},
	{"5.5.1 empty close", client(raw{first: fin | OpClose}), []byte{0x88, 0}, Verdict{Normal, CodeNone}},
	{"5.5.1 close with a reason", client(raw{first: fin | OpClose, payload: "\x03\xe9going"}), closeWith(1001),
		Verdict{Normal, 1001}},
	{"5.5.1 close with the longest reason", client(raw{first: fin | OpClose, payload: "\x0f\xa0" + long(123)}),
		closeWith(4000), Verdict{Normal, 4000}},
	{"5.5.1 close of one byte", client(raw{first: fin | OpClose, payload: "\x03"}), closeWith(1002), protocol},
	{"5.5.1 reason is not UTF-8", client(raw{first: fin | OpClose, payload: "\x03\xe8\xff"}), closeWith(1007), badText},
	{"5.5.1 reason is cut inside a character", client(raw{first: fin | OpClose, payload: "\x03\xe8\xe2\x82"}),
		closeWith(1007), badText},
	{"5.5.1 nothing is processed after close", client(raw{first: fin | OpClose, payload: "\x03\xe8"},
		raw{first: fin | OpPing, payload: "p"}),
		closeWith(1000), Verdict{Normal, 1000}},
	{"5.5.2 empty ping", client(raw{first: fin | OpPing}), server(raw{first: fin | OpPong}), goOn},
	{"5.5.2 ping of 125 bytes", client(raw{first: fin | OpPing, payload: long(125)}),
		server(raw{first: fin | OpPong, payload: long(125)}), goOn},
	{"5.5.2 ping that is not UTF-8", client(raw{first: fin | OpPing, payload: "\x00\xff\xfe"}),
		server(raw{first: fin | OpPong, payload: "\x00\xff\xfe"}), goOn},
	{"5.5.2 ten pings", client(tenPings()...), server(tenPongs()...), goOn},
	{"5.5.3 pong that nobody asked for", client(raw{first: fin | OpPong, payload: "x"},
		raw{first: fin | OpText, payload: "y"}),
		server(raw{first: fin | OpText, payload: "y"}), goOn},
	{"5.6 text", client(raw{first: fin | OpText, payload: "Hello, κόσμε 👋"}),
		server(raw{first: fin | OpText, payload: "Hello, κόσμε 👋"}), goOn},
	{"5.6 empty text", client(raw{first: fin | OpText}), server(raw{first: fin | OpText}), goOn},
	{"5.6 binary is not UTF-8", client(raw{first: fin | OpBinary, payload: "\xff\x00\xfe"}),
		server(raw{first: fin | OpBinary, payload: "\xff\x00\xfe"}), goOn},
	{"8.1 character across fragments", client(raw{first: OpText, payload: "\xe2"}, raw{first: 0, payload: "\x82"},
		raw{first: fin, payload: "\xac"}),
		server(raw{first: OpText, payload: "\xe2"}, raw{first: 0, payload: "\x82"}, raw{first: fin, payload: "\xac"}), goOn},
	{"8.1 bad text", client(raw{first: fin | OpText, payload: "ab\xffcd"}), closeWith(1007), badText},
	{"8.1 text ends inside a character", client(raw{first: fin | OpText, payload: "ab\xe2\x82"}), closeWith(1007),
		badText},
	{"8.1 fragmented text ends inside a character", client(raw{first: OpText, payload: "\xe2\x82"}, raw{first: fin}),
		join(server(raw{first: OpText, payload: "\xe2\x82"}), closeWith(1007)), badText},
	{"8.1 bad text in the second fragment", client(raw{first: OpText, payload: "\xed"}, raw{first: 0, payload: "\xa0"},
		raw{first: fin, payload: "x"}),
		join(server(raw{first: OpText, payload: "\xed"}), closeWith(1007)), badText},
	{"8.1 text after binary starts afresh", client(raw{first: fin | OpBinary, payload: "\xe2"},
		raw{first: fin | OpText, payload: "\x82"}),
		join(server(raw{first: fin | OpBinary, payload: "\xe2"}), closeWith(1007)), badText},
	{"10.4 message at the limit", client(raw{first: fin | OpBinary, payload: long(400)}),
		server(raw{first: fin | OpBinary, payload: long(400)}), goOn},
	{"10.4 message over the limit", client(raw{first: fin | OpBinary, payload: long(401)}), closeWith(1009), tooBig},
	{"10.4 fragments over the limit", client(raw{first: OpBinary, payload: long(399)}, raw{first: fin, payload: "ab"}),
		join(server(raw{first: OpBinary, payload: long(399)}), closeWith(1009)), tooBig},
	{"10.4 many messages, each below the limit", client(raw{first: fin | OpBinary, payload: long(300)},
		raw{first: fin | OpBinary, payload: long(300)}),
		server(raw{first: fin | OpBinary, payload: long(300)}, raw{first: fin | OpBinary, payload: long(300)}), goOn},
	{"10.4 announced: header only", []byte{fin | OpBinary, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF},
		closeWith(1009), tooBig},
}

func long(n int) string { return strings.Repeat("0123456789abcdef", n/16+1)[:n] }

func tenPings() (f []raw) {
	for i := range 10 {
		f = append(f, raw{first: fin | OpPing, payload: long(i)})
	}
	return f
}

func tenPongs() (f []raw) {
	for i := range 10 {
		f = append(f, raw{first: fin | OpPong, payload: long(i)})
	}
	return f
}

func TestEcho(t *testing.T) {
	ahead := []raw{{first: fin | OpText, payload: "one"}, {first: fin | OpPong}, {first: fin | OpBinary, payload: "two"}}
	before, prefix := client(ahead...), server(ahead[0], ahead[2])
	for _, tc := range echoCases {
		t.Run(tc.name, func(t *testing.T) {
			splits(tc.in, func(split string, chunks [][]byte) {
				checkEcho(t, split, chunks, tc.out, tc.want)
			})
			splits(join(before, tc.in), func(split string, chunks [][]byte) {
				checkEcho(t, "after others, "+split, chunks, join(prefix, tc.out), tc.want)
			})
		})
	}
}

func checkEcho(t *testing.T, split string, chunks [][]byte, out []byte, want Verdict) {
	t.Helper()
	got, v, s := feed(t, Limits{MaxMessage: 400}, chunks...)
	if v != want || !bytes.Equal(got, out) {
		t.Errorf("%s: got % x, %v, want % x, %v", split, got, v, out, want)
	}
	if s != nil {
		t.Errorf("%s: an idle connection has a session: %+v", split, s.state)
	}
	s.Free()
}

// RFC 6455 section 7.4: which codes a close frame may carry.
func TestEchoCloseCodes(t *testing.T) {
	legal := map[uint16]bool{}
	for _, code := range []uint16{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011} {
		legal[code] = true
	}
	for code := uint16(3000); code < 5000; code++ {
		legal[code] = true
	}
	for i := range 1 << 16 {
		code := uint16(i)
		in := client(raw{first: fin | OpClose, payload: string([]byte{byte(code >> 8), byte(code)})})
		out, v, _ := feed(t, Limits{}, in)
		wantCode, wantCause := code, Normal
		if !legal[code] {
			wantCode, wantCause = 1002, Protocol
		}
		if want := (Verdict{wantCause, wantCode}); v != want || !bytes.Equal(out, closeWith(wantCode)) {
			t.Errorf("code %d: got % x, %v, want %v", code, out, v, want)
		}
	}
}

func TestCloseFrame(t *testing.T) {
	for _, tc := range []struct {
		name   string
		code   uint16
		reason string
		want   string
	}{
		{"code", 1001, "", "\x88\x02\x03\xe9"},
		{"code and reason", 1001, "bye", "\x88\x05\x03\xe9bye"},
		{"no code", CodeNone, "ignored", "\x88\x00"},
		{"longest reason", 1001, long(123), "\x88\x7d\x03\xe9" + long(123)},
		{"cut reason", 1001, long(124), "\x88\x7d\x03\xe9" + long(123)},
		{"cut before a character", 1001, long(122) + "é", "\x88\x7c\x03\xe9" + long(122)},
	} {
		if got := string(CloseFrame([]byte("x"), tc.code, tc.reason)); got != "x"+tc.want {
			t.Errorf("%s: got %q, want %q", tc.name, got, "x"+tc.want)
		}
	}
}

func TestCause(t *testing.T) {
	for c, want := range map[Cause]string{None: "none", Normal: "normal", Protocol: "protocol", UTF8: "utf8",
		TooBig: "too_big"} {
		if c.String() != want {
			t.Errorf("cause %d: got %q, want %q", c, c, want)
		}
	}
}
