package loadgen

import (
	"context"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/ws"
)

// idleThread is one that does not run, whose slots are all unused.
func idleThread(t *testing.T, p plan.Plan) (*thread, *sockets) {
	t.Helper()
	s := &shared{to: make([]plan.Dest, 1), pattern: newPattern(1, false), opcode: ws.OpBinary}
	one, err := newThread(s, p, make([]byte, p.Conns*connBytes))
	if err != nil {
		t.Fatal(err)
	}
	link := one.cs.link.(*sockets)
	link.to = one.cs
	return one, link
}

// hold makes a connection of a file.
func hold(one *thread, slot int64, fd int, state connState) {
	one.cs.list[slot].state = state
	one.cs.link.(*sockets).list[slot] = connectDone | socket(fd+1)
}

// fdOf is a connection's fd.
func fdOf(one *thread, slot int64) int { return one.cs.link.(*sockets).list[slot].fd() }

// A connection whose next message is further away than half of what 32 bits of
// microseconds can count waits for its time.
func TestLongIntervalWaits(t *testing.T) {
	for _, before := range []time.Duration{0, 30 * time.Minute, 71 * time.Minute, 100 * time.Hour} {
		one, _ := idleThread(t, testPlan(1, 1, 1))
		cs := one.cs
		cs.epoch = cs.epoch.Add(-before)
		x := newExchange(cs, Exchange{Size: 1, Interval: time.Hour, Duration: 3 * time.Hour}, 0)
		for minute := range int64(179) {
			for x.startDue(cs.now()) == 0 { // a burst at a time
			}
			if want := minute/60 + 1; x.cursor != want {
				t.Fatalf("begun %v after the thread: after %d minutes %d messages have been due, want %d",
					before, minute, x.cursor, want)
			}
			cs.epoch = cs.epoch.Add(-time.Minute)
		}
	}
}

// Latency is right over the wrap of the clock, which comes in the middle of the
// exchange.
func TestExchangeOverTheWrap(t *testing.T) {
	const duration = 400 * time.Millisecond
	e, err := Start(testPlan(echoServer(t), 10, 1), 64)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	e.Ramp(ctx)
	wrap := time.Duration(1<<32) * time.Microsecond
	began := time.Now()
	e.each(func(t *thread) { t.cs.epoch = time.Now().Add(duration/2 - wrap) })
	e.Exchange(ctx, Exchange{Size: 64, Interval: 20 * time.Millisecond, Duration: duration, Drain: time.Minute})
	took := time.Since(began)
	tally, err := e.Stop()
	if sum := tally.Received + tally.Errors["echo_overdue"]; err != nil || sum != 200 ||
		tally.Echo.Summary().Max > int64(took) {
		t.Errorf("%+v, %v, %+v, %v; want 200 messages, none slower than the exchange of %v", tally.Counts, tally.Errors,
			tally.Echo.Summary(), err, took)
	}
}
