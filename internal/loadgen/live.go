package loadgen

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/sys"
)

// Live is how a running engine stands: what its threads have counted so far, and
// each of them.
type Live struct {
	Tally
	Threads []Thread
}

// Thread is one of its threads.
type Thread struct {
	ID     int // gettid(2); 0: not known yet
	Counts Counts
}

// live is what a loop shows when it is asked to: a copy, because what it counts
// is its own. Nobody asks in a run without viewers, and then it is never taken.
type live struct {
	given atomic.Int64 // the last request that was answered

	mu    sync.Mutex
	tid   int
	n     [protocols]Counts
	total Counts // of n
	errs  [protocols]causes
	again [protocols]causes // of reconnecting
	times [protocols]times
}

// liveWait is how long Live waits for threads that are busy.
const liveWait = 100 * time.Millisecond

// Live asks all threads for a copy of what they count apart. One that does not
// answer in time has its last copy taken. It may be called from anywhere, by one
// at a time, also after Stop.
func (e *Engine) Live() Live {
	asked := e.shared.asked.Add(1)
	if !e.shown(asked) {
		e.shared.signal()
		for end := time.Now().Add(liveWait); time.Now().Before(end) && !e.shown(asked); {
			time.Sleep(liveWait / 50)
		}
	}
	all := Live{Tally: newTally()}
	for _, l := range e.loops {
		l.live.mu.Lock()
		all.Threads = append(all.Threads, Thread{l.live.tid, l.pub.load()})
		all.take(l.live.n, l.live.times, l.live.errs, l.live.again)
		l.live.mu.Unlock()
	}
	return all
}

// shown says whether every loop has answered the request, or has nothing new.
func (e *Engine) shown(asked int64) bool {
	for _, l := range e.loops {
		if l.live.given.Load() >= asked {
			continue
		}
		l.live.mu.Lock()
		same := l.live.total == l.pub.load()
		l.live.mu.Unlock()
		if !same {
			return false
		}
	}
	return true
}

// show answers a request; the loop calls it once per round. A loop that is
// about to sleep until its next order, or to end, answers the next request
// beforehand.
func (l *loop) show() {
	asked := l.shared.asked.Load()
	if asked == 0 {
		return // nobody ever has
	}
	sleeps := l.job.kind == doStop || l.job.kind == none && l.total().Open() == 0 && l.pending == 0 && l.retry.idle()
	if asked == l.live.given.Load() && !sleeps {
		return
	}
	l.live.mu.Lock()
	defer l.live.mu.Unlock()
	l.live.tid = sys.ThreadID()
	l.live.n, l.live.total, l.live.errs, l.live.again = l.n, l.total(), l.errs, l.retry.errs
	for i, own := range l.times {
		if own.Connect == nil {
			continue
		}
		if l.live.times[i].Connect == nil {
			l.live.times[i] = newTimes(i)
		}
		l.live.times[i].copy(own)
	}
	l.live.given.Store(asked)
}

// copy makes t the same as own, where that has changed.
func (t *times) copy(own times) {
	for _, h := range [...]struct{ to, from *result.Histogram }{{t.Connect, own.Connect}, {t.Upgrade, own.Upgrade}, {t.Echo, own.Echo}} {
		if h.from != nil && h.to.Count() != h.from.Count() {
			h.to.Set(h.from)
		}
	}
}
