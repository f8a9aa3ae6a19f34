package gnet

import (
	"context"
	"slices"

	"github.com/c10m/c10m/internal/echo"
	"github.com/c10m/c10m/internal/sys"
)

// gnet watches each connection for EPOLLIN and EPOLLPRI, level-triggered. Urgent data
// beyond a gap in the stream (tcp(7), RFC 6093) raises EPOLLPRI, which no read clears
// before the gap is filled: the loop would spin for as long as the peer likes. So we
// look into each loop's epoll instance every tick and reset such connections.

// watched is what gnet watches a connection for.
const watched = sys.EpollIn | sys.EpollPri

// watch looks into the epoll instance of a loop.
type watch struct {
	found  bool
	epoll  sys.Epoll
	events []sys.Event
	before []int32 // what was urgent and nothing else at the last check
}

// maxReady is how many ready connections a check sees. One that is always ready is
// seen again with every check: the kernel takes turns.
const maxReady = 256

// find looks for the epoll instance that watches fd. gnet has made it when it opened
// its listeners, so its fd is among theirs: one or two for each loop and port.
func (w *watch) find(fd, loops, ports int) {
	w.events = make([]sys.Event, maxReady)
	w.epoll, w.found = sys.EpollOf(fd, watched, loops*(2*ports+otherFDs)+otherFDs)
}

// otherFDs is how many fds a loop, or the process, may have besides listeners that
// were there before the first connection.
const otherFDs = 256

// look resets connections that were ready for urgent data alone twice in a row.
func (w *watch) look(l *loop) {
	if !w.found {
		return
	}
	n, err := w.epoll.Wait(w.events, 0)
	if err != nil {
		return
	}
	var now []int32
	for _, ev := range w.events[:n] {
		switch {
		case ev.Events == sys.EpollPri:
			now = append(now, ev.Fd)
			if slices.Contains(w.before, ev.Fd) {
				_ = l.event.Execute(context.Background(), urgent{l, int(ev.Fd)})
			}
		case !sys.IsSocket(int(ev.Fd)):
			// The eventfd that wakes the loop is watched for edges, and we have
			// just had one that was the loop's.
			_ = w.epoll.Modify(int(ev.Fd), watched|sys.EpollRdHup|sys.EpollET, ev.Fd, 0)
		}
	}
	w.before = now
}

// urgent is what look runs on the loop: it resets one connection.
type urgent struct {
	l  *loop
	fd int
}

// Run implements gnet.Runnable. The fd may be another connection's by now, but if
// so of this loop: then it is not ready for urgent data alone.
func (u urgent) Run(context.Context) error {
	if u.l.watch.epoll.Modify(u.fd, watched, int32(u.fd), 0) != 0 || !sys.OnlyUrgent(u.fd) {
		return nil
	}
	u.l.core.Count(echo.UrgentData)
	sys.Reset(u.fd)
	sys.ShutdownRead(u.fd) // gnet reads the end of the stream, and closes it
	return nil
}
