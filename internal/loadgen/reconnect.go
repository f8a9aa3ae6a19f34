package loadgen

import (
	"container/heap"
	"time"
)

// reconnect is the policy for lost connections if the plan says so: each is
// restored after a pause of its own that doubles with every try, with a bounded
// number of tries at a time. It keeps no state while no connection is lost.
//
// Earlier counts stay: a lost connection is lost, and once it is back it is
// reconnected as well. Attempted, established and failed are the ramp's alone; why
// a try failed is counted separately.
type reconnect struct {
	cs      *conns
	on      bool
	waiting queue
	trying  map[int64]uint8    // connecting again: how many tries before
	recent  map[int64]restored // came back lately
	older   map[int64]restored // and before that
	rotated uint32             // when recent became older
	swept   uint32
}

// try is a lost connection that waits for its next one.
type try struct {
	due   uint32 // the thread's clock
	slot  int32
	tries uint8 // before it
}

// restored is a connection that came back. If it is lost again at once, because
// its server is full, its pauses must not start short again.
type restored struct {
	at    uint32
	tries uint8
}

const (
	// firstPause is the mean pause before the first try, lastPause the longest.
	firstPause = 100 * time.Millisecond
	lastPause  = 10 * time.Second
	// stable is how long a connection must have been back for its pauses to start
	// short again.
	stable = 10 * time.Second
	// restoreWindow bounds the tries under way at once in a thread.
	restoreWindow = 256
)

// pause is how long to wait before try number tries of a connection: between half
// and one and a half of a time that doubles, by a generator that gives the same
// connection the same pauses in every run (splitmix64).
func pause(conn int64, tries uint8) time.Duration {
	mean := min(firstPause<<min(tries, 16), lastPause)
	z := uint64(conn)*0x9E3779B97F4A7C15 + uint64(tries)*0xBF58476D1CE4E5B9
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	z ^= z >> 31
	return mean/2 + time.Duration(z%uint64(mean))
}

// queue is a heap by due time.
type queue []try

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return int32(q[i].due-q[j].due) < 0 } // the clock wraps around
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(a any)        { *q = append(*q, a.(try)) }
func (q *queue) Pop() any {
	last := len(*q) - 1
	a := (*q)[last]
	*q = (*q)[:last]
	return a
}

// rotate drops records of connections that came back long ago, and returns how
// long until the next rotation, in microseconds; -1: none is needed. Nothing is
// kept for longer than two rotations, and no loop goes through a million records.
func (r *reconnect) rotate(now uint32) int {
	if len(r.recent) == 0 && len(r.older) == 0 {
		return -1
	}
	every := micros(stable)
	if now-r.rotated >= every {
		r.recent, r.older, r.rotated = nil, r.recent, now
	}
	return int(every - (now - r.rotated))
}

// last is when a connection came back, if that was recently.
func (r *reconnect) last(slot int64) (back restored, ok bool) {
	if back, ok = r.recent[slot]; !ok {
		back, ok = r.older[slot]
	}
	return back, ok
}

// idle says whether nothing is to be restored.
func (r *reconnect) idle() bool { return len(r.waiting) == 0 && len(r.trying) == 0 }

// lost schedules a connection that was just lost.
func (r *reconnect) lost(slot int64) {
	if !r.on {
		return
	}
	tries := uint8(0)
	if back, was := r.last(slot); was && r.cs.micros()-back.at < micros(stable) {
		tries = back.tries
	}
	r.schedule(slot, tries)
}

func (r *reconnect) schedule(slot int64, tries uint8) {
	wait := pause(r.cs.plan.Offset+slot, tries)
	heap.Push(&r.waiting, try{due: r.cs.micros() + micros(wait), slot: int32(slot), tries: tries})
}

// step begins the tries that are due and returns how long until the next, in
// microseconds; -1: nothing is to be restored.
func (r *reconnect) step() int {
	wait := r.rotate(r.cs.micros())
	if r.idle() {
		return wait
	}
	r.sweep()
	for range connectBurst {
		if len(r.waiting) == 0 || len(r.trying) >= min(restoreWindow, r.cs.plan.Window) {
			return maxWait
		}
		if left := int32(r.waiting[0].due - r.cs.micros()); left > 0 {
			return min(maxWait, int(left))
		}
		next := heap.Pop(&r.waiting).(try)
		if r.trying == nil {
			r.trying = map[int64]uint8{}
		}
		slot := int64(next.slot)
		if r.cs.list[slot].state != closed {
			continue // it was given up
		}
		r.trying[slot] = next.tries
		r.cs.list[slot].restoring = true
		r.cs.dial(slot)
	}
	return 0
}

// sweep ends tries that take too long.
func (r *reconnect) sweep() {
	now := r.cs.micros()
	if now-r.swept < sweepEvery {
		return
	}
	r.swept = now
	for slot := range r.trying {
		if r.cs.tooLong(slot, now) {
			r.cs.timeOut(slot)
		}
	}
}

// opened counts a try that succeeded.
func (r *reconnect) opened(slot int64) {
	if r.recent == nil {
		r.recent = map[int64]restored{}
	}
	r.recent[slot] = restored{r.cs.micros(), r.trying[slot] + 1}
	delete(r.trying, slot)
}

// failed schedules another try.
func (r *reconnect) failed(slot int64) {
	tries := r.trying[slot]
	delete(r.trying, slot)
	r.schedule(slot, tries+min(1, 255-tries))
}

// giveUp ends the restoring of a connection that is not wanted any more. Its place
// in the queue is passed over when it comes.
func (r *reconnect) giveUp(slot int64) {
	c := &r.cs.list[slot]
	if _, tried := r.trying[slot]; tried {
		r.cs.drop(slot, false)
		delete(r.trying, slot)
		c.restoring = false
	}
	c.state = unused
}

// stop ends all that is being restored: the run is over.
func (r *reconnect) stop() {
	for slot := range r.trying {
		r.cs.drop(slot, false)
		c := &r.cs.list[slot]
		c.state, c.restoring = closed, false
	}
	*r = reconnect{cs: r.cs}
}
