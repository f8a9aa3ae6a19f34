package loadgen

import (
	"container/heap"
	"time"

	"github.com/c10m/c10m/internal/sys"
)

// retry restores lost connections where the plan says so: each after a pause
// of its own that doubles with every try, a bounded number at a time. It holds
// nothing while nothing is lost.
//
// What is counted stays counted: a lost connection is lost, and when it is back
// it is reconnected as well. Attempted, established and failed are the ramp's
// alone; why a try failed is counted apart.
type retry struct {
	waiting queue
	under   map[int64]uint8 // connecting again: how many tries before
	fresh   map[int64]fresh // came back lately: when, and after how many tries
	older   map[int64]fresh // and before that
	turned  uint32          // when fresh became older
	swept   uint32
	errs    [protocols]causes
}

// again is a lost connection that waits for its next try.
type again struct {
	due   uint32 // the loop's clock
	slot  int32
	tries uint8
}

// fresh is a connection that came back. One that is lost again at once, because
// its server is full, must not begin with short pauses again.
type fresh struct {
	at    uint32
	tries uint8
}

const (
	// firstPause is the mean pause before the first try, lastPause the longest.
	firstPause = 100 * time.Millisecond
	lastPause  = 10 * time.Second
	// stable is how long a connection must have been back to count as well.
	stable = 10 * time.Second
	// restoreWindow bounds the tries under way at once in a thread.
	restoreWindow = 256
)

// pause is how long to wait before try number tries of a connection: between a
// half and one and a half of a time that doubles, by a generator that gives the
// same to the same connection in every run (splitmix64).
func pause(conn int64, tries uint8) time.Duration {
	mean := min(firstPause<<min(tries, 16), lastPause)
	z := uint64(conn)*0x9E3779B97F4A7C15 + uint64(tries)*0xBF58476D1CE4E5B9
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	z ^= z >> 31
	return mean/2 + time.Duration(z%uint64(mean))
}

// queue is a heap by due time.
type queue []again

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return int32(q[i].due-q[j].due) < 0 } // the clock wraps around
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(a any)        { *q = append(*q, a.(again)) }
func (q *queue) Pop() any {
	last := len(*q) - 1
	a := (*q)[last]
	*q = (*q)[:last]
	return a
}

// turn drops what came back long ago, and returns how long to wait for the next
// turn, in microseconds; -1: there is nothing to drop. Nothing is kept for
// longer than two turns, and nobody goes through a million of them.
func (r *retry) turn(now uint32) int {
	if len(r.fresh) == 0 && len(r.older) == 0 {
		return -1
	}
	const every = uint32(stable / time.Microsecond)
	if now-r.turned >= every {
		r.fresh, r.older, r.turned = nil, r.fresh, now
	}
	return int(every - (now - r.turned))
}

// last is when a connection came back lately; nobody remembers others.
func (r *retry) last(slot int64) (f fresh, ok bool) {
	if f, ok = r.fresh[slot]; !ok {
		f, ok = r.older[slot]
	}
	return f, ok
}

// idle says whether nothing is to be restored.
func (r *retry) idle() bool { return len(r.waiting) == 0 && len(r.under) == 0 }

// restoring says whether a slot's connection is one that comes back.
func (l *loop) restoring(slot int64) bool {
	if len(l.retry.under) == 0 {
		return false
	}
	_, is := l.retry.under[slot]
	return is
}

// mourn takes up a connection that was just lost.
func (l *loop) mourn(slot int64) {
	if !l.plan.Reconnect || l.job.kind == doClose || l.job.kind == doStop {
		return
	}
	tries := uint8(0)
	if f, was := l.retry.last(slot); was && time.Duration(l.micros()-f.at)*time.Microsecond < stable {
		tries = f.tries
	}
	l.tryLater(slot, tries)
}

func (l *loop) tryLater(slot int64, tries uint8) {
	wait := pause(l.plan.Offset+slot, tries)
	heap.Push(&l.retry.waiting, again{due: l.micros() + uint32(wait/time.Microsecond), slot: int32(slot), tries: tries})
}

// restore begins the tries that are due and returns how long to wait for the
// next, in microseconds; -1: nothing is to be restored.
func (l *loop) restore() int {
	r := &l.retry
	turn := r.turn(l.micros())
	if r.idle() {
		return turn
	}
	l.sweepTries()
	for range connectBurst {
		if len(r.waiting) == 0 || len(r.under) >= min(restoreWindow, l.plan.Window) {
			return patient
		}
		if left := int32(r.waiting[0].due - l.micros()); left > 0 {
			return min(patient, int(left))
		}
		a := heap.Pop(&r.waiting).(again)
		if r.under == nil {
			r.under = map[int64]uint8{}
		}
		r.under[int64(a.slot)] = a.tries
		l.dial(int64(a.slot))
	}
	return 0
}

// sweepTries ends tries that take too long.
func (l *loop) sweepTries() {
	now := l.micros()
	if now-l.retry.swept < sweepEvery {
		return
	}
	l.retry.swept = now
	for slot := range l.retry.under {
		c := &l.conns[slot]
		if now-c.t < uint32(l.plan.ConnectTimeout/time.Microsecond) {
			continue
		}
		why := connectTimeout
		if c.state == upgrading {
			why = handshakeTimeout
		}
		l.failConnect(slot, c, why)
	}
}

// restored is a try that succeeded.
func (l *loop) restored(slot int64, c *conn) {
	if l.retry.fresh == nil {
		l.retry.fresh = map[int64]fresh{}
	}
	l.retry.fresh[slot] = fresh{l.micros(), l.retry.under[slot] + 1}
	delete(l.retry.under, slot)
	l.count(slot).Reconnected++
	if l.ex.running {
		l.noDelay(c)
	}
	// It joins in where the others are: what it missed was never sent.
	if x := &l.ex; x.running && x.Interval > 0 && x.chosen > 0 {
		c.seq = uint32(x.cursor / x.chosen)
		if slot < x.cursor%x.chosen {
			c.seq++
		}
	}
}

// tryFailed is one that did not.
func (l *loop) tryFailed(slot int64, c *conn, why cause) {
	tries := l.retry.under[slot]
	delete(l.retry.under, slot)
	c.state = closed
	l.retry.errs[l.proto(slot)][why]++
	l.tryLater(slot, tries+min(1, 255-tries))
}

// giveUp ends all that is being restored: the run is over.
func (l *loop) giveUp() {
	for slot := range l.retry.under {
		c := &l.conns[slot]
		l.forget(slot)
		sys.Close(int(c.fd))
		c.state = closed
		c.gen++
	}
	l.retry.waiting, l.retry.under, l.retry.fresh, l.retry.older = nil, nil, nil, nil
}
