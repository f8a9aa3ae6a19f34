package loadgen

import (
	"time"

	"github.com/c10m/c10m/internal/pace"
)

// Exchange is the messages to send over the open connections. With an Interval
// each connection sends one message per interval, at a moment of its own, and
// latency counts from the moment it should have been sent: a message that is late
// because the one before it was slow counts as slow, too (no coordinated
// omission). Without an Interval each sends the next as soon as the last came back
// (closed loop).
type Exchange struct {
	Size     int           // bytes per message, at least 1
	SizeMax  int           // sizes are spread evenly over Size..SizeMax; 0: all are Size
	Depth    int           // messages under way at once per connection; 0 and 1: one
	Heat     int           // cut Duration into so many pieces and keep the latency of each; 0: no
	Interval time.Duration // 0: closed loop
	Jitter   float64       // 0..1: by which share of it waits differ
	Skip     bool          // leave out what becomes due while this process is stopped: see skip
	Duration time.Duration // 0: until PerConn messages are done
	PerConn  uint32        // messages per connection; 0: no limit
	Sample   int64         // only so many of the open connections, evenly spaced; 0: all; not with an Interval
	Window   int           // messages under way at once per thread; 0: no limit
	Verify   bool          // count its latencies separately
	Drain    time.Duration // how long to wait for the last answers
}

// maxWait is how long a thread waits at most before it looks at its commands,
// microseconds.
const maxWait = 100_000

// stoppedFor is how long a thread that works has not looked at what is due when its
// process was stopped, or got no processor, microseconds: it looks ten times a
// second.
const stoppedFor = 1_000_000

// exchange is the workload that sends messages over what is open.
type exchange struct {
	Exchange
	cs       *conns
	turns    pace.Stagger // of those that take part, with an Interval
	chosen   int64        // slots that take part, if they are open
	slots    []int32      // which; nil: the first to the last
	cursor   int64        // sends looked at so far, over all rounds
	began    uint64       // the clock
	start    time.Time
	draining bool
	late     bool          // draining, and what was due before the end may still be sent
	looked   uint64        // the clock when it last saw what is due
	from     time.Duration // what was due before is not made up for
	heat     *heat         // nil: not kept
}

// newExchange begins one in which sample of the open connections take part.
func newExchange(cs *conns, of Exchange, sample int64) *exchange {
	x := &exchange{Exchange: of, cs: cs, chosen: cs.plan.Conns, began: cs.now(), start: time.Now()}
	if x.Sample > 0 && sample < cs.total().Open() {
		x.slots = x.choose(sample)
		x.chosen = int64(len(x.slots))
	}
	x.setTurns()
	cs.msgs.begin(x.Size, x.SizeMax, x.Depth)
	for p := range cs.times {
		if x.Verify && cs.times[p].Echo != nil {
			cs.times[p].verify()
		}
	}
	if x.Heat > 0 && x.Duration > 0 {
		x.heat = newHeat(x.Heat, x.Duration)
	}
	return x
}

// setTurns deals the places in the interval to those that take part. The places of
// the threads lie between each other's.
func (x *exchange) setTurns() {
	x.turns = pace.Stagger{Interval: x.Interval, N: x.chosen, Jitter: x.Jitter, Part: x.cs.part, Parts: x.cs.parts}
}

// beginAt says when the exchange of all threads began, and in which of this one's
// slots connections are meant to be open.
func (x *exchange) beginAt(start time.Time, slots int64) {
	x.start, x.began = start, uint64(max(0, start.Sub(x.cs.epoch))/time.Microsecond)
	x.looked = x.cs.now()
	if slots < x.chosen {
		x.chosen = slots
		x.setTurns()
	}
}

// choose picks n of the open connections, evenly spaced.
func (x *exchange) choose(n int64) (slots []int32) {
	held, nth := x.cs.total().Open(), int64(0)
	for slot := range x.cs.list {
		if x.cs.list[slot].state != open {
			continue
		}
		if (nth+1)*n/held > nth*n/held {
			slots = append(slots, int32(slot))
		}
		nth++
	}
	return slots
}

// slotOf is the k-th slot that takes part.
func (x *exchange) slotOf(k int64) int64 {
	if x.slots == nil {
		return k
	}
	return int64(x.slots[k])
}

// step starts what is due.
func (x *exchange) step() (wait int, done bool) {
	m, stopped := x.cs.msgs, x.cs.shared.stopEx.Load()
	now := x.cs.now()
	if x.Skip && x.Interval > 0 && now-x.looked >= stoppedFor {
		x.skip(time.Duration(now-x.began) * time.Microsecond)
	}
	x.looked = now
	elapsed := time.Since(x.start)
	if !x.draining && (stopped || x.Duration > 0 && elapsed >= x.Duration) {
		x.draining = true
		m.progress = uint32(now)
	}
	x.late = x.draining && x.Interval > 0 && x.Duration > 0 && !stopped && elapsed < x.Duration+x.overtime()
	wait = maxWait
	if !x.draining || x.lags() {
		wait = x.startDue(now)
	}
	begun := x.draining && !x.lags() || x.PerConn > 0 && x.Interval == 0 && x.cursor >= x.chosen
	quiet := time.Duration(uint32(now)-m.progress) * time.Microsecond
	switch {
	case x.chosen == 0 && x.Duration == 0,
		begun && m.under == 0,
		x.cs.total().Open() == 0 && x.cs.reconnect.idle(), // no connection is left
		begun && quiet >= x.Drain,
		x.draining && stopped: // interrupted: do not wait for answers
		m.expireAll()
		x.countOverdue()
		return 0, true
	}
	if left := int((x.Duration - elapsed) / time.Microsecond); x.Duration > 0 && !x.draining {
		wait = min(wait, max(1, left))
	}
	return wait, false
}

// overtime is how long after the end messages are still sent that were due before
// it: long enough to catch up after a stall, not for a load that the server can
// never carry.
func (x *exchange) overtime() time.Duration { return min(x.Drain, max(time.Second, x.Duration/2)) }

// lags says whether messages that were due before the end are still to be begun.
func (x *exchange) lags() bool {
	return x.late && x.chosen > 0 && x.turns.At(x.cursor%x.chosen, x.cursor/x.chosen) < x.Duration
}

// startDue begins the sends that are due, a burst at most, and returns how long to
// wait for the next.
func (x *exchange) startDue(now uint64) int {
	if x.chosen == 0 {
		return maxWait
	}
	cs, m := x.cs, x.cs.msgs
	for range workBurst {
		if x.Interval == 0 && (x.cursor >= x.chosen || x.Window > 0 && m.under >= x.Window) {
			return maxWait // what comes back starts the rest
		}
		slot, round := x.slotOf(x.cursor%x.chosen), x.cursor/x.chosen
		intended := now
		if x.Interval > 0 {
			slot = x.turns.Member(slot, round)
			at := x.turns.At(x.cursor%x.chosen, round)
			if x.Duration > 0 && at >= x.Duration {
				return maxWait
			}
			if intended = x.began + uint64(at/time.Microsecond); intended > now {
				return int(min(maxWait, intended-now))
			}
		}
		x.cursor++
		// A connection that has no room for another message catches up when
		// one is done; its latency counts from the intended time.
		if cs.list[slot].state == open && cs.talks[slot].seq <= uint32(round) && m.room(slot) && !m.owed[slot] {
			m.start(slot, uint32(intended))
			if x.Interval == 0 {
				x.refill(slot, now)
			}
		}
	}
	return 0
}

// skip leaves out what became due while the process was stopped, or got no
// processor for a second: a million connections that ping every 30 s would else do
// so all at once. Each goes on with its next turn. Answers that are under way are
// still awaited.
func (x *exchange) skip(until time.Duration) {
	if x.Duration > 0 {
		until = min(until, x.Duration)
	}
	if x.chosen == 0 || until <= x.from {
		return
	}
	x.from = until
	x.cursor = max(x.cursor, x.turns.Before(until))
	for slot := range x.chosen {
		x.leaveOut(slot)
	}
}

// leaveOut counts a connection's messages that are not sent any more. While one is
// under way its number is needed; refill comes back to it.
func (x *exchange) leaveOut(slot int64) {
	c, k := &x.cs.list[slot], &x.cs.talks[slot]
	if due := uint32(x.turns.Due(slot, x.from)); c.state == open && !c.busy && k.seq < due {
		x.cs.blame(slot, echoSkipped, int64(due-k.seq))
		k.seq = due
	}
}

// opened: a restored connection joins in at its place in the schedule. What it
// missed was never sent.
func (x *exchange) opened(slot int64) {
	x.cs.msgs.noDelay(slot)
	if x.Interval == 0 || slot >= x.chosen {
		return
	}
	round := x.cursor / x.chosen
	seq := uint32(round)
	if x.turns.Place(slot, round) < x.cursor%x.chosen {
		seq++
	}
	x.cs.talks[slot].seq = seq
}

func (x *exchange) answered(slot int64, intended uint32, now uint64) {
	took := int64(uint32(now)-intended) * 1000
	h := x.cs.times[x.cs.proto(slot)].Echo
	if x.Verify {
		h = x.cs.times[x.cs.proto(slot)].Verify
	}
	h.Record(took)
	if x.heat != nil {
		x.heat.add(time.Since(x.start)-time.Duration(took), took)
	}
	x.refill(slot, now)
}

func (x *exchange) room(slot int64)   { x.refill(slot, x.cs.now()) }
func (x *exchange) lost(int64, cause) {}
func (x *exchange) closed(int64)      {}

// refill starts what a connection has room for: in a closed loop the next
// messages, with an interval those that have become due. Messages that were due
// before the end are sent after it, too: leaving them out would leave out the
// longest waits.
func (x *exchange) refill(slot int64, now uint64) {
	m, c, k := x.cs.msgs, &x.cs.list[slot], &x.cs.talks[slot]
	if x.from > 0 {
		x.leaveOut(slot)
	}
	for c.state == open && (x.PerConn == 0 || k.seq < x.PerConn) && m.room(slot) {
		next := now
		if x.Interval > 0 {
			at := x.turns.At(x.turns.Place(slot, int64(k.seq)), int64(k.seq))
			next = x.began + uint64(at/time.Microsecond)
			if next > now || x.Duration > 0 && at >= x.Duration || x.draining && !x.late {
				return
			}
		} else if x.draining {
			return
		}
		m.start(slot, uint32(next))
	}
}

// countOverdue counts the messages of open connections that were due and not
// begun.
func (x *exchange) countOverdue() {
	if x.Interval == 0 || x.Duration == 0 || x.cs.shared.stopEx.Load() {
		return
	}
	for slot := range x.chosen {
		if x.cs.list[slot].state == open {
			x.cs.blame(slot, echoOverdue, max(0, x.turns.Due(slot, x.Duration)-int64(x.cs.talks[slot].seq)))
		}
	}
}
