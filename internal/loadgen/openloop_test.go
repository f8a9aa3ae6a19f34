package loadgen

import (
	"context"
	"io"
	"net"
	"testing"
	"time"
)

// stallServer echoes five messages of 64 bytes, stalls once, and goes on.
func stallServer(t *testing.T, stall time.Duration) int {
	return listen(t, func(c net.Conn) {
		buf := make([]byte, 64)
		for n := 0; ; n++ {
			if n == 5 {
				time.Sleep(stall)
			}
			if _, err := io.ReadFull(c, buf); err != nil {
				return
			}
			if _, err := c.Write(buf); err != nil {
				return
			}
		}
	})
}

// One stall of a server makes every message slow that should have been sent
// meanwhile, whether or not it could be: coordinated omission would show one.
func TestOpenLoopCountsTheStall(t *testing.T) {
	const stall, interval, duration = time.Second, 10 * time.Millisecond, 1500 * time.Millisecond
	e, err := Start(testPlan(stallServer(t, stall), 1, 1), 64)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	e.Ramp(ctx)
	e.Exchange(ctx, Exchange{Size: 64, Interval: interval, Duration: duration, Heat: 15, Drain: time.Minute})
	heat := e.Heat()
	tally, err := e.Stop()
	// On a machine that itself stalls for a second some are never sent.
	if err != nil || tally.Received+tally.Errors["echo_overdue"] != int64(duration/interval) || tally.Received < 120 {
		t.Fatalf("%+v, %v, %v; want one message each %v", tally.Counts, tally.Errors, err, interval)
	}
	// Those of the first 0.9 s of the stall took 100 ms or more.
	if l := tally.Echo.Summary(); l.P50 < int64(100*time.Millisecond) || l.Max < int64(stall-100*time.Millisecond) {
		t.Errorf("latency %+v: the messages that waited for the stall are missing", l)
	}
	sum := int64(0)
	for _, c := range heat.Columns {
		for _, n := range c {
			sum += n
		}
	}
	if len(heat.Columns) != 15 || sum != tally.Received {
		t.Errorf("heat of %d columns and %d messages, want 15 and %d", len(heat.Columns), sum, tally.Received)
	}
}

// More is asked for than one connection can carry: what could not be sent is
// counted, and the run ends.
func TestOpenLoopOverdue(t *testing.T) {
	e, err := Start(testPlan(stallServer(t, 2*time.Minute), 1, 1), 64)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	e.Ramp(ctx)
	e.Exchange(ctx, Exchange{Size: 64, Interval: 10 * time.Millisecond, Duration: 300 * time.Millisecond,
		Drain: 200 * time.Millisecond})
	tally, err := e.Stop()
	if err != nil || tally.Received != 5 || tally.Errors["echo_timeout"] != 1 || tally.Errors["echo_overdue"] != 24 {
		t.Errorf("%+v, %v, %v; want 5 back, 1 lost, 24 never sent", tally.Counts, tally.Errors, err)
	}
}

// Several messages of several sizes under way on each connection, all verified.
func TestPipeline(t *testing.T) {
	for _, x := range []Exchange{
		{Size: 64, Depth: 8, PerConn: 100},
		{Size: 1, SizeMax: 50_000, Depth: 5, PerConn: 40},
		{Size: 1, SizeMax: 5000, PerConn: 40},
		{Size: 64, Depth: 4, Interval: 5 * time.Millisecond, Duration: 200 * time.Millisecond},
	} {
		e, err := Start(testPlan(echoServer(t), 20, 2), 50_000)
		if err != nil {
			t.Fatal(err)
		}
		ctx := context.Background()
		e.Ramp(ctx)
		x.Drain = time.Minute
		e.Exchange(ctx, x)
		want := int64(20 * x.PerConn)
		if want == 0 {
			want = 20 * int64(x.Duration/x.Interval)
		}
		e.Exchange(ctx, Exchange{Size: 10, PerConn: 1, Drain: time.Minute}) // nothing is left over
		tally, err := e.Stop()
		unsent := int64(0)
		if x.Interval > 0 {
			unsent = tally.Errors["echo_overdue"]
		}
		if err != nil || tally.Received+unsent != want+20 || tally.Sent != tally.Received || tally.Mismatched != 0 ||
			tally.Errors.Sum() != unsent {
			t.Errorf("%+v: %+v, %v, %v; want %d echoes", x, tally.Counts, tally.Errors, err, want+20)
		}
		if x.SizeMax > 0 && (tally.Bytes < want*int64(x.SizeMax)/4 || tally.Bytes > want*int64(x.SizeMax)) {
			t.Errorf("%+v: %d bytes in %d messages", x, tally.Bytes, want)
		}
	}
}

// Depth keeps that many messages under way, not one.
func TestDepthIsReached(t *testing.T) {
	got := make(chan int, 1)
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = c.Close() }()
		buf := make([]byte, 640) // ten messages, and none is echoed before
		n, _ := io.ReadFull(c, buf)
		_, _ = c.Write(buf[:n])
		got <- n
		_, _ = io.Copy(io.Discard, c)
	}()
	e, err := Start(testPlan(l.Addr().(*net.TCPAddr).Port, 1, 1), 64)
	if err != nil {
		t.Fatal(err)
	}
	e.Ramp(context.Background())
	e.Exchange(context.Background(), Exchange{Size: 64, Depth: 10, PerConn: 10, Drain: time.Minute})
	tally, err := e.Stop()
	if n := <-got; err != nil || n != 640 || tally.Received != 10 {
		t.Errorf("%d bytes at the server, %+v, %v; want 640 before the first echo", n, tally.Counts, err)
	}
}

func TestHeatRow(t *testing.T) {
	for _, tt := range []struct {
		ns  int64
		row int
	}{{0, 0}, {16_000, 0}, {16_001, 1}, {32_000, 1}, {32_001, 2}, {int64(8400 * time.Millisecond), HeatRows - 1},
		{int64(time.Hour), HeatRows - 1}, {-5, 0}} {
		h := newHeat(1, time.Second)
		h.add(0, tt.ns)
		if h.Columns[0][tt.row] != 1 {
			t.Errorf("%d ns: not in row %d: %v", tt.ns, tt.row, h.Columns)
		}
		if b := HeatBound(tt.row); b != 0 && tt.ns > b {
			t.Errorf("%d ns is above its row's bound %d", tt.ns, b)
		}
	}
}
