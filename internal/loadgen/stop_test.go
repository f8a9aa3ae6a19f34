package loadgen

import (
	"testing"
	"time"
)

// After a stop of the process the messages of the time that was lost are left out and
// counted, each connection goes on at its own turn, and none sends twice in a row.
func TestStopIsNotMadeUpFor(t *testing.T) {
	const conns, interval, stop = 100, time.Second, 10 * time.Second
	for _, skip := range []bool{true, false} {
		one, _ := idleThread(t, testPlan(1, conns, 1))
		cs := one.cs
		cs.shared.pattern = newPattern(64, false)
		m := newMirror(t, one)
		m.piece, m.room = readSize, 1<<20
		m.ramp(one)
		x := newExchange(cs, Exchange{Size: 64, Interval: interval, Duration: time.Hour, Skip: skip,
			Drain: time.Second}, 0)
		x.beginAt(time.Now(), conns)
		cs.work = x
		pass := func(d time.Duration) (most int64) {
			for range d / (10 * time.Millisecond) {
				cs.epoch = cs.epoch.Add(-10 * time.Millisecond)
				before := cs.total().Sent
				for wait := 0; wait == 0; wait, _ = x.step() {
					_ = m.poll(0)
				}
				_ = m.poll(0)
				most = max(most, cs.total().Sent-before)
			}
			return most
		}
		pass(2 * interval)
		before := cs.total().Sent
		cs.epoch = cs.epoch.Add(-stop)
		most := pass(2 * interval)
		left := cs.errs[TCP][echoSkipped]
		all := cs.total().Sent - before + left
		if due := int64((stop+2*interval)/interval) * conns; all < due-1 || all > due+conns {
			t.Errorf("skip %v: %d sent or left out after the stop, want %d", skip, all, due)
		}
		if skip != (left >= int64(stop/interval)*conns-conns) || skip && most > 2*conns || !skip && most < 5*conns {
			t.Errorf("skip %v: %d left out, %d sent at once", skip, left, most)
		}
	}
}
