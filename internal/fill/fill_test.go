package fill

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	lines, err := ParseLines("alice\nbob\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		text, want string // of connection 7, message 2; "!" and a word of the error
		static     bool
	}{
		{"", "", true},
		{"hello", "hello", true},
		{"{i}", "7", false},
		{"/ws?room={i}&user={line}", "/ws?room=7&user=bob", false},
		{`{"a":1}`, `{"a":1}`, true},
		{`{"user":{i}}`, `{"user":7}`, false},
		{`{"a":{"b":{i}}}`, `{"a":{"b":7}}`, false},
		{`[{i},{i}]`, `[7,7]`, false},
		{`{viewer{login}}`, `{viewer{login}}`, true},
		{"{", "{", true},
		{"{i", "{i", true},
		{"i}", "i}", true},
		{"{}", "{}", true},
		{"{ i }", "{ i }", true},
		{"{{i}}", "{i}", true},
		{"{{{i}}}", "{{i}}", true},
		{"{{i}", "{7", false},
		{"a{{line}}b{line}c", "a{line}bbobc", false},
		{"{i}{{i}}{i}", "7{i}7", false},
		{"{i}{{{i}}", "7{{i}", false},
		{"{{room}}", "{{room}}", true},
		{"{äi}{i}", "{äi}7", false},
		{"{UUID}", "!{UUID} is no placeholder: want {i}, {rand}, {uuid} or {line}", false},
		{"a {I} b", "!{I}", false},
	} {
		text, err := Parse(tt.text)
		if word, fails := strings.CutPrefix(tt.want, "!"); fails {
			if err == nil || !strings.Contains(err.Error(), word) {
				t.Errorf("Parse(%q): %v, want an error with %q", tt.text, err, word)
			}
			continue
		}
		if err != nil {
			t.Errorf("Parse(%q): %v", tt.text, err)
			continue
		}
		if got := string(text.Append(nil, 7, 2, lines)); got != tt.want {
			t.Errorf("Parse(%q) renders %q, want %q", tt.text, got, tt.want)
		}
		if text.Static() != tt.static {
			t.Errorf("Parse(%q): static %v", tt.text, text.Static())
		}
	}
}

func TestParseStrict(t *testing.T) {
	for _, tt := range []struct {
		text, want string // of connection 7; "" is refused
	}{
		{"/chat?room={i}", "/chat?room=7"},
		{`{"a":1}`, `{"a":1}`},
		{"/chat?room={{i}}", "/chat?room={i}"},
		{"/{{room}}", "/{room}"},
		{"/{room}", ""},
		{"/{id}/{i}", ""},
		{"/{I}", ""},
	} {
		text, err := ParseStrict(tt.text)
		if err != nil {
			if tt.want != "" || !strings.Contains(err.Error(), Legal) {
				t.Errorf("ParseStrict(%q): %v", tt.text, err)
			}
			continue
		}
		if got := string(text.Append(nil, 7, 0, nil)); got != tt.want {
			t.Errorf("ParseStrict(%q) renders %q, want %q", tt.text, got, tt.want)
		}
	}
}

// TestRandom: the forms of what is random, and that nothing but the seed, the
// connection, the message and the place decides it.
func TestRandom(t *testing.T) {
	text, err := Parse("{rand} {rand} {uuid} {uuid}")
	if err != nil {
		t.Fatal(err)
	}
	form := regexp.MustCompile(
		`^[1-9]\d{9} [1-9]\d{9}( [0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}){2}$`)
	seen := map[string]bool{}
	for seed := range uint64(3) {
		for conn := range uint64(1000) {
			for seq := range uint32(3) {
				got := string(text.Seeded(seed).Append(nil, conn, seq, nil))
				if !form.MatchString(got) {
					t.Fatalf("rendered %q", got)
				}
				if again := string(text.Seeded(seed).Append(nil, conn, seq, nil)); again != got {
					t.Fatalf("rendered %q, then %q", got, again)
				}
				for word := range strings.FieldsSeq(got) {
					if len(word) == uuidSize && seen[word] {
						t.Fatalf("%s twice", word)
					}
					seen[word] = true
				}
			}
		}
	}
}

func TestLines(t *testing.T) {
	for _, tt := range []struct {
		contents string
		want     []string // nil: refused
	}{
		{"a\nb\n", []string{"a", "b"}},
		{"a\nb", []string{"a", "b"}},
		{"a\r\n\r\nb b\r\n\n\n", []string{"a", "b b"}},
		{" a \n", []string{" a "}},
		{"", nil},
		{"\n\r\n", nil},
		{"\ufeffa\r\nb", []string{"a", "b"}},
		{"\ufeff", nil},
	} {
		l, err := ParseLines(tt.contents)
		if err != nil {
			if tt.want != nil {
				t.Errorf("ParseLines(%q): %v", tt.contents, err)
			}
			continue
		}
		var got []string
		for i, one := range l.All() {
			got = append(got, one)
			if again := l.Of(uint64(i + 5*l.Len())); again != one {
				t.Errorf("line %d is %q, and begins again with %q", i, one, again)
			}
		}
		if !slices.Equal(got, tt.want) || l.Len() != len(tt.want) {
			t.Errorf("ParseLines(%q) = %q, want %q", tt.contents, got, tt.want)
		}
	}
}

func TestNeedsLines(t *testing.T) {
	for text, want := range map[string]bool{"{line}": true, "a{i}{line}": true, "{{line}}": false, "{i}": false,
		"": false} {
		parsed, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if parsed.NeedsLines() != want {
			t.Errorf("%q needs lines: %v", text, !want)
		}
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	lines, err := ParseLines("alice\nbob")
	if err != nil {
		t.Fatal(err)
	}
	text, err := Parse(`{"i":{i},"r":{rand},"u":"{uuid}","l":"{line}"}`)
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 0, text.Max(lines))
	conn := uint64(0)
	if n := testing.AllocsPerRun(100, func() { buf = text.Append(buf[:0], conn, 3, lines); conn++ }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"{i}", "{{i}}", `{"a":{i}}`, "{line}{rand}{uuid}", "{UUID}", "{{{i}", "{{room}}"} {
		f.Add(s, uint64(7), uint32(1))
	}
	lines, err := ParseLines("alice\nbob")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, in string, conn uint64, seq uint32) {
		for _, parse := range []func(string) (*Text, error){Parse, ParseStrict} {
			text, err := parse(in)
			if err != nil {
				continue
			}
			out := text.Append(nil, conn, seq, lines)
			if len(out) > text.Max(lines) {
				t.Errorf("%q: %d bytes, more than Max %d", in, len(out), text.Max(lines))
			}
			if !strings.Contains(in, "{") && string(out) != in {
				t.Errorf("%q without braces became %q", in, out)
			}
			if again := text.Append(nil, conn, seq, lines); string(again) != string(out) {
				t.Errorf("%q: %q, then %q", in, out, again)
			}
			if text.Static() && len(out) != text.Max(lines) {
				t.Errorf("%q is static, has %d bytes, and Max %d", in, len(out), text.Max(lines))
			}
		}
	})
}
