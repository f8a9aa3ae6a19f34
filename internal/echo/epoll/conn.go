package epoll

import (
	"github.com/c10m/c10m/internal/echo"
	"github.com/c10m/c10m/internal/sys"
)

// readBurst is how many times in a row one connection is read from while each read
// fills the buffer; then the others have their turn.
const readBurst = 4

// interest is what a connection is watched for, echo.Read, ReadWrite, Write or Pause.
type interest uint8

const (
	reading interest = iota
	both
	writing // its peer does not take its echo: back-pressure
	paused
)

// reads says whether the connection is read.
func (i interest) reads() bool { return i == reading || i == both }

// gone are the events that epoll reports whether they are asked for or not, epoll_ctl(2).
const gone = sys.EpollErr | sys.EpollHup

// events is the interest as epoll_ctl(2) takes it. Edge-triggered: a connection
// that is not read, or whose peer has ended its half, keeps no loop awake.
func (i interest) events() uint32 {
	return [...]uint32{
		reading: sys.EpollIn | sys.EpollRdHup | sys.EpollET,
		both:    sys.EpollIn | sys.EpollOut | sys.EpollRdHup | sys.EpollET,
		writing: sys.EpollOut | sys.EpollET,
		paused:  sys.EpollET,
	}[i]
}

// handle acts on the events of one connection.
func (l *loop) handle(fd int, c *conn, events uint32) {
	watch := interest(c.watch)
	if watch != reading && events&(sys.EpollOut|gone) != 0 {
		gen := c.gen()
		s, next := l.core.Writable(fd, int(c.port), l.sessions.get(c))
		l.sessions.set(c, s)
		if !l.goOn(fd, c, next) || c.gen() != gen {
			return
		}
	}
	if interest(c.watch).reads() && events&(sys.EpollIn|sys.EpollRdHup|gone) != 0 {
		l.read(fd, c, events&(sys.EpollRdHup|gone) != 0)
	}
}

// read reads what has arrived. A read that does not fill the buffer has emptied
// the socket, unless the end of the stream is there too: then read on to see it.
func (l *loop) read(fd int, c *conn, ended bool) {
	for range readBurst {
		l.reads++
		n, errno := sys.Read(fd, l.buf)
		switch {
		case errno == sys.EAGAIN:
			return
		case errno == sys.EINTR:
			continue
		case errno != 0:
			l.close(fd, c)
			return
		}
		s, next := l.sessions.get(c), echo.Read
		c.last = l.stamp
		if n == 0 {
			s, next = l.core.EOF(fd, int(c.port), s)
		} else {
			s, next = l.core.Input(fd, int(c.port), s, l.buf[:n])
		}
		l.sessions.set(c, s)
		switch {
		case !l.goOn(fd, c, next), n == 0, !interest(c.watch).reads():
			return
		case n < len(l.buf) && !ended:
			return
		}
	}
	if !c.unread {
		c.unread = true
		l.unread = append(l.unread, fd)
	}
}

// readOn goes on with connections that had more to read: edge-triggered epoll does not
// report them again.
func (l *loop) readOn() {
	if len(l.unread) == 0 {
		return
	}
	l.unread, l.reading = l.reading[:0], l.unread
	for _, fd := range l.reading {
		if c := &l.table.conns[fd]; c.ofLane(l.lane.id) && c.unread {
			c.unread = false
			if interest(c.watch).reads() {
				l.read(fd, c, true)
			}
		}
	}
}

// goOn does what the core says; it returns false if the connection has ended.
func (l *loop) goOn(fd int, c *conn, next echo.Next) bool {
	want := reading
	switch next {
	case echo.Abort:
		sys.Reset(fd)
		l.close(fd, c)
		return false
	case echo.Close:
		l.close(fd, c)
		return false
	case echo.ReadWrite:
		want = both
	case echo.Write:
		want = writing
	case echo.Pause:
		want = paused
	}
	if interest(c.watch) == want {
		return true
	}
	// EPOLL_CTL_MOD reports again what the socket is ready for, so no edge is missed.
	c.watch = uint8(want)
	if errno := l.ep.Modify(fd, want.events(), int32(fd), c.gen()); errno != 0 {
		sys.Reset(fd) // ENOMEM is the only error that can occur here
		l.close(fd, c)
		return false
	}
	return true
}

// close ends a connection.
func (l *loop) close(fd int, c *conn) {
	l.core.Gone(fd, int(c.port), l.sessions.get(c))
	l.sessions.set(c, nil)
	l.table.drop(fd)
	l.came++
	l.open.Add(-1)
	sys.Close(fd)
}

// beginClose begins the close of a connection, for cause why or for echo.NoCause.
func (l *loop) beginClose(fd int, c *conn, why int) {
	s, next := l.core.Leave(fd, int(c.port), l.sessions.get(c), why)
	l.sessions.set(c, s)
	l.goOn(fd, c, next)
}

// Wake implements echo.Conns. The eventfd has the same number in the process's fd table,
// which all threads use that are not locked, as in the loop's own.
func (l *loop) Wake() {
	l.tlsMu.Lock()
	defer l.tlsMu.Unlock()
	if l.tlsEvents > 0 {
		sys.Signal(l.tlsEvents)
	}
}

// Turn implements echo.Conns.
func (l *loop) Turn(s *echo.Session, next echo.Next) {
	fd := s.FD()
	if c := &l.table.conns[fd]; c.ofLane(l.lane.id) {
		l.goOn(fd, c, next)
	}
}
