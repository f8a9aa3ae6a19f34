package loadgen

import (
	"fmt"
	"time"

	"github.com/c10m/c10m/internal/pace"
	"github.com/c10m/c10m/internal/sys"
)

const (
	// maxConsecutiveFailures is how many connects in a row must fail at least for the
	// ramp to end. With many ports it takes a whole round over them, as some ports may
	// be dead and others not.
	maxConsecutiveFailures = 256
	// connectBurst is how many connects are begun before results are collected: small,
	// so that the latency is the connect's and not the batch's.
	connectBurst = 16
	// rampSlice is the time slice of a thread that connects as fast as it can.
	rampSlice = 50 * time.Millisecond
)

// ramp is the workload that opens the connections of a thread, in the order of
// their slots.
type ramp struct {
	holding
	cs     *conns
	lane   *lane
	start  time.Time // of the whole ramp
	passOn func()    // lets the next thread of the lane ramp
	next   int64     // slot to connect next
	oldest int64     // no slot below it is being opened
	swept  uint32
	inRow  int // failures without a success between
}

// step begins some connects, as many as the pace, the burst and the window allow.
func (r *ramp) step() (wait int, done bool) {
	cs := r.cs
	if r.next == 0 && r.lane.rate == 0 {
		// Let a server on the same cores accept in batches, instead of being scheduled for
		// each connection. Best effort.
		_ = sys.SetThreadSlice(sys.Normal, rampSlice)
	}
	r.sweep()
	due := r.due()
	for i := 0; i < connectBurst && r.next < due && cs.pending < cs.plan.Window; i++ {
		cs.open(r.next)
		r.next++
	}
	if r.inRow >= max(maxConsecutiveFailures, cs.plan.Round()) {
		cs.shared.halt(fmt.Sprintf("%d connects in a row failed: %s", r.inRow, cs.commonest()))
	}
	stopped := cs.shared.stopRamp.Load()
	begun := r.next == cs.plan.Conns || stopped
	if begun {
		r.passOn()
	}
	switch {
	case begun && (cs.pending == 0 || stopped):
		r.dropPending()
		_ = sys.SetThreadSlice(sys.Normal, 0)
		return 0, true
	case !begun && r.next < due && cs.pending < cs.plan.Window:
		return 0, false // more to begin at once
	}
	return 1000, false
}

func (r *ramp) opened(int64) { r.inRow = 0 }

func (r *ramp) lost(slot int64, _ cause) {
	if r.cs.list[slot].state == failed {
		r.inRow++
	}
}

// due is how many of the thread's connections should have been begun by now.
func (r *ramp) due() int64 {
	if r.cs.shared.stopRamp.Load() {
		return r.next
	}
	if r.lane.rate == 0 {
		return r.cs.plan.Conns
	}
	p := pace.Constant{PerSecond: float64(r.lane.rate)}
	return min(r.cs.plan.Conns, p.Due(time.Since(r.start))-r.lane.offset)
}

// sweep ends connects that take too long. Slots connect in order, so only the
// oldest need checking.
func (r *ramp) sweep() {
	now := r.cs.micros()
	if now-r.swept < sweepEvery {
		return
	}
	r.swept = now
	for ; r.oldest < r.next; r.oldest++ {
		c := &r.cs.list[r.oldest]
		switch {
		case !c.opening() || c.restoring:
		case r.cs.tooLong(r.oldest, now):
			r.cs.timeOut(r.oldest)
		default:
			return
		}
	}
}

// dropPending cancels the connects that were under way when the ramp was stopped.
func (r *ramp) dropPending() {
	for slot := r.oldest; slot < r.next && r.cs.pending > 0; slot++ {
		if c := &r.cs.list[slot]; c.opening() && !c.restoring {
			r.cs.cancel(slot)
		}
	}
}
