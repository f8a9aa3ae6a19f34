package ws

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// readAll gives chunks to a Reader the way a connection would, and writes down
// whole messages and control frames, "opcode payload" or "error code".
func readAll(t *testing.T, chunks ...[]byte) (events []string, end Reader) {
	t.Helper()
	var r Reader
	var held, message []byte
	for _, c := range chunks {
		in := append(held, c...)
		for {
			ev, n := r.Next(in)
			in = in[n:]
			switch ev.Kind {
			case Data:
				message = append(message, ev.Payload...)
				if ev.Final {
					events, message = append(events, fmt.Sprintf("%d %s", ev.Op, message)), nil
				}
			case Ping:
				events = append(events, "ping "+string(ev.Payload))
			case Pong:
				events = append(events, "pong "+string(ev.Payload))
			case Closed:
				return append(events, fmt.Sprintf("close %d %s", ev.Code, ev.Payload)), r
			case Error:
				return append(events, fmt.Sprintf("error %d", ev.Code)), r
			}
			if ev.Kind == More {
				break
			}
		}
		if held = bytes.Clone(in); len(held) > MaxReaderHeld {
			t.Fatalf("%d bytes are held, at most %d may be", len(held), MaxReaderHeld)
		}
	}
	return events, r
}

var readerCases = []struct {
	name string
	in   []byte
	want []string
}{
	{"5.1 masked frame", client(raw{first: fin | OpText, payload: "Hi"}), []string{"error 1002"}},
	{"5.1 masked empty ping", client(raw{first: fin | OpPing}), []string{"error 1002"}},
	{"5.2 RSV1", server(raw{first: fin | 0x40 | OpText, payload: "Hi"}), []string{"error 1002"}},
	{"5.2 opcode 3", server(raw{first: fin | 3}), []string{"error 1002"}},
	{"5.2 opcode F", server(raw{first: fin | 0xF}), []string{"error 1002"}},
	{"5.2 16-bit length not minimal", []byte{fin | OpBinary, 126, 0, 125}, []string{"error 1002"}},
	{"5.2 64-bit length not minimal", []byte{fin | OpBinary, 127, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF}, []string{"error 1002"}},
	{"5.2 64-bit length, top bit", []byte{fin | OpBinary, 127, 0x80, 0, 0, 0, 0, 1, 0, 0}, []string{"error 1002"}},
	{"5.2 64-bit length, more than a Reader takes", []byte{fin | OpBinary, 127, 0, 0, 0, 0, 0x10, 0, 0, 0},
		[]string{"error 1009"}},
	{"5.2 lengths 0, 125, 126", server(raw{first: fin | OpText}, raw{first: fin | OpText, payload: long(125)},
		raw{first: fin | OpBinary, payload: long(126)}),
		[]string{"1 ", "1 " + long(125), "2 " + long(126)}},
	{"5.4 fragments with ping and pong between", server(raw{first: OpText, payload: "a"},
		raw{first: fin | OpPing, payload: "p"}, raw{first: 0, payload: "b"}, raw{first: fin | OpPong},
		raw{first: fin, payload: "c"}),
		[]string{"ping p", "pong ", "1 abc"}},
	{"5.4 empty fragments", server(raw{first: OpBinary}, raw{first: 0}, raw{first: fin}), []string{"2 "}},
	{"5.4 continuation without start", server(raw{first: fin, payload: "a"}), []string{"error 1002"}},
	{"5.4 continuation after the end", server(raw{first: fin | OpText, payload: "a"}, raw{first: fin}),
		[]string{"1 a", "error 1002"}},
	{"5.4 new message inside a fragmented one", server(raw{first: OpText, payload: "a"}, raw{first: fin | OpText}),
		[]string{"error 1002"}},
	{"5.5 fragmented ping", server(raw{first: OpPing}), []string{"error 1002"}},
	{"5.5 ping of 126 bytes", server(raw{first: fin | OpPing, payload: long(126)}), []string{"error 1002"}},
	{"5.5.1 close", server(raw{first: fin | OpClose, payload: "\x03\xe8"}), []string{"close 1000 "}},
	{"5.5.1 close inside a message", server(raw{first: OpText, payload: "a"},
		raw{first: fin | OpClose, payload: "\x03\xe9bye"}), []string{"close 1001 bye"}},
	{"5.5.1 empty close", server(raw{first: fin | OpClose}), []string{"close 1005 "}},
	{"5.5.1 longest reason", server(raw{first: fin | OpClose, payload: "\x03\xe9" + long(123)}),
		[]string{"close 1001 " + long(123)}},
	{"5.5.1 close of one byte", server(raw{first: fin | OpClose, payload: "\x03"}), []string{"error 1002"}},
	{"5.5.1 reason is not UTF-8", server(raw{first: fin | OpClose, payload: "\x03\xe8\xff"}), []string{"error 1007"}},
	{"7.4.1 code 1005 on the wire", server(raw{first: fin | OpClose, payload: "\x03\xed"}), []string{"error 1002"}},
	{"7.4.2 code 1012, registered later", server(raw{first: fin | OpClose, payload: "\x03\xf4"}), []string{"close 1012 "}},
	{"7.4.2 code 1015", server(raw{first: fin | OpClose, payload: "\x03\xf7"}), []string{"error 1002"}},
	{"7.4.2 code 5000", server(raw{first: fin | OpClose, payload: "\x13\x88"}), []string{"error 1002"}},
}

func TestReader(t *testing.T) {
	ahead := server(raw{first: fin | OpText, payload: "one"}, raw{first: fin | OpPing, payload: "two"})
	for _, tc := range readerCases {
		t.Run(tc.name, func(t *testing.T) {
			check := func(split string, chunks [][]byte, want []string) {
				if got, _ := readAll(t, chunks...); !slices.Equal(got, want) {
					t.Errorf("%s: got %q, want %q", split, got, want)
				}
			}
			splits(tc.in, func(split string, chunks [][]byte) { check(split, chunks, tc.want) })
			splits(join(ahead, tc.in), func(split string, chunks [][]byte) {
				check("after others, "+split, chunks, append([]string{"1 one", "ping two"}, tc.want...))
			})
		})
	}
}

// Both ends together: what AppendFrame writes comes back through Echo and
// Reader, whatever the splitting, and both ends are idle afterwards.
func TestThereAndBack(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 150 {
		var in []byte
		var want []string
		for range 1 + r.IntN(4) {
			op := OpText + byte(r.IntN(2))
			payload := message(r, op)
			in = AppendFrame(in, op, []byte(payload), r.Uint32())
			want = append(want, fmt.Sprintf("%d %s", op, payload))
		}
		out, v, s := feed(t, Limits{}, chop(in, r.Uint64())...)
		got, end := readAll(t, chop(out, r.Uint64())...)
		if v.Closed() || s != nil || end != (Reader{}) || !slices.Equal(got, want) {
			t.Fatalf("verdict %v, session %v, reader %v, got %.100q, want %.100q", v, s, end, got, want)
		}
	}
}

// A frame that is streamed comes back at once, piece by piece, and a fault in
// the middle of it is answered at once, between two frames of ours.
func TestEchoStreams(t *testing.T) {
	payload := []byte(long(50_000))
	payload[40_000] = 0xFF
	frame := AppendFrame(nil, OpText, payload, testKey)
	out, v, s := feed(t, Limits{}, frame[:30_000], frame[30_000:40_008])
	if got := decode(t, out); v.Closed() || s == nil || len(got.open) != 1+40_000 {
		t.Fatalf("of the good part came back %d bytes, %v", len(got.open)-1, v)
	}
	s.Free()
	out, v, _ = feed(t, Limits{}, frame[:30_000], frame[30_000:40_008], frame[40_008:40_009])
	if got := decode(t, out); v != badText || got.cause != UTF8 {
		t.Errorf("the bad byte was answered by %v, sent %v", v, got.cause)
	}
}

// A smaller text frame waits until it is whole, but its fault does not.
func TestEchoFailsEarly(t *testing.T) {
	frame := AppendFrame(nil, OpText, []byte("good\xe2\x82\x41 and much more"), testKey)
	for n := 1; n <= len(frame); n++ {
		single := make([][]byte, n)
		for i := range n {
			single[i] = frame[i : i+1]
		}
		_, v, s := feed(t, Limits{}, single...)
		if want := n >= 6+7; v.Closed() != want || want && v != badText {
			t.Errorf("after %d bytes: %v", n, v)
		}
		s.Free()
	}
}

// A frame of MaxHeld bytes is waited for, one more byte and it is streamed.
func TestEchoHolds(t *testing.T) {
	for _, tc := range []struct {
		name     string
		payload  int
		consumed int // of the frame but its last byte
		session  bool
	}{
		{"MaxHeld", MaxHeld - 8, 0, false},
		{"MaxHeld + 1", MaxHeld - 7, MaxHeld, true},
	} {
		frame := AppendFrame(nil, OpBinary, []byte(long(tc.payload)), testKey)
		s, out, n, _, _ := Echo(nil, frame[:len(frame)-1], Limits{})
		if n != tc.consumed || len(out) != max(n-maskSize, 0) || (s != nil) != tc.session {
			t.Errorf("%s: took %d bytes, sent %d, session %v", tc.name, n, len(out), s)
		}
		s.Free()
	}
}

// Without Sent everything works, only the buffer stays.
func TestEchoWithoutSent(t *testing.T) {
	payload := long(60_000)
	frame := AppendFrame(nil, OpBinary, []byte(payload), testKey)
	next := AppendFrame(nil, OpText, []byte("next"), testKey)
	var out []byte
	var s *Session
	for _, in := range [][]byte{frame[:20_000], frame[20_000:30_000], frame[30_000:], next} {
		var o []byte
		s, o, _, _, _ = Echo(s, in, Limits{})
		out = append(out, o...)
	}
	got := decode(t, out)
	if want := []string{"\x02" + payload, "\x01next"}; !slices.Equal(got.events, want) {
		t.Errorf("got %.50q", got.events)
	}
	if s = s.Sent(); s != nil {
		t.Errorf("an idle connection has a session: %+v", s.state)
	}
}

// AppendPart gives the same bytes as AppendFrame, wherever it is cut.
func TestAppendPart(t *testing.T) {
	for _, n := range []int{0, 1, 5, 125, 126, 300, 65535, 65536} {
		payload := []byte(long(n))
		want := AppendFrame(nil, OpBinary, payload, 0xA1B2C3D4)
		if len(want) != FrameSize(n) {
			t.Fatalf("FrameSize(%d) = %d, the frame has %d", n, FrameSize(n), len(want))
		}
		for cut := 0; cut <= min(len(want), 40); cut++ {
			got := AppendPart([]byte("x"), OpBinary, payload, 0xA1B2C3D4, 0, cut)
			for len(got) <= len(want) {
				got = AppendPart(got, OpBinary, payload, 0xA1B2C3D4, len(got)-1, 1000+cut)
			}
			if !bytes.Equal(got[1:], want) {
				t.Fatalf("%d bytes of payload, cut at %d: the parts are not the frame", n, cut)
			}
		}
	}
}
