package loadgen

import (
	"context"
	"testing"
	"time"
)

// TestLive: what the threads show meanwhile is what they have counted, while
// they work, while they wait, and once they have stopped. Nothing is copied for
// a run that nobody watches.
func TestLive(t *testing.T) {
	e, err := Start(testPlan(echoServer(t), 300, 3), 64)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	e.Ramp(ctx)
	for _, one := range e.threads {
		if one.live.given.Load() != 0 || one.live.ledger.times[TCP].Connect != nil {
			t.Fatal("a copy was made that nobody asked for")
		}
	}
	// One that is busy when asked may answer with an older copy; it has a minute.
	await := func(what string, ok func(Live) bool) {
		t.Helper()
		var last Live
		for end := time.Now().Add(time.Minute); time.Now().Before(end); {
			if last = e.Live(); ok(last) {
				return
			}
		}
		t.Fatalf("%s: %+v, %d connect and %d echo times, threads %+v", what, last.Counts, last.Connect.Count(),
			last.Echo.Count(), last.Threads)
	}
	await("after the ramp", func(l Live) bool {
		return l.Open() == 300 && l.Connect.Count() == 300 && l.Echo.Count() == 0 && len(l.Threads) == 3 &&
			l.Threads[2].ID > 0 && l.Threads[2].Counts.Open() == 100
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		e.Exchange(ctx, Exchange{Size: 64, PerConn: 20, Drain: time.Minute})
	}()
	await("during an exchange", func(l Live) bool { return l.Echo.Count() > 0 && l.By[TCP].Received > 0 })
	<-done
	await("after it", func(l Live) bool { return l.Echo.Count() == 6000 && l.Received == 6000 })
	e.Close(ctx)
	if _, err := e.Stop(); err != nil {
		t.Fatal(err)
	}
	await("at the end", func(l Live) bool { return l.Closed == 300 && l.Open() == 0 && l.Echo.Count() == 6000 })
}
