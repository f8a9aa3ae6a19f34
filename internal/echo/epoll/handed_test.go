package epoll

import (
	"net"
	"slices"
	"testing"

	"github.com/c10m/c10m/internal/echo"
	"github.com/c10m/c10m/tests/nettest"
)

// TestEvenShares: loops hold the same number of connections within 2 %, however the
// kernel deals them, and all of them are served; also after those of one loop have gone.
func TestEvenShares(t *testing.T) {
	const conns, loops = 2000, 2
	s := serve(t, echo.Config{Loops: loops, Limit: 2 * conns})
	var all []*net.TCPConn
	dial := func(n int) {
		for range n {
			all = append(all, s.dial(t))
		}
		nettest.Await(t, "all connections", func() bool { return s.Open.Load() == int64(len(all)) })
		if each := s.LoopOpen(loops); slices.Max(each)-slices.Min(each) > conns/loops/50 {
			t.Errorf("the loops hold %d", each)
		}
		for _, c := range all[:50] {
			echoes(t, c)
		}
	}
	dial(conns)
	kept := all[:0]
	for i, c := range all {
		if i%3 > 0 {
			kept = append(kept, c)
			continue
		}
		_ = c.Close()
	}
	all = kept
	nettest.Await(t, "the end of a third", func() bool { return s.Open.Load() == int64(len(all)) })
	dial(conns - len(all))
}
