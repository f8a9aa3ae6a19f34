package epoll

import (
	"net"
	"slices"
	"testing"

	"github.com/c10m/c10m/internal/echo"
	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/tests/nettest"
)

// maxLead is how many connections one loop may hold more than another while few come: what
// comes between two comparisons, and a batch.
const maxLead = 2*weighEvery + maxBurst

// TestEvenShares: once all connections of one loop have gone, it gets those that come
// until it holds as many as the other, and all are served.
func TestEvenShares(t *testing.T) {
	const conns = 500
	s := serve(t, echo.Config{Loops: 2, Limit: 3 * conns})
	of := [2][]*net.TCPConn{}
	for i := range int64(conns) {
		before := s.LoopOpen(2)
		c := s.dial(t)
		nettest.Await(t, "the connection", func() bool {
			each := s.LoopOpen(2)
			return each[0]+each[1] == i+1 && s.Open.Load() == i+1
		})
		loop := 0
		if s.LoopOpen(2)[1] > before[1] {
			loop = 1
		}
		of[loop] = append(of[loop], c)
	}
	for _, c := range of[0] {
		_ = c.Close()
	}
	nettest.Await(t, "the end of one loop's", func() bool { return s.LoopOpen(2)[0] == 0 })
	kept := of[1]
	if len(kept) < conns/3 {
		t.Fatalf("of %d connections one loop had %d", conns, len(kept))
	}
	for range conns {
		kept = append(kept, s.dial(t))
	}
	nettest.Await(t, "all connections", func() bool { return s.Open.Load() == int64(len(kept)) })
	if each := s.LoopOpen(2); slices.Max(each)-slices.Min(each) > maxLead {
		t.Errorf("the loops hold %d", each)
	}
	for _, c := range kept {
		echoes(t, c)
	}
}

// TestNoneSwings: several loops that are ahead of one do not give it so much together that
// it is far ahead of them then.
func TestNoneSwings(t *testing.T) {
	const loops, conns = 6, 3000
	s := serve(t, echo.Config{Loops: loops, Limit: 2 * conns})
	for range conns {
		s.dial(t)
	}
	nettest.Await(t, "all connections", func() bool { return s.Open.Load() == conns })
	if each := s.LoopOpen(loops); slices.Max(each)-slices.Min(each) > maxLead {
		t.Errorf("the loops hold %d", each)
	}
}

// TestHandedTooLate: what is in a loop's inbox when the loop has ended is closed.
func TestHandedTooLate(t *testing.T) {
	h := newHarness(t, echo.TCP)
	p := newPair(t)
	defer sys.Close(p.peer)
	h.lane.loops = []*loop{h.loop}
	h.eng.lanes = []*lane{h.lane}
	h.inbox <- handed{fd: p.own}
	h.eng.dropHanded()
	if n, errno := sys.Read(p.peer, make([]byte, 1)); n != 0 || errno != 0 {
		t.Errorf("the peer reads %d bytes, %v: want the end", n, errno)
	}
}
