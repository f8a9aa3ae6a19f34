package loadgen

import (
	"context"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/ws"
)

// idleLoop is a loop without a thread, whose slots are all unused.
func idleLoop(p plan.Plan) *loop {
	return newLoop(&shared{pattern: newPattern(1, false), opcode: ws.OpBinary}, p, make([]conn, p.Conns), false)
}

// A connection whose next message is further away than half of what 32 bits of
// microseconds can count waits for its time.
func TestLongIntervalWaits(t *testing.T) {
	for _, before := range []time.Duration{0, 30 * time.Minute, 71 * time.Minute, 100 * time.Hour} {
		l := idleLoop(testPlan(1, 1, 1))
		l.epoch = l.epoch.Add(-before)
		l.job.ex = Exchange{Size: 1, Interval: time.Hour, Duration: 3 * time.Hour}
		l.beginExchange()
		for minute := range int64(179) {
			for l.startDue(l.clock()) == 0 { // a burst at a time
			}
			if want := minute/60 + 1; l.ex.cursor != want {
				t.Fatalf("begun %v after the loop: after %d minutes %d messages have been due, want %d", before, minute, l.ex.cursor, want)
			}
			l.epoch = l.epoch.Add(-time.Minute)
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
	e.each(func(l *loop) { l.epoch = time.Now().Add(duration/2 - wrap) })
	e.Exchange(ctx, Exchange{Size: 64, Interval: 20 * time.Millisecond, Duration: duration, Drain: time.Minute})
	took := time.Since(began)
	tally, err := e.Stop()
	if sum := tally.Received + tally.Errors["echo_overdue"]; err != nil || sum != 200 || tally.Echo.Summary().Max > int64(took) {
		t.Errorf("%+v, %v, %+v, %v; want 200 messages, none slower than the exchange of %v", tally.Counts, tally.Errors, tally.Echo.Summary(), err, took)
	}
}
