//go:build !race

// The race detector makes sync.Pool forget on purpose and has memory of its
// own, so both are measured without it.

package echo

import (
	"bytes"
	"context"
	"io"
	"runtime"
	"testing"

	"github.com/c10m/c10m/internal/ws"
)

// TestMallocsPerMessage: an echo allocates nothing, whether its frame comes at
// once, in two reads, or so large that it is streamed.
func TestMallocsPerMessage(t *testing.T) {
	for name, tt := range map[string]struct{ payload, cut int }{"whole": {64, 0}, "split": {64, 20}, "split header": {64, 3}, "large, in parts": {40_000, 20_000}} {
		t.Run(name, func(t *testing.T) {
			const messages = 5000
			e, c := upgradedConn(t)
			frame := ws.AppendFrame(nil, ws.OpBinary, make([]byte, tt.payload), 9)
			in := make([]byte, len(frame))
			echo := func() {
				copy(in, frame) // it is echoed in place
				c.out = c.out[:0]
				if tt.cut > 0 {
					c.arrive(t, e, in[:tt.cut])
				}
				c.arrive(t, e, in[tt.cut:])
			}
			for range 100 {
				echo()
			}
			if got := float64(mallocs(func() {
				for range messages {
					echo()
				}
			})) / messages; got >= 0.05 {
				t.Errorf("%.2f mallocs a message, want less than 0.05", got)
			}
		})
	}
}

// mallocs is how many f makes, and whatever else runs meanwhile.
func mallocs(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.Mallocs - before.Mallocs
}

// TestIdleHeap: 2,000 idle WebSocket connections take no more heap than as many
// of TCP, within 16 bytes each. Both ends are in it, the same client for both.
func TestIdleHeap(t *testing.T) {
	const conns, most = 2000, 16
	var tcp, web float64
	for range 3 { // what else the process does is in it too
		tcp = heapOf(t, conns, TCP)
		web = heapOf(t, conns, WS)
		if web-tcp <= most {
			return
		}
	}
	t.Errorf("an idle WebSocket takes %.0f B of heap, TCP %.0f B: %.0f more, at most %d are wanted", web, tcp, web-tcp, most)
}

// heapOf is the heap that each of conns idle connections takes.
func heapOf(t *testing.T, conns int, proto string) float64 {
	t.Helper()
	cfg, ctr := Config{Limit: int64(conns), Ports: []Port{{Proto: proto}}}, new(Counters)
	addr := cfg.place(t)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, cfg, ctr) }()
	await(t, func() bool { return State(ctr.State.Load()) == Ready })
	all := make([]io.Closer, 0, conns)
	answer := make([]byte, 4096)
	before := liveHeap()
	for range conns {
		c := connect(t, addr)
		all = append(all, c)
		if proto != WS {
			continue
		}
		if _, err := io.WriteString(c, request); err != nil {
			t.Fatal(err)
		}
		for n := 0; !bytes.HasSuffix(answer[:n], []byte("\r\n\r\n")); {
			more, err := c.Read(answer[n:])
			if err != nil {
				t.Fatal(err)
			}
			n += more
		}
	}
	await(t, func() bool {
		return ctr.Open.Load() == int64(conns) && (proto != WS || ctr.Upgraded.Load() == int64(conns))
	})
	each := float64(int64(liveHeap())-int64(before)) / float64(conns)
	for _, c := range all {
		_ = c.Close()
	}
	await(t, func() bool { return ctr.Open.Load() == 0 })
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Serve: %v", err)
	}
	return each
}

// liveHeap is what is live: pools give up what they keep at the second collection.
func liveHeap() uint64 {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
