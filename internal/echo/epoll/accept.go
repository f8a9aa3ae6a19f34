package epoll

import (
	"time"

	"github.com/c10m/c10m/internal/echo"
	"github.com/c10m/c10m/internal/sys"
)

// maxBurst is how many connections of one port are accepted before the other ports
// have their turn.
const maxBurst = 64

// How long nothing is accepted at a port after accept4(2) has failed there: the first
// time, and at most; it doubles each time.
const (
	minPause = 50 * time.Millisecond
	maxPause = time.Second
)

// A loop that does nothing but accept is woken for each connection or two, and the
// context switches cost more than the work. So it naps between two calls of
// epoll_wait(2); meanwhile connections gather in the accept queue.
const (
	napTime = 500 * time.Microsecond
	// storm is how many connections must have come or gone since stormy began to count,
	// at most stormTime ago, without any connection sending a byte.
	storm     = 8
	stormTime = 2 * time.Millisecond
)

// acceptor accepts while a loop has the turn to. The listening sockets are watched
// level-triggered, so that accept4(2) need not be called until it returns EAGAIN, which
// is dear: it makes a socket and a file before it checks whether there is a connection.
type acceptor struct {
	listening bool
	warned    bool          // lane.prepare was called in this turn
	bursts    []burst       // by port
	muted     []int         // ports that are not watched, after an error
	resume    time.Time     // when they are watched again
	pause     time.Duration // how long that took the last time

	accepted int64 // connections
	weighed  int64 // the same when the loop was last compared with others
	lighter  *loop // which is to have ...
	excess   int64 // ... so many of the next

	came  int64     // the loop's, when stormy began to count
	reads uint64    // the same
	since time.Time // when that was
}

// burst is how many connections of a port are accepted at a time.
type burst struct {
	size  int
	batch uint64 // of events, in which they were accepted
}

func newAcceptor(l *loop) acceptor { return acceptor{bursts: make([]burst, len(l.lane.listeners))} }

func (a *acceptor) paused() bool { return len(a.muted) > 0 }

// stormy says whether the loop does nothing but accept, and much of it.
func (a *acceptor) stormy(l *loop) bool {
	came, quick, silent := l.came-a.came, l.now.Sub(a.since) <= stormTime, l.reads == a.reads
	if came < storm && quick && silent {
		return false
	}
	a.came, a.reads, a.since = l.came, l.reads, l.now
	return came >= storm && quick && silent
}

// begin watches the listening sockets.
func (a *acceptor) begin(l *loop) {
	if a.listening {
		return
	}
	a.listening, a.warned = true, false
	for port, fd := range l.lane.listeners {
		if errno := l.ep.Add(fd, sys.EpollIn, int32(port), ofListener); errno != 0 {
			l.eng.core.Failed("epoll_ctl", errno) // ENOSPC or ENOMEM: try again
			a.mute(l, port)
		}
	}
}

// end stops watching the listening sockets.
func (a *acceptor) end(l *loop) {
	if !a.listening {
		return
	}
	a.listening, a.muted = false, nil
	for _, fd := range l.lane.listeners {
		l.ep.Remove(fd)
	}
}

// mute stops watching a port for a while after an error: connections still wait there,
// so epoll_wait(2) would return at once each time.
func (a *acceptor) mute(l *loop, port int) {
	if !a.paused() {
		a.pause = min(max(2*a.pause, minPause), maxPause)
		a.resume = l.now.Add(a.pause)
	}
	a.muted = append(a.muted, port)
	l.ep.Remove(l.lane.listeners[port])
}

// goOn watches the muted ports again.
func (a *acceptor) goOn(l *loop) {
	ports := a.muted
	a.muted = nil
	for _, port := range ports {
		if errno := l.ep.Add(l.lane.listeners[port], sys.EpollIn, int32(port), ofListener); errno != 0 {
			l.eng.core.Failed("epoll_ctl", errno)
			a.mute(l, port)
		}
	}
}

// accept accepts from a port. It begins with one connection, and takes twice as many
// each time that the next batch of events reports the port again, up to maxBurst.
func (l *loop) accept(port int) {
	if !l.accepts.listening {
		return // the turn was passed on in this batch
	}
	b := &l.accepts.bursts[port]
	if b.size = min(max(1, 2*b.size), maxBurst); b.batch+1 != l.batches {
		b.size = 1
	}
	b.batch = l.batches
	for range b.size {
		fd, errno := sys.Accept(l.lane.listeners[port])
		switch errno {
		case 0:
			l.accepts.accepted++
			if !l.giveAway(fd, port) {
				l.admit(fd, port)
			}
			if !l.roomForMore() {
				return
			}
		case sys.EAGAIN:
			b.size = 0
			return
		case sys.EINTR, sys.ECONNABORTED:
		default:
			if l.eng.leaving.Load() {
				return // EINVAL, by stopListening: no failure of the kernel
			}
			l.eng.core.Failed("accept4", errno)
			l.accepts.mute(l, port)
			return
		}
	}
	l.accepts.pause = 0
}

// admit begins a connection, unless the core refuses it.
func (l *loop) admit(fd, port int) {
	switch l.core.AdmitOrPass(fd, port) {
	case echo.Refused:
		reset(fd)
		return
	case echo.Passed:
		sys.Close(fd)
		return
	}
	if l.room() <= 0 || fd >= len(l.table.conns) { // no loop has room; or others of this process have opened too much
		l.core.Refuse(port, echo.OverLimit)
		reset(fd)
		return
	}
	c := l.table.put(fd, port, l.lane.id, l.stamp)
	if errno := l.ep.Add(fd, reading.events(), int32(fd), c.gen()); errno != 0 {
		l.table.drop(fd)
		l.core.Unwatched(port, errno)
		reset(fd)
		return
	}
	l.came++
	l.open.Add(1)
	if s := l.core.Open(fd, port); s != nil {
		l.sessions.set(c, s)
	}
}

// reset ends a connection that was not admitted.
func reset(fd int) {
	sys.Reset(fd)
	sys.Close(fd)
}

// roomForMore passes the turn to accept on when the fd table is full, and makes
// sure in time that another loop can take it. It is false once the turn is passed
// on.
func (l *loop) roomForMore() bool {
	room := l.room()
	if room > l.limit/5 {
		return true
	}
	if !l.accepts.warned {
		l.accepts.warned = true
		l.lane.prepare()
	}
	if room > 0 || !l.lane.pass(l) {
		return true // if nobody else can take it, what is too much is refused
	}
	l.accepts.end(l)
	return false
}
