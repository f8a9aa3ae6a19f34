package loadgen

import "time"

// rampDown is the workload that closes the connections of a thread down to a slot:
// those that were opened last go first.
type rampDown struct {
	holding
	cs     *conns
	lane   *lane
	start  time.Time // of the whole way down
	passOn func()    // lets the next thread of the lane go on
	first  int64     // slots below it are open
	next   int64     // slots from here on are done
	swept  uint32
}

func newRampDown(cs *conns, l *lane, start time.Time, passOn func()) *rampDown {
	return &rampDown{cs: cs, lane: l, start: start, passOn: passOn, first: l.at, next: l.at}
}

// step closes some connections, as many as the pace and the window allow.
func (d *rampDown) step() (wait int, done bool) {
	cs, stopped := d.cs, d.cs.shared.stopDown.Load()
	due := max(d.lane.to, d.first-d.lane.due(time.Since(d.start)))
	for i := 0; i < workBurst && d.next > due && cs.pending < cs.plan.Window && !stopped; i++ {
		d.next--
		d.end(d.next)
	}
	begun := d.next == d.lane.to || stopped
	if begun {
		d.passOn()
	}
	switch {
	case begun && (cs.pending == 0 || stopped):
		d.lane.at = d.next
		return 0, true
	case !begun && d.next > due && cs.pending < cs.plan.Window:
		return 0, false
	}
	d.sweep()
	return 1000, false
}

// end closes a connection, or sees to it that a lost one does not come back.
func (d *rampDown) end(slot int64) {
	if d.cs.list[slot].state == open {
		d.cs.close(slot)
		return
	}
	d.cs.reconnect.giveUp(slot)
}

// sweep ends closes that the server does not answer in time.
func (d *rampDown) sweep() {
	now := d.cs.micros()
	if now-d.swept < sweepEvery {
		return
	}
	d.swept = now
	for slot := d.next; slot < d.first; slot++ {
		d.cs.overdue(slot, now)
	}
}
