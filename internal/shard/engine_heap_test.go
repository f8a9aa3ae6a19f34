//go:build !race

// The race detector makes sync.Pool forget on purpose and has memory of its
// own, so both are measured without it.

package shard

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/c10m/c10m/internal/echo"
	"github.com/c10m/c10m/tests/heap"
)

// TestIdleHeap is apart from engineTests: the race detector has a heap of its own.
func TestIdleHeap(t *testing.T) {
	for _, name := range Engines() {
		t.Run(name, func(t *testing.T) { testIdleHeap(t, engines[name]) })
	}
}

// testIdleHeap: 2,000 idle WebSocket connections take no more heap than as many
// of TCP, within 16 bytes each. Both ends are in it, the same client for both.
func testIdleHeap(t *testing.T, e echo.Engine) {
	const conns, most = 2000, 16
	var tcp, web float64
	for range 3 { // what else the process does is in it too
		tcp = heapOf(t, e, conns, echo.TCP)
		web = heapOf(t, e, conns, echo.WS)
		if web-tcp <= most {
			return
		}
	}
	t.Errorf("an idle WebSocket takes %.0f B of heap, TCP %.0f B: %.0f more, at most %d are wanted",
		web, tcp, web-tcp, most)
}

// heapOf is the heap that each of conns idle connections takes.
func heapOf(t *testing.T, e echo.Engine, conns int, proto string) float64 {
	t.Helper()
	cfg, ctr := echo.Config{Limit: int64(conns), Ports: []echo.Port{{Proto: proto}}}, new(echo.Counters)
	addr := place(t, &cfg)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- echo.Serve(ctx, e, cfg, ctr) }()
	await(t, func() bool { return echo.State(ctr.State.Load()) == echo.Ready })
	all := make([]io.Closer, 0, conns)
	answer := make([]byte, 4096)
	before := heap.Live()
	for range conns {
		c := connect(t, addr)
		all = append(all, c)
		if proto != echo.WS {
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
		return ctr.Open.Load() == int64(conns) && (proto != echo.WS || ctr.Upgraded.Load() == int64(conns))
	})
	each := float64(heap.Live()-before) / float64(conns)
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
