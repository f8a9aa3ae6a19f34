package epoll

import (
	"bytes"
	"testing"

	"github.com/c10m/c10m/internal/echo"
	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/ws"
)

// send writes all of p as the peer.
func (p pair) send(tb testing.TB, b []byte) {
	tb.Helper()
	if n, errno := sys.Send(p.peer, b); n != len(b) || errno != 0 {
		tb.Fatalf("%d of %d bytes were sent, %v", n, len(b), errno)
	}
}

// back is what has come back to the peer, at most most bytes.
func (p pair) back(tb testing.TB, most int) []byte {
	tb.Helper()
	b := make([]byte, most)
	n, errno := sys.Read(p.peer, b)
	if errno != 0 && errno != sys.EAGAIN {
		tb.Fatal(errno)
	}
	return b[:n]
}

// TestLargeMessage: 64 KiB take one read, and a frame of them comes back as one frame,
// not in fragments.
func TestLargeMessage(t *testing.T) {
	const size = 64 << 10
	plain := pattern(size)
	header := []byte{0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0} // RFC 6455 section 5.2: final, binary, 64 bits of length
	for _, tt := range []struct {
		proto    string
		in, want []byte
	}{
		{echo.TCP, plain, plain},
		{echo.WS, ws.AppendFrame(nil, ws.OpBinary, plain, 0x01020304), append(header, plain...)},
	} {
		t.Run(tt.proto, func(t *testing.T) {
			h := newHarness(t, tt.proto)
			p := h.fds[0]
			p.upgrade(t, h)
			before := h.reads
			p.send(t, tt.in)
			h.turn(t)
			if n := h.reads - before; n != 1 {
				t.Errorf("%d reads, want 1", n)
			}
			if got := p.back(t, 2*size); !bytes.Equal(got, tt.want) {
				t.Errorf("%d bytes came back, want the same %d in one frame", len(got), len(tt.want))
			}
		})
	}
}

// TestFloodIsReadInTurns: who sends more than can be read in a turn is read on without
// another event, and others have their turn between.
func TestFloodIsReadInTurns(t *testing.T) {
	const size, turns = 100, 10
	h := newHarness(t, echo.TCP)
	h.buf = h.buf[:size]
	flood, other := h.fds[0], h.connect(t)
	all := pattern(turns * readBurst * size)
	flood.send(t, all)
	for turn := 1; turn <= turns; turn++ {
		other.send(t, []byte{byte(turn)})
		h.turn(t)
		if got := other.back(t, 9); !bytes.Equal(got, []byte{byte(turn)}) {
			t.Errorf("turn %d: %v came back to the other one", turn, got)
		}
		if got, want := flood.back(t, len(all)), all[:readBurst*size]; !bytes.Equal(got, want) {
			t.Fatalf("turn %d: %d bytes came back to the flood, want %d", turn, len(got), len(want))
		}
		if all = all[readBurst*size:]; len(all) > 0 && h.timeout() != 0 {
			t.Fatalf("turn %d: it waits for %v while there is more to read", turn, h.timeout())
		}
	}
	h.turn(t) // finds that there is no more
	if h.timeout() == 0 {
		t.Error("nothing is left, and it does not wait")
	}
}
