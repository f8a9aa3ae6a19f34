package loadgen

import (
	"context"
	"time"

	"github.com/c10m/c10m/internal/pace"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/unit"
)

// lane is a thread's place in a chain of threads that ramp one after the other: with
// hundreds of threads on a few cores only as many connect at a time as there are
// cores. All lanes together connect at one rate, each in its turn: with n lanes,
// lane k begins k/rate after the first and then takes every n-th connect, so that
// they come evenly and not n at once.
type lane struct {
	at, to int64     // slots below it are open, and shall be; the thread writes at
	offset int64     // of those to open or close, how many earlier threads of the lane have
	k      int       // of the lanes
	sizes  []int64   // how many each lane has to open or close
	rate   unit.Rate // of all lanes together; 0: as fast as possible
	next   *thread
}

// due is how many the thread should have begun to open or close by now.
func (l *lane) due(since time.Duration) int64 {
	if l.rate == 0 {
		return max(l.to-l.at, l.at-l.to)
	}
	all := pace.Constant{PerSecond: float64(l.rate)}.Due(since)
	return max(0, plan.Deal(l.k, all, l.sizes)-l.offset)
}

// Ramp establishes the plan's connections. It returns when all are
// established or failed, or when ctx ended or Halt was called.
func (e *Engine) Ramp(ctx context.Context) { e.MoveTo(ctx, e.conns, e.rate) }

// MoveTo opens connections at a rate until n of the plan's are meant to be open, or
// closes the newest until only n are; 0 is as fast as possible. What was closed is
// opened again by the next way up, and what had failed is tried again if it had been
// closed. It returns when that is done or ctx ended. Once halted, nothing is opened
// any more.
func (e *Engine) MoveTo(ctx context.Context, n int64, rate unit.Rate) {
	down := n < e.at
	e.makeLanes(n, rate, down)
	e.at = n
	e.do(ctx, e.threads[:e.lanes], command{kind: doRamp, down: down}, len(e.threads), func() {
		e.shared.halt("interrupted")
		e.shared.stopDown.Store(true)
	})
}

// makeLanes chains the threads into as many lanes as there are cores to run them,
// for a way to n open connections. Slots that a halted ramp never reached are not
// its business.
func (e *Engine) makeLanes(n int64, rate unit.Rate, down bool) {
	sizes := make([]int64, e.lanes)
	for i, t := range e.threads {
		l := lane{at: t.lane.at, to: plan.Deal(i, n, e.sizes), k: i % e.lanes, sizes: sizes, rate: rate}
		if down {
			l.to = min(l.to, l.at)
		} else {
			l.to = max(l.to, l.at)
		}
		l.offset = sizes[l.k]
		sizes[l.k] += max(l.to-l.at, l.at-l.to)
		if i+e.lanes < len(e.threads) {
			l.next = e.threads[i+e.lanes]
		}
		t.lane = l
	}
}
