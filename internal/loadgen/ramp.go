package loadgen

import (
	"fmt"
	"time"

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

// ramp is the workload that opens the connections of a thread up to a slot, in the
// order of their slots.
type ramp struct {
	holding
	cs     *conns
	lane   *lane
	start  time.Time // of the whole ramp
	passOn func()    // lets the next thread of the lane ramp
	first  int64     // the first slot that it opens
	next   int64     // slot to connect next
	oldest int64     // no slot below it is being opened
	swept  uint32
	inRow  int // failures without a success between
}

func newRamp(cs *conns, l *lane, start time.Time, passOn func()) *ramp {
	return &ramp{cs: cs, lane: l, start: start, passOn: passOn, first: l.at, next: l.at, oldest: l.at}
}

// step begins some connects, as many as the pace, the burst and the window allow.
func (r *ramp) step() (wait int, done bool) {
	cs := r.cs
	if r.next == r.first && r.lane.rate == 0 {
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
	begun := r.next == r.lane.to || stopped
	if begun {
		r.passOn()
	}
	switch {
	case begun && (cs.pending == 0 || stopped):
		r.dropPending()
		r.lane.at = r.next
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

// due is up to which slot connects should have been begun by now.
func (r *ramp) due() int64 {
	if r.cs.shared.stopRamp.Load() {
		return r.next
	}
	return min(r.lane.to, r.first+r.lane.due(time.Since(r.start)))
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
