package loadgen

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/c10m/c10m/internal/sys"
)

// Live is the state of a running engine: what its threads have counted so far, and
// each thread.
type Live struct {
	Tally
	Threads []Thread
}

// Thread is one of its threads.
type Thread struct {
	ID     int // gettid(2); 0: not known yet
	Counts Counts
}

// live is the copy of its counts that a thread makes when asked; the counts
// themselves are the thread's own. Without viewers it is never made.
type live struct {
	given atomic.Int64 // the last request that was answered

	mu     sync.Mutex
	tid    int
	ledger ledger
	total  Counts // of it
}

// liveWait is how long Live waits for threads that are busy.
const liveWait = 100 * time.Millisecond

// Live asks all threads for a copy of their counts. For a thread that does not
// answer in time its last copy is used. It may be called from anywhere, by one
// goroutine at a time, also after Stop.
func (e *Engine) Live() Live {
	asked := e.shared.asked.Add(1)
	if !e.shown(asked) {
		e.shared.signal()
		for end := time.Now().Add(liveWait); time.Now().Before(end) && !e.shown(asked); {
			time.Sleep(liveWait / 50)
		}
	}
	all := Live{Tally: newTally()}
	for _, t := range e.threads {
		t.live.mu.Lock()
		all.Threads = append(all.Threads, Thread{t.live.tid, t.pub.load()})
		all.add(&t.live.ledger)
		t.live.mu.Unlock()
	}
	all.First = e.shared.answer.Load()
	return all
}

// shown says whether every thread has answered the request, or has nothing new.
func (e *Engine) shown(asked int64) bool {
	for _, t := range e.threads {
		if t.live.given.Load() >= asked {
			continue
		}
		t.live.mu.Lock()
		same := t.live.total == t.pub.load()
		t.live.mu.Unlock()
		if !same {
			return false
		}
	}
	return true
}

// show answers a request; the thread calls it once per round. A thread that is
// about to sleep until its next command, or to end, answers the next request in
// advance.
func (t *thread) show() {
	asked := t.shared.asked.Load()
	if asked == 0 {
		return // never asked
	}
	sleeps := t.job.kind == doStop || t.job.kind == none && t.cs.idle()
	if asked == t.live.given.Load() && !sleeps {
		return
	}
	t.live.mu.Lock()
	defer t.live.mu.Unlock()
	t.live.tid = sys.ThreadID()
	t.live.total = t.cs.total()
	t.cs.ledger.copyTo(&t.live.ledger)
	t.live.given.Store(asked)
}
