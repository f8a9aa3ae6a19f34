package ws

import (
	"strings"
	"testing"
)

// After our close frame the peer's own is found behind whatever it was sending,
// however the bytes fall: behind the frame that was too large, behind text that
// is not UTF-8, streamed or not. Where the framing is broken nothing is found.
func TestSkip(t *testing.T) {
	closeFrame := client(raw{first: fin | OpClose, payload: "\x03\xe8"})
	for _, tt := range []struct {
		name  string
		in    []byte
		found bool
	}{
		{"too big, waited for", client(raw{first: fin | OpBinary, payload: long(2000)}), true},
		{"too big, 16-bit length", client(raw{first: fin | OpBinary, payload: long(40_000)}), true},
		{"too big, 64-bit length", client(raw{first: fin | OpBinary, payload: long(90_000)}), true},
		{"bad text, waited for", client(raw{first: fin | OpText, payload: "\xff" + long(900)}), true},
		{"bad text in a fragment", client(raw{first: OpText, payload: "ok"}, raw{first: fin, payload: "\xff"}), true},
		{"bad text and more frames", client(raw{first: fin | OpText, payload: "\xff"}, raw{first: fin | OpPing},
			raw{first: fin | OpBinary, payload: long(70_000)}), true},
		{"a bad close frame is one", client(raw{first: fin | OpClose, payload: "\x03"}), true},
		{"reserved bits", client(raw{first: fin | 0x40 | OpText, payload: "x"}), false},
	} {
		for _, size := range []int{1, 3, 1000, 1 << 20} {
			var s *Session
			var v Verdict
			found := false
			in := append([]byte(nil), tt.in...)
			var held []byte
			for in = append(in, closeFrame...); len(in) > 0; {
				n := min(size, len(in))
				if !v.Closed() {
					held = append(held, in[:n]...)
					var used int
					s, _, used, _, v = Echo(s, held, Limits{MaxMessage: 1000})
					held = append([]byte(nil), held[used:]...)
					s = s.Sent()
					found = v.Closed() && s == nil
				} else if s != nil {
					found = found || Skip(s, in[:n])
				}
				in = in[n:]
			}
			if !v.Closed() || found != tt.found {
				t.Errorf("%s, %d bytes at a time: closed %v, the peer's close frame found %v, want %v",
					tt.name, size, v.Closed(), found, tt.found)
			}
			s.Free()
		}
	}
}

// A streamed frame that turns bad in its middle.
func TestSkipStreamed(t *testing.T) {
	bad := strings.Repeat("x", 50_000) + "\xff" + long(20_000)
	in := client(raw{first: fin | OpText, payload: bad}, raw{first: fin | OpClose})
	for _, size := range []int{1000, 30_000, 60_000} {
		s, found := (*Session)(nil), false
		var v Verdict
		for rest := append([]byte(nil), in...); len(rest) > 0; {
			n := min(size, len(rest))
			if v.Closed() {
				found = found || s != nil && Skip(s, rest[:n])
			} else {
				var used int
				if s, _, used, _, v = Echo(s, rest[:n], Limits{}); used != n {
					n = used
				}
				if s = s.Sent(); n == 0 {
					t.Fatal("nothing was consumed")
				}
			}
			rest = rest[n:]
		}
		if v.Code != CodeUTF8 || !found {
			t.Errorf("%d bytes at a time: %+v, the peer's close frame found %v", size, v, found)
		}
		s.Free()
	}
}

// Leave finds it from wherever the connection was.
func TestLeave(t *testing.T) {
	large := client(raw{first: fin | OpBinary, payload: long(50_000)})
	closeFrame := client(raw{first: fin | OpClose, payload: "\x03\xe8bye"})
	for _, cut := range []int{0, 1, 5, 13, 14, 20_000, len(large)} {
		s, _, n, _, v := Echo(nil, append([]byte(nil), large[:cut]...), Limits{})
		if v.Closed() {
			t.Fatal(v)
		}
		s = Leave(s.Sent())
		held := append(append([]byte(nil), large[n:]...), closeFrame...)
		if Skip(s, held[:len(held)-1]) || !Skip(s, held[len(held)-1:]) {
			t.Errorf("left after %d bytes: the close frame is not found where it is", cut)
		}
		s.Free()
	}
}
