package gnet

import (
	"sync"
	"time"

	"github.com/c10m/c10m/internal/echo"
	"github.com/c10m/c10m/internal/sys"
)

// lane serves connections that gnet cannot: those whose peers do not read their echo at
// once, and those that are sent a close frame at shutdown. It is a plain level-triggered
// event loop with a goroutine of its own, which exists only while the lane has
// connections. A connection stays here until it is closed. (A lane of the engine epoll
// is something else.)
type lane struct {
	*echo.Loop
	core    *echo.Core
	epoll   sys.Epoll
	wake    int                 // an eventfd: a connection is in inbox
	conns   map[int32]*laneConn // by fd
	idle    time.Duration       // when connections were last checked
	began   time.Time
	in      []byte
	leaving bool // all were sent a close frame
	stuck   bool // a socket with room took nothing

	mu    sync.Mutex
	inbox []laneConn
	done  chan struct{} // closed when the goroutine ends; nil: there is none
	until time.Time     // not zero: all ends, by then at the latest
	ended bool          // wake is closed
}

// laneConn is a connection in a lane.
type laneConn struct {
	fd     int
	port   int
	s      *echo.Session
	events uint32        // that are watched
	last   time.Duration // when it last spoke, for the idle timeout
}

// waiting is how much waits for its peer.
func (g *laneConn) waiting() int {
	if g.s == nil {
		return 0
	}
	return g.s.Waiting()
}

const (
	laneBuffer = 64 << 10
	laneEvents = 128
	// laneRest is the pause after send(2) has returned EAGAIN although epoll(7) reports
	// room, which goes on while the kernel's TCP buffers are above net.ipv4.tcp_mem.
	laneRest = time.Millisecond
)

func newLane(core *echo.Core, i int) (*lane, error) {
	ep, err := sys.NewEpoll()
	if err != nil {
		return nil, err
	}
	wake, err := sys.Eventfd()
	if err != nil {
		ep.Close()
		return nil, err
	}
	l := &lane{core: core, epoll: ep, wake: wake, conns: map[int32]*laneConn{}, began: time.Now()}
	l.Loop = core.Loop(i, l)
	if errno := ep.Add(wake, sys.EpollIn|sys.EpollET, int32(wake), 0); errno != 0 {
		ep.Close()
		sys.Close(wake)
		return nil, errno
	}
	return l, nil
}

// take adopts a connection; any thread may call it.
func (l *lane) take(fd, port int, s *echo.Session) {
	l.mu.Lock()
	l.inbox = append(l.inbox, laneConn{fd: fd, port: port, s: s})
	if l.done == nil {
		l.done = make(chan struct{})
		go l.run(l.done)
	}
	l.mu.Unlock()
	sys.Signal(l.wake)
}

// end drains the lane: it waits until all connections are closed, at most for d, and
// closes those that are left.
func (l *lane) end(d time.Duration) {
	l.mu.Lock()
	l.until = time.Now().Add(d)
	done := l.done
	l.mu.Unlock()
	if done != nil {
		sys.Signal(l.wake)
		<-done
	}
	l.epoll.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	sys.Close(l.wake)
}

// run is the event loop.
func (l *lane) run(done chan struct{}) {
	defer close(done)
	if l.in == nil {
		l.in = make([]byte, laneBuffer)
	}
	events := make([]sys.Event, laneEvents)
	for {
		if !l.admit() {
			return // and another may have begun
		}
		wait, over := l.patience()
		if over {
			break
		}
		n, err := l.epoll.Wait(events, wait)
		if err != nil {
			l.core.Logf("connections of slow readers are lost: %v", err)
			break
		}
		for _, ev := range events[:n] {
			if g := l.conns[ev.Fd]; g != nil {
				l.handle(g, ev.Events)
			}
		}
		l.Told()
		l.Tick()
		l.sweep()
		if l.stuck {
			l.stuck = false
			time.Sleep(laneRest)
		}
	}
	for _, g := range l.conns {
		if g.waiting() > 0 {
			l.core.Count(echo.CutShort)
		}
		l.drop(g, false)
	}
}

// admit adopts what is in the inbox. It is false if the lane has no connection:
// then the goroutine ends, and touches nothing any more.
func (l *lane) admit() bool {
	l.mu.Lock()
	in := l.inbox
	l.inbox = nil
	if len(in)+len(l.conns) == 0 {
		l.done = nil
		l.mu.Unlock()
		return false
	}
	l.mu.Unlock()
	for _, g := range in {
		g.last = time.Since(l.began)
		l.conns[int32(g.fd)] = &g
		g.events = interest(l.Attach(g.fd, g.s))
		if errno := l.epoll.Add(g.fd, g.events, int32(g.fd), 0); errno != 0 {
			l.core.Failed("epoll_ctl", errno)
			l.drop(&g, true)
		}
	}
	return true
}

// patience is how long to wait for events; -1 is for ever. over says that the lane is
// being drained and its time is up.
func (l *lane) patience() (wait time.Duration, over bool) {
	l.mu.Lock()
	until := l.until
	l.mu.Unlock()
	wait = -1
	if every := l.TickEvery(); every > 0 {
		wait = every
	}
	if l.core.IdleTimeout > 0 {
		wait = tick
	}
	if until.IsZero() {
		return wait, false
	}
	l.leave()
	left := time.Until(until)
	return min(left, tick), left <= 0
}

// leave begins the close of every connection, once, at shutdown.
func (l *lane) leave() {
	if l.leaving {
		return
	}
	l.leaving = true
	for _, g := range l.conns {
		var next echo.Next
		g.s, next = l.Leave(g.fd, g.port, g.s, echo.NoCause)
		l.proceed(g, next)
	}
}

// interest is what to watch for.
func interest(next echo.Next) uint32 {
	switch next {
	case echo.ReadWrite:
		return sys.EpollIn | sys.EpollOut
	case echo.Write:
		return sys.EpollOut
	case echo.Pause:
		return 0
	}
	return sys.EpollIn
}

// handle acts on what a connection is ready for.
func (l *lane) handle(g *laneConn, ready uint32) {
	next := echo.Read
	if ready&sys.EpollOut != 0 {
		before := g.waiting()
		g.s, next = l.Writable(g.fd, g.port, g.s)
		if l.proceed(g, next); next.Ends() {
			return
		}
		l.stuck = l.stuck || before > 0 && g.waiting() == before
	}
	switch {
	case ready&sys.EpollIn != 0 && g.events&sys.EpollIn != 0:
		l.read(g)
	case ready&(sys.EpollErr|sys.EpollHup) != 0:
		l.drop(g, true)
	}
}

func (l *lane) read(g *laneConn) {
	n, errno := sys.Read(g.fd, l.in)
	next := echo.Read
	switch {
	case errno == sys.EAGAIN || errno == sys.EINTR:
		return
	case errno != 0:
		next = echo.Abort
	case n == 0:
		g.s, next = l.EOF(g.fd, g.port, g.s)
	default:
		g.last = time.Since(l.began)
		g.s, next = l.Input(g.fd, g.port, g.s, l.in[:n])
	}
	l.proceed(g, next)
}

// proceed has a connection go on.
func (l *lane) proceed(g *laneConn, next echo.Next) {
	if next.Ends() {
		l.drop(g, next == echo.Abort)
		return
	}
	if events := interest(next); events != g.events {
		g.events = events
		if errno := l.epoll.Modify(g.fd, events, int32(g.fd), 0); errno != 0 {
			l.drop(g, true)
		}
	}
}

// drop closes a connection.
func (l *lane) drop(g *laneConn, reset bool) {
	delete(l.conns, int32(g.fd))
	if reset || g.waiting() > 0 {
		sys.Reset(g.fd) // never a clean end with bytes missing
	}
	l.Gone(g.fd, g.port, g.s)
	sys.Close(g.fd)
}

// Wake implements echo.Conns.
func (l *lane) Wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ended {
		sys.Signal(l.wake)
	}
}

// Turn implements echo.Conns.
func (l *lane) Turn(s *echo.Session, next echo.Next) { l.proceed(l.conns[int32(s.FD())], next) }

// sweep ends connections that have been idle for too long.
func (l *lane) sweep() {
	now := time.Since(l.began)
	if timeout := l.core.IdleTimeout; timeout <= 0 || now-l.idle < timeout/4 {
		return
	}
	l.idle = now
	for _, g := range l.conns {
		if now-g.last >= l.core.IdleTimeout {
			g.last = now
			var next echo.Next
			g.s, next = l.Leave(g.fd, g.port, g.s, echo.IdleTimeout)
			l.proceed(g, next)
		}
	}
}
