//go:build !race

// The race detector allocates too.

package loadgen

import (
	"context"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/tests/heap"
)

// TestMallocsPerMessage: 5,000 messages over 10 connections allocate nothing each,
// over TCP, in WebSocket frames, in frames that come in two parts, and where the
// messages are the user's own, echoed or answered.
func TestMallocsPerMessage(t *testing.T) {
	own := func(expect string) plan.Plan {
		p := wsPlan(wsServer(t, true, frugalEcho(0)), 10)
		p.Talk = plan.Talk{Message: "{uuid}{rand}: so it says, 64 B", Expect: expect}
		return p
	}
	for name, p := range map[string]plan.Plan{"tcp": testPlan(echoServer(t), 10, 1),
		"ws":        wsPlan(wsServer(t, true, frugalEcho(0)), 10),
		"ws, split": wsPlan(wsServer(t, true, frugalEcho(20)), 10), "own": own(""),
		"own, answered": own(plan.ExpectAny)} {
		t.Run(name, func(t *testing.T) {
			const conns, each = 10, 500
			e, err := Start(p, 64)
			if err != nil {
				t.Fatal(err)
			}
			ctx := context.Background()
			e.Ramp(ctx)
			e.Exchange(ctx, Exchange{Size: 64, PerConn: 10, Drain: time.Minute}) // what is made once
			made := heap.Mallocs(func() { e.Exchange(ctx, Exchange{Size: 64, PerConn: each, Drain: time.Minute}) })
			if c := e.Counts(); c.Received != conns*(each+10) {
				t.Errorf("%+v", c)
			}
			if got := float64(made) / (conns * each); got >= 0.05 {
				t.Errorf("%.2f mallocs a message, want less than 0.05", got)
			}
			if _, err := e.Stop(); err != nil {
				t.Error(err)
			}
		})
	}
}
