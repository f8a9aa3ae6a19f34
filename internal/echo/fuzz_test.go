package echo

import (
	"bytes"
	"testing"

	"github.com/c10m/c10m/internal/ws"
)

// FuzzSession: any bytes, in any pieces, on sockets that take any amounts: what
// comes back does not depend on any of it, and nothing stays charged.
func FuzzSession(f *testing.F) {
	f.Add([]byte(request), uint16(7), uint16(3))
	f.Add(append([]byte(request), ws.AppendFrame(nil, ws.OpText, []byte("text"), 3)...), uint16(5), uint16(9))
	f.Add([]byte("\x16\x03\x01"), uint16(1), uint16(1))
	f.Fuzz(func(t *testing.T, in []byte, piece, room uint16) {
		run := func(piece, room int) []byte {
			b := newBench(t, Config{}).open(wsPort)
			next, end := Read, false
			for p, left := in, 1000+100*len(in); !next.Ends(); left-- {
				if left == 0 {
					t.Fatalf("%v for ever, %d bytes wait", next, b.s.Waiting())
				}
				b.room = room
				switch {
				case next != Read && (next == Write || b.s.Waiting() > 1<<16 || len(p) == 0):
					next = b.took(room)
				case len(p) == 0 && end:
					t.Fatalf("%v after the end", next)
				case len(p) == 0:
					end = true
					next = b.eof()
				default:
					n := min(piece, len(p))
					next = b.in(p[:n])
					p = p[n:]
				}
			}
			b.Gone(b.fd, b.port, b.s)
			if b.ctr.Buffered.Load() != 0 || b.used != 0 || b.TickEvery() != 0 {
				t.Fatalf("%d bytes stay charged", b.ctr.Buffered.Load())
			}
			return b.out
		}
		whole, parts := run(len(in)+1, 1<<30), run(int(piece)+1, int(room)+1)
		if len(in) < 16<<10 && !bytes.Equal(whole, parts) {
			t.Fatalf("whole: %q, in parts: %q", whole, parts)
		}
	})
}
