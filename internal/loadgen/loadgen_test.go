package loadgen

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/tests/nettest"
)

// listen serves each connection in a goroutine of its own, and returns the port.
func listen(tb testing.TB, serve func(net.Conn)) int {
	tb.Helper()
	return int(nettest.Listen(tb, serve).Port())
}

// echoUntil sends back what it reads, up to and with a read that is the last. It
// has one buffer and allocates nothing per message, so what a benchmark counts is
// the engine's.
func echoUntil(c net.Conn, last func(read []byte) bool) {
	buf := make([]byte, 64<<10)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		if _, err := c.Write(buf[:n]); err != nil || last(buf[:n]) {
			return
		}
	}
}

func echo(c net.Conn) { echoUntil(c, func([]byte) bool { return false }) }

func echoServer(tb testing.TB) int { return listen(tb, echo) }

func testPlan(port int, conns int64, threads int) plan.Plan {
	return plan.Plan{Target: plan.Target{Places: plan.At(netip.MustParseAddr("127.0.0.1"), port)},
		Local: plan.DefaultLocalPorts, Total: conns, Conns: conns,
		Threads: threads, PrivateTables: threads > 1,
		Asked: plan.Asked{Window: 64, ConnectTimeout: 30 * time.Second, Close: plan.CloseRST}}
}

func TestEngine(t *testing.T) {
	for _, threads := range []int{1, 3} {
		e, err := Start(testPlan(echoServer(t), 301, threads), 5000)
		if err != nil {
			t.Fatal(err)
		}
		ctx := context.Background()
		e.Ramp(ctx)
		if c := e.Counts(); c.Open() != 301 || c.Failed != 0 {
			t.Fatalf("%d threads: after the ramp %+v, want 301 open", threads, c)
		}
		e.Exchange(ctx, Exchange{Size: 5000, PerConn: 3, Drain: time.Minute})
		e.Exchange(ctx, Exchange{Size: 100, PerConn: 1, Sample: 50, Window: 4, Drain: time.Minute})
		if c := e.Counts(); c.Received != 3*301+50 || c.Sent != c.Received || c.Bytes != 3*301*5000+50*100 {
			t.Errorf("%d threads: %+v, want %d echoes", threads, c, 3*301+50)
		}
		if c := e.Census(); c.PerDest[0] != 301 || len(c.PerThread) != threads {
			t.Errorf("census %+v", c)
		}
		e.Close(ctx)
		tally, err := e.Stop()
		if err != nil || tally.Closed != 301 || tally.Open() != 0 ||
			tally.Attempted != tally.Established+tally.Failed || len(tally.Errors) != 0 {
			t.Errorf("%d threads: tally %+v, %v", threads, tally.Counts, err)
		}
	}
}

func TestRampStopsWhenNobodyListens(t *testing.T) {
	e, err := Start(testPlan(nettest.DeadPort(t), 5000, 2), 1)
	if err != nil {
		t.Fatal(err)
	}
	e.Ramp(context.Background())
	tally, err := e.Stop()
	if err != nil || e.HaltReason() == "" || tally.Established != 0 || tally.Failed != tally.Attempted ||
		tally.Failed > 3000 || tally.Errors["connect_refused"] != tally.Failed {
		t.Errorf("reason %q, %+v, %v, %v; want an early end with every failure counted", e.HaltReason(), tally.Counts,
			tally.Errors, err)
	}
}

// Six dead ports of seven are failures, and no reason to give up.
func TestRampGoesOnPastDeadPorts(t *testing.T) {
	const dead, burst, rounds = 6, 64, 2
	p := testPlan(echoServer(t), burst*(dead+1)*rounds, 1)
	for range dead {
		p.Places[0].Ports = append([]int{nettest.DeadPort(t)}, p.Places[0].Ports...)
	}
	e, err := Start(p, 1)
	if err != nil {
		t.Fatal(err)
	}
	e.Ramp(context.Background())
	tally, err := e.Stop()
	if err != nil || e.HaltReason() != "" || tally.Established != burst*rounds || tally.Failed != dead*burst*rounds {
		t.Errorf("halted for %q, %+v, %v, %v; want all %d connects to the port that lives", e.HaltReason(),
			tally.Counts, tally.Errors, err, burst*rounds)
	}
}

// A sample is of what is open, wherever that lies in the plan.
func TestSampleOfTheOpen(t *testing.T) {
	const room, conns = 200, 300
	var came atomic.Int64
	port := listen(t, func(c net.Conn) {
		if came.Add(1) <= room {
			echo(c)
		}
	})
	for _, sample := range []int64{1, 50, room - 1, room, conns} {
		came.Store(0)
		e, err := Start(testPlan(port, conns, 3), 64)
		if err != nil {
			t.Fatal(err)
		}
		ctx := context.Background()
		e.Ramp(ctx)
		for end := time.Now().Add(time.Minute); e.Counts().Open() > room && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		e.Exchange(ctx, Exchange{Size: 64, PerConn: 1, Sample: sample, Window: 8, Drain: time.Minute})
		gap, most := 0, 0 // open slots in a row that took no part, in one thread
		e.each(func(one *thread) {
			if sample > 50 || one != e.threads[0] {
				return
			}
			for slot := range one.cs.list {
				switch c := &one.cs.list[slot]; {
				case one.cs.talks[slot].seq > 0:
					gap = 0
				case c.state == open:
					gap++
					most = max(most, gap)
				}
			}
		})
		tally, err := e.Stop()
		if want := min(sample, room); err != nil || tally.Received != want || sample == 50 && most > 4 {
			t.Errorf("sample of %d: %d verified, want %d; %d in a row were not asked; %+v, %v", sample, tally.Received,
				want, most, tally.Counts, err)
		}
	}
}

func TestConnIsSmall(t *testing.T) {
	idle := unsafe.Sizeof(conn{}) + unsafe.Sizeof(socket(0))
	if all := idle + unsafe.Sizeof(talk{}); idle > 12 || all > 28 {
		t.Errorf("a connection takes %d bytes, %d once it had a message; want at most 12 and 28", idle, all)
	}
}

func TestPattern(t *testing.T) {
	p := newPattern(1000, false)
	if bytes.Equal(p.message(1, 1, 64), p.message(2, 1, 64)) || bytes.Equal(p.message(1, 1, 64), p.message(1, 2, 64)) {
		t.Error("messages of different connections or numbers are equal")
	}
	for id := range int64(2000) {
		if m := p.message(id, uint32(id*7), 1000); len(m) != 1000 ||
			!bytes.Equal(m, p.message(id, uint32(id*7), 1000)) {
			t.Fatalf("message of connection %d: %d bytes, or not the same twice", id, len(m))
		}
	}
	if n := testing.AllocsPerRun(100, func() { _ = p.message(3, 4, 1000) }); n != 0 {
		t.Errorf("message allocates %v times", n)
	}
}

func TestEveryCauseHasAName(t *testing.T) {
	seen := map[string]bool{}
	for i, name := range Causes() {
		if row := causeTable[i+1]; row.phase == "" || row.reason == "" || seen[name] {
			t.Errorf("cause %d: name %q is not whole or used twice", i, name)
		}
		seen[name] = true
	}
}

// BenchmarkExchange is one message there and back: 0 allocs/op.
func BenchmarkExchange(b *testing.B) {
	e, err := Start(testPlan(echoServer(b), 10, 1), 64)
	if err != nil {
		b.Fatal(err)
	}
	e.Ramp(context.Background())
	b.ReportAllocs()
	b.ResetTimer()
	e.Exchange(context.Background(), Exchange{Size: 64, PerConn: uint32(b.N/10 + 1), Drain: time.Minute})
	b.StopTimer()
	if _, err := e.Stop(); err != nil {
		b.Fatal(err)
	}
}
