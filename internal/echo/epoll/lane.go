package epoll

import (
	"slices"
	"sync"
	"time"
)

// lane is a listening socket for each port, and a chain of loops with an fd table each,
// one of which at a time has the turn to accept. There are as many lanes as cores. A
// loop whose table is full passes the turn on, so the number of listening sockets, and
// of threads that accept, does not grow with the number of tables. Where one fd table
// holds all connections, a lane is one loop.
type lane struct {
	id        int
	eng       *engine
	listeners []int // by port: the same sockets, under the same numbers, in every table

	mu       sync.Mutex
	loops    []*loop
	turn     *loop     // nil: the last is full, and the next is not there yet
	starting bool      // another loop is
	retry    time.Time // another could not be started: not before
}

// retryAfter is how long a lane makes do with the loops that it has, after another
// could not be started.
const retryAfter = time.Second

// room is how many more connections a loop's fd table has room for.
func (l *loop) room() int64 { return l.limit - l.open.Load() }

// roomy says whether it is worth giving a loop the turn: where an eighth or less of its
// table is free, taking turns all the time would cost more than another table.
func (l *loop) roomy() bool { return l.room() > l.limit/8 }

// more starts another loop, unless one is starting. a.mu is held.
func (a *lane) more() bool {
	switch {
	case a.starting:
		return true
	case a.eng.leaving.Load() || time.Now().Before(a.retry):
		return false
	}
	a.starting = true
	a.eng.threads.Add(1)
	go newLoop(a).run()
	return true
}

// started adds a loop that is ready to have the turn.
func (a *lane) started(l *loop) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.starting = false
	a.loops = append(a.loops, l)
	if a.turn == nil {
		a.give(l)
	}
}

// failed: another loop could not be started, and those that there are make do.
func (a *lane) failed() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.starting, a.retry = false, time.Now().Add(retryAfter)
	if a.turn == nil && len(a.loops) > 0 {
		a.give(a.emptiest())
	}
}

func (a *lane) give(l *loop) {
	a.turn = l
	l.turn.Store(true)
	a.eng.signal()
}

func (a *lane) emptiest() *loop {
	return slices.MaxFunc(a.loops, func(x, y *loop) int { return int(x.room() - y.room()) })
}

// prepare makes sure that there will be a loop with room when the one that has the
// turn is full.
func (a *lane) prepare() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, l := range a.loops {
		if l != a.turn && l.roomy() {
			return
		}
	}
	a.more()
}

// pass takes the turn from l, which is full, and gives it to the emptiest, as soon
// as there is one with room. It is false if l has to keep it.
func (a *lane) pass(l *loop) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	next := a.emptiest()
	switch {
	case next.roomy():
	case a.more():
		next = nil // the loop that is starting takes it
	case next.room() <= 0:
		return false
	}
	a.turn = nil
	l.turn.Store(false)
	if next != nil {
		a.give(next)
	}
	return true
}

// retire takes out a loop that holds nothing and is not needed; its thread may
// end then.
func (a *lane) retire(l *loop) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.turn == l || a.turn == nil || a.turn.room() < a.turn.limit/4 {
		return false
	}
	a.loops = slices.DeleteFunc(a.loops, func(x *loop) bool { return x == l })
	return true
}
