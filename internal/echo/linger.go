package echo

import (
	"sync"
	"time"

	"github.com/c10m/c10m/internal/sys"
)

// linger holds the sockets of WebSocket connections that were told goodbye
// while the engine ends: closing them at once would reset those whose peer was
// just sending, and the close frame might never be read (RFC 6455 section
// 7.1.1 wants the peer's half to end too).
type linger struct {
	mu     sync.Mutex // the event loops close at the same time
	ep     sys.Epoll
	open   map[int32]struct{} // fds of ours
	opened bool
}

// take duplicates fd, whose connection gnet closes next, so that the socket
// lives on. Best effort: without a free fd it is closed at once.
func (l *linger) take(fd int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.opened {
		ep, err := sys.NewEpoll()
		if err != nil {
			return
		}
		l.ep, l.opened, l.open = ep, true, map[int32]struct{}{}
	}
	own, errno := sys.Dup(fd)
	if errno != 0 {
		return
	}
	if l.ep.Add(own, sys.EpollIn|sys.EpollRdHup, int32(own), 0) != 0 {
		sys.Close(own)
		return
	}
	l.open[int32(own)] = struct{}{}
}

// wait reads until every peer has ended its half or d has passed. The event
// loops have ended by then.
func (l *linger) wait(d time.Duration) {
	if !l.opened {
		return
	}
	events, sink := make([]sys.Event, 256), make([]byte, 64<<10)
	for end := time.Now().Add(d); len(l.open) > 0; {
		left := time.Until(end)
		if left <= 0 {
			break
		}
		n, err := l.ep.Wait(events, left)
		if err != nil {
			break
		}
		for _, ev := range events[:n] {
			if n, errno := sys.Read(int(ev.Fd), sink); errno == sys.EAGAIN || errno == sys.EINTR || errno == 0 && n > 0 {
				continue
			}
			sys.Close(int(ev.Fd))
			delete(l.open, ev.Fd)
		}
	}
	for fd := range l.open {
		sys.Close(int(fd))
	}
	l.ep.Close()
}
