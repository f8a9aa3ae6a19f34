//go:build !race

// The race detector makes sync.Pool forget on purpose, so this is measured
// without it.

package echo

import (
	"testing"

	"github.com/c10m/c10m/internal/ws"
	"github.com/c10m/c10m/tests/heap"
)

// TestMallocs: neither a message nor a connection allocates anything, whether its
// bytes come at once, in two reads, or so large that they are streamed, and
// whether the peer takes its echo at once or later.
func TestMallocs(t *testing.T) {
	frame := func(n int) []byte { return ws.AppendFrame(nil, ws.OpBinary, make([]byte, n), 9) }
	for name, tt := range map[string]struct {
		port, cut, room int
		in              []byte
	}{
		"TCP":                 {tcpPort, 0, 1 << 30, make([]byte, 64)},
		"TCP, not taken":      {tcpPort, 0, 10, make([]byte, 64)},
		"TCP, half taken":     {tcpPort, 0, 20_000, make([]byte, 40_000)},
		"whole":               {wsPort, 0, 1 << 30, frame(64)},
		"split":               {wsPort, 20, 1 << 30, frame(64)},
		"split header":        {wsPort, 3, 1 << 30, frame(64)},
		"large, in parts":     {wsPort, 20_000, 1 << 30, frame(40_000)},
		"large, not taken":    {wsPort, 20_000, 100, frame(40_000)},
		"a connection of TCP": {tcpPort, -1, 1 << 30, make([]byte, 64)},
		"a WebSocket":         {wsPort, -1, 1 << 30, []byte(request)},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, Config{})
			if tt.port == tcpPort {
				b.open(tcpPort)
			} else {
				b.upgraded()
			}
			in := make([]byte, len(tt.in))
			once := func() {
				copy(in, tt.in) // it is echoed in place
				b.out, b.room = b.out[:0], tt.room
				switch {
				case tt.cut < 0:
					s := b.Loop.Open(b.fd, tt.port)
					b.Admit(tt.port)
					s, _ = b.Input(b.fd, tt.port, s, in)
					b.Gone(b.fd, tt.port, s)
					return
				case tt.cut > 0:
					b.s, _ = b.Input(b.fd, b.port, b.s, in[:tt.cut])
				}
				b.s, _ = b.Input(b.fd, b.port, b.s, in[tt.cut:])
				b.took(1 << 30)
			}
			for range 100 {
				once()
			}
			const times = 5000
			if got := float64(heap.Mallocs(func() {
				for range times {
					once()
				}
			})) / times; got >= 0.05 {
				t.Errorf("%.2f mallocs each time, want less than 0.05", got)
			}
		})
	}
}
