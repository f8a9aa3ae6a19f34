//go:build chaos

package chaos

import (
	"strings"
	"testing"
	"time"

	"github.com/c10m/c10m/tests/rig"
)

// hostile is one kind of hostile peer.
type hostile struct {
	name   string
	attack string
	ws     bool // it attacks the WebSocket ports
	conns  int
	short  time.Duration // how long each round lasts
	// bound is how much memory the attack may take while it lasts.
	bound int64
	// drops is the cause that the server must count for those that it drops.
	drops string
	least int64 // connections that the attack must have made at least
	flags string
}

// tight are the flags of a server that drops peers that read nothing before the attack
// ends, and buffers little for all of them.
const tight = "--stall 1s --buffer-budget 32M"

const mib = 1 << 20

var hostiles = []hostile{
	{name: "connect-and-close storm", attack: "storm", short: time.Second, bound: 32 * mib, least: 500},
	{name: "RST flood", attack: "rst", short: time.Second, bound: 32 * mib, least: 500},
	{name: "slow readers", attack: "slow", conns: 40, short: 3 * time.Second, bound: 112 * mib, drops: "slow_reader",
		least: 40, flags: tight},
	{name: "a byte at a time", attack: "bytes", conns: 200, short: time.Second, bound: 16 * mib, least: 200},
	{name: "HTTP on TCP ports", attack: "http", short: time.Second, bound: 64 * mib, least: 50},
	{name: "noise", attack: "noise", conns: 40, short: time.Second, bound: 112 * mib, least: 40, flags: tight},
	{name: "half closed", attack: "halves", conns: 500, short: time.Second, bound: 16 * mib, least: 100},
	{name: "WebSocket, half-open and slow handshakes", attack: "handshakes", ws: true, conns: 400,
		short: 3 * time.Second, bound: 24 * mib, drops: "handshake_timeout", least: 400},
	{name: "WebSocket, garbage", attack: "garbage", ws: true, short: time.Second, bound: 32 * mib,
		drops: "handshake_refused", least: 50},
	{name: "WebSocket, huge headers", attack: "headers", ws: true, short: time.Second, bound: 32 * mib,
		drops: "handshake_refused", least: 50},
	{name: "WebSocket, endless fragments", attack: "fragments", ws: true, conns: 20, short: time.Second,
		bound: 112 * mib, drops: "ws_too_big", least: 20, flags: "--max-message 1M"},
	{name: "WebSocket, empty fragments", attack: "empties", ws: true, conns: 20, short: time.Second, bound: 32 * mib,
		least: 20},
	{name: "WebSocket, ping flood", attack: "pings", ws: true, conns: 20, short: 3 * time.Second, bound: 112 * mib,
		drops: "slow_reader", least: 20, flags: tight},
	{name: "WebSocket, frames that may not be", attack: "frames", ws: true, short: time.Second, bound: 32 * mib,
		drops: "ws_protocol", least: 50},
	{name: "WebSocket, close storm", attack: "closes", ws: true, short: time.Second, bound: 64 * mib, least: 50},
}

// TestHostilePeers: each attack costs a bounded amount of memory while it lasts and none
// afterwards, no well-behaved connection is lost, and none waits for more than 3 times as
// long as before.
func TestHostilePeers(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	for _, h := range hostiles {
		t.Run(h.name, func(t *testing.T) {
			rig.NoLeaks(t)
			o := rig.Options{Ports: 20, Flags: append([]string{"--workers", "1"}, strings.Fields(h.flags)...)}
			if h.ws {
				o.WS = 20
				o.Flags = append(o.Flags, "--handshake-timeout", "1s")
			}
			h.endure(t, rig.Start(t, o))
		})
	}
}

const (
	// rounds is how often each attack is repeated: the first may leave pools and
	// tables behind that the next ones use; what grows with each round is a leak.
	rounds = 2
	// moreRounds is how many more there may be for the latency: on a busy
	// machine any one of them may be somebody else's.
	moreRounds = 4
	// leakSlack is what memory may differ between the ends of two rounds: pages
	// that the collector has not returned yet.
	leakSlack = 3 * mib
)

// endure attacks the server for some rounds, and judges latency and memory.
func (h hostile) endure(t *testing.T, s *rig.Server) {
	t.Helper()
	c := newCanary(t, s)
	var after []int64
	meanwhile, afterwards := 0.0, 0.0
	for i := 0; i < rounds || i < rounds+moreRounds && (meanwhile > factor || afterwards > factor); i++ {
		calm := c.calm()
		r := h.unleash(t, s)
		slowed := make(chan float64, 1)
		go func() { slowed <- c.slowed(calm, r.atWork) }()
		d, peak := h.watch(t, s, r)
		if d.Conns < h.least {
			t.Fatalf("only %d connections (%s): no attack", d.Conns, d.Error)
		}
		during := <-slowed
		r.end()
		s.Open(t, canaries)
		left := 3
		then := c.slowed(calm, func() bool { left--; return left > 0 })
		c.hush()
		c.well(t)
		after = append(after, quietMemory(t, s))
		c.talk()
		t.Logf("round %d: %d connections, %d KiB, %d ended by the server; latency × %.2f meanwhile, × %.2f "+
			"afterwards, before %v; memory peak %+d KiB, then %+d KiB",
			i+1, d.Conns, d.Bytes/1024, d.Ended, during, then, calm, peak/1024, (after[i]-after[0])/1024)
		if i == 0 {
			meanwhile, afterwards = during, then
		}
		meanwhile, afterwards = min(meanwhile, during), min(afterwards, then)
	}
	if meanwhile > factor || afterwards > factor {
		t.Errorf("latency × %.2f meanwhile and × %.2f afterwards, at most × %g", meanwhile, afterwards, factor)
	}
	if last := after[len(after)-1]; last-after[0] > leakSlack {
		t.Errorf("leak: memory of the server after each round: %d", after)
	}
	if n := s.Report(t).Refused[h.drops]; h.drops != "" && n == 0 {
		t.Errorf("the server counts none dropped as %s: %v", h.drops, s.Report(t).Refused)
	}
}

// watch measures memory while the attack lasts.
func (h hostile) watch(t *testing.T, s *rig.Server, r *running) (d deed, peak int64) {
	t.Helper()
	before := private(t, s)
	for {
		select {
		case <-r.done:
			return r.deed, max(peak, private(t, s)-before)
		case <-time.After(50 * time.Millisecond):
		}
		if peak = max(peak, private(t, s)-before); peak > h.bound {
			t.Fatalf("memory grew by %d bytes, at most %d allowed", peak, h.bound)
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

// quietMemory is the memory once the server has returned what it does not need.
// It does so after two seconds of silence, and says how much heap is left then.
func quietMemory(t *testing.T, s *rig.Server) int64 {
	t.Helper()
	heap := s.Report(t).Shards[0].HeapBytes
	give := time.Now().Add(10 * time.Second) // the same to the byte: unlikely, but possible
	rig.Await(t, "the server to settle", func() bool {
		now := s.Report(t).Shards[0].HeapBytes // none while it has not
		return now > 0 && now != heap || time.Now().After(give)
	})
	return private(t, s)
}
