package gnet

import (
	"context"
	"sync/atomic"

	"github.com/panjf2000/gnet/v2"

	"github.com/c10m/c10m/internal/echo"
	"github.com/c10m/c10m/internal/sys"
)

// loop is our state beside one of gnet's event loops. All but look runs on that
// loop's thread.
type loop struct {
	*echo.Loop
	core     *echo.Core
	event    gnet.EventLoop
	contexts []idleContext // by port: the contexts of idle connections
	lane     *lane
	idle     *idleTable  // nil without an idle timeout
	busy     atomic.Bool // Tick has something to look at
	watch    watch
}

// idleContext is the gnet context of all idle connections of one loop and port. They share it,
// so it costs a connection nothing.
type idleContext struct {
	loop *loop
	port int
}

// newLoop makes the one of the i-th event loop; fd is a socket of it.
func newLoop(core *echo.Core, i int, event gnet.EventLoop, fd int, lane *lane) *loop {
	l := &loop{core: core, event: event, lane: lane, contexts: make([]idleContext, len(core.Ports))}
	for port := range l.contexts {
		l.contexts[port] = idleContext{l, port}
	}
	l.Loop = core.Loop(i, l)
	if core.IdleTimeout > 0 {
		l.idle = newIdleTable(core.IdleTimeout)
	}
	if l.watch.find(fd, core.Loops, len(core.Ports)); !l.watch.found {
		core.Logf("warning: the epoll instance of event loop %d is not found: urgent data can keep it busy", i)
	}
	return l
}

// where returns the loop, the port and the session of a connection; the loop is
// nil for a settled one.
func where(c gnet.Conn) (*loop, int, *echo.Session) {
	switch at := c.Context().(type) {
	case *idleContext:
		return at.loop, at.port, nil
	case *echo.Session:
		return at.Conns().(*loop), at.Port(), at
	}
	return nil, 0, nil
}

// keep stores the session of a connection that is in the middle of something.
func (l *loop) keep(c gnet.Conn, s *echo.Session) {
	s.Owner = c
	c.SetContext(s)
	l.busy.Store(true)
}

// proceed has a connection go on, whose session was before and is s now.
func (l *loop) proceed(c gnet.Conn, port int, before, s *echo.Session, next echo.Next) gnet.Action {
	if s != before {
		if s == nil {
			c.SetContext(&l.contexts[port])
		} else {
			l.keep(c, s)
		}
	}
	if next == echo.Read {
		if s != nil && l.TickEvery() > 0 && !l.busy.Load() {
			l.busy.Store(true) // of TLS, whose session was idle
		}
		return gnet.None
	}
	if next == echo.Abort {
		_ = c.SetLinger(0)
	}
	if next.Ends() || !l.move(c, port, s) {
		l.Gone(c.Fd(), port, s)
	}
	if l.idle != nil {
		l.idle.remove(c.Fd())
	}
	c.SetContext(settled)
	return gnet.Close
}

// move gives a connection to the lane. Its socket is duplicated (dup(2)) and so stays
// open when gnet closes its own fd. move fails only if no fd is left: then the output
// that waits is lost, and the connection is reset.
func (l *loop) move(c gnet.Conn, port int, s *echo.Session) bool {
	fd, errno := sys.Dup(c.Fd())
	if errno != 0 {
		l.core.Count(echo.CutShort)
		_ = c.SetLinger(0)
		return false
	}
	if s != nil {
		s.Owner = nil
		l.Detach(s)
	}
	l.lane.take(fd, port, s)
	return true
}

// Turn implements echo.Conns.
func (l *loop) Turn(s *echo.Session, next echo.Next) {
	c := s.Owner.(gnet.Conn)
	if l.proceed(c, s.Port(), s, s, next) == gnet.Close {
		_ = l.event.Close(c)
	}
}

// Wake implements echo.Conns.
func (l *loop) Wake() { _ = l.event.Execute(context.Background(), told{l}) }

// told is what Wake runs on the loop.
type told struct{ l *loop }

// Run implements gnet.Runnable.
func (t told) Run(context.Context) error {
	t.l.Told()
	return nil
}

// look makes the loop check its deadlines, if it has any. Any thread may call it.
func (l *loop) look() {
	l.watch.look(l)
	if l.busy.Load() || l.idle != nil {
		_ = l.event.Execute(context.Background(), ticker{l})
	}
}

// ticker is what look runs on the loop.
type ticker struct{ l *loop }

// Run implements gnet.Runnable.
func (t ticker) Run(context.Context) error {
	l := t.l
	l.Tick()
	l.busy.Store(l.TickEvery() > 0)
	if l.idle != nil {
		l.idle.sweep(l.silent)
	}
	return nil
}

// silent ends a connection that has been idle for too long.
func (l *loop) silent(c gnet.Conn) {
	_, port, s := where(c)
	after, next := l.Leave(c.Fd(), port, s, echo.IdleTimeout)
	if l.proceed(c, port, s, after, next) == gnet.Close {
		_ = l.event.Close(c)
	}
}
