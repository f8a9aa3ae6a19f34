//go:build chaos

package chaos

import (
	"fmt"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/tests/rig"
)

// hostile is one kind of peer.
type hostile struct {
	name   string
	attack string
	conns  int
	short  time.Duration // how long each round lasts
	full   time.Duration
	// bound is how much memory the attack may take while it lasts, beyond what
	// as many idle connections would: bytes.
	bound int64
	// drops is the cause that the server must count for each that it drops.
	drops string
	least int64 // connections that the attack must have made at least
}

const mib = 1 << 20

// perConn is what the server's process may keep for a connection while it is
// open, and somewhat more.
const perConn = 1000

var hostiles = []hostile{
	{name: "connect-and-close storm", attack: "storm", short: 2 * time.Second, full: time.Minute, bound: 32 * mib, least: 500},
	{name: "RST flood", attack: "rst", short: 2 * time.Second, full: time.Minute, bound: 32 * mib, least: 500},
	{name: "slow readers", attack: "slow", conns: 40, short: 2 * time.Second, full: time.Minute, bound: 40*2*mib + 32*mib, drops: "slow_reader", least: 40},
	{name: "a byte at a time", attack: "bytes", conns: 200, short: time.Second, full: time.Minute, bound: 16 * mib, least: 200},
	{name: "HTTP on TCP ports", attack: "http", short: time.Second, full: time.Minute, bound: 64 * mib, least: 50},
	{name: "noise", attack: "noise", conns: 40, short: time.Second, full: time.Minute, bound: 40*2*mib + 32*mib, least: 40},
	{name: "half closed", attack: "halves", conns: 500, short: time.Second, full: time.Minute, bound: 16 * mib, least: 100},
	{name: "all closed at once", attack: "crowd", conns: 10_000, short: time.Minute, full: time.Minute, bound: 10_000*perConn + 16*mib, least: 10_000},
}

// TestHostilePeers: what each kind of them does costs a bounded amount of
// memory while it lasts and none afterwards, no well-behaved connection is lost,
// and none waits for more than 3 times as long as before.
func TestHostilePeers(t *testing.T) {
	for _, h := range hostiles {
		t.Run(h.name, func(t *testing.T) {
			rig.NoLeaks(t)
			s := rig.Start(t, rig.Options{Ports: 20, Flags: []string{"--workers", "1"}})
			h.endure(t, s, s.First, s.N)
		})
	}
}

// rounds is how often each attack is repeated: the first may leave pools and
// tables behind that the next ones use; what grows with each round is a leak.
const rounds = 3

// endure attacks the server's ports, and judges.
func (h hostile) endure(t *testing.T, s *rig.Server, first, n int) {
	c := newCanary(t, s)
	calm := c.calm()
	var after []int64
	for i := range rounds {
		r := unleash(t, s, h.attack, first, n, lasting(h.short, h.full), h.conns)
		last := i == rounds-1
		d, peak := h.watch(t, s, c, r, calm, last)
		if d.Error != "" && d.Conns == 0 {
			t.Fatalf("the attacker: %s", d.Error)
		}
		if d.Conns < h.least {
			t.Errorf("only %d connections in %v: no attack", d.Conns, lasting(h.short, h.full))
		}
		r.end()
		s.Open(t, canaries)
		c.well(t)
		c.hush()
		after = append(after, quietMemory(t, s))
		c.talk()
		t.Logf("round %d: %d connections, %d bytes, %d ended by the server (%s); peak %+d KiB, after %+d KiB", i+1, d.Conns, d.Bytes, d.Ended,
			d.Error, peak/1024, (after[i]-after[0])/1024)
	}
	c.stays(t, "afterwards", calm, 40)
	if grew := after[rounds-1] - after[0]; grew > leakSlack {
		t.Errorf("leak: memory of the server after each round: %d, in all %+d bytes since the first", after, grew)
	}
	if n := s.Report(t).Refused[h.drops]; h.drops != "" && n == 0 {
		t.Errorf("the server counts none dropped as %s", h.drops)
	}
}

// leakSlack is what memory may differ between the ends of two rounds: pages
// that the collector has not returned yet. A leak of one connection's state a
// connection would be several times as much.
const leakSlack = 3 * mib

// watch measures memory and latency while the attack lasts.
func (h hostile) watch(t *testing.T, s *rig.Server, c *canary, r *running, calm time.Duration, judge bool) (d deed, peak int64) {
	t.Helper()
	before := private(t, s)
	if judge {
		c.stays(t, "meanwhile", calm, int(max(2, lasting(h.short, h.full)/window)))
	}
	for {
		peak = max(peak, private(t, s)-before)
		if peak > h.bound {
			t.Errorf("%s: memory grew by %d bytes, at most %d allowed", h.name, peak, h.bound)
			return d, peak
		}
		select {
		case d = <-r.done:
			return d, max(peak, private(t, s)-before)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// private is the memory that the server's processes have for themselves.
func private(t *testing.T, s *rig.Server) int64 {
	t.Helper()
	r := s.Memory(t)
	if r.Memory == nil {
		t.Fatal("the server does not say what memory it has")
	}
	return int64(r.Memory.Private)
}

// quietMemory is the memory after the server has returned what it does not need:
// it does so after two seconds of silence.
func quietMemory(t *testing.T, s *rig.Server) int64 {
	t.Helper()
	least, same := private(t, s), 0
	var r result.ServerReport
	rig.Await(t, "memory to settle", func() bool {
		time.Sleep(200 * time.Millisecond)
		r = s.Memory(t)
		now := int64(r.Memory.Private)
		if same++; now < least-64<<10 {
			same = 0
		}
		least = min(least, now)
		return same >= 14 // longer than the silence it waits for
	})
	return least
}

func (h hostile) String() string { return fmt.Sprintf("%s × %d", h.attack, h.conns) }
