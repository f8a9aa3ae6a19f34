package sys

import (
	"os"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Event bits of epoll_ctl(2).
const (
	EpollIn    = unix.EPOLLIN
	EpollOut   = unix.EPOLLOUT
	EpollErr   = unix.EPOLLERR
	EpollHup   = unix.EPOLLHUP
	EpollRdHup = unix.EPOLLRDHUP
	EpollET    = 1 << 31 // EPOLLET, which x/sys has as a negative constant
)

// Event is struct epoll_event: Events is the ready mask; Fd and Pad are the
// 64 bits of user data given to Add, free for the caller to use.
type Event = unix.EpollEvent

// Epoll is an epoll instance, epoll(7). It belongs to one thread's fd table.
type Epoll struct{ fd int }

// NewEpoll wraps epoll_create1(2).
func NewEpoll() (Epoll, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	return Epoll{fd}, os.NewSyscallError("epoll_create1", err)
}

// Add wraps epoll_ctl(2) EPOLL_CTL_ADD; lo and hi come back in Event.Fd and
// Event.Pad. ENOSPC means fs.epoll.max_user_watches is used up.
func (e Epoll) Add(fd int, events uint32, lo, hi int32) Errno {
	return e.control(unix.EPOLL_CTL_ADD, fd, events, lo, hi)
}

// Modify wraps epoll_ctl(2) EPOLL_CTL_MOD. What the socket is ready for by then
// is reported again, also to a watcher of edges.
func (e Epoll) Modify(fd int, events uint32, lo, hi int32) Errno {
	return e.control(unix.EPOLL_CTL_MOD, fd, events, lo, hi)
}

// Remove wraps epoll_ctl(2) EPOLL_CTL_DEL. It is needed where the file stays
// open under another fd, in this table or another.
func (e Epoll) Remove(fd int) Errno { return e.control(unix.EPOLL_CTL_DEL, fd, 0, 0, 0) }

func (e Epoll) control(op, fd int, events uint32, lo, hi int32) Errno {
	ev := Event{Events: events, Fd: lo, Pad: hi}
	_, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(e.fd), uintptr(op), uintptr(fd),
		uintptr(unsafe.Pointer(&ev)), 0, 0)
	return errno
}

// Close ends the instance; what it watched stays open.
func (e Epoll) Close() { _ = unix.Close(e.fd) }

// Wait wraps epoll_pwait2(2). A timeout of 0 polls without telling the Go
// scheduler (it returns at once), a negative one waits for ever. Before Linux
// 5.11 timeouts are rounded up to milliseconds, epoll_wait(2). An interrupted
// wait is 0 events.
func (e Epoll) Wait(events []Event, timeout time.Duration) (int, error) {
	var n uintptr
	var errno Errno
	p, max := uintptr(unsafe.Pointer(&events[0])), uintptr(len(events))
	switch {
	case timeout == 0:
		n, _, errno = unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(e.fd), p, max, 0, 0, 0)
	case timeout < 0:
		n, _, errno = unix.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(e.fd), p, max, ^uintptr(0), 0, 0)
	case coarse.Load():
		ms := (timeout + time.Millisecond - 1) / time.Millisecond
		n, _, errno = unix.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(e.fd), p, max, uintptr(ms), 0, 0)
	default:
		t := unix.NsecToTimespec(int64(timeout))
		n, _, errno = unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(e.fd), p, max, uintptr(unsafe.Pointer(&t)), 0, 0)
		if errno == unix.ENOSYS || errno == unix.EPERM { // EPERM: a seccomp filter that does not know the call
			coarse.Store(true)
			return e.Wait(events, timeout)
		}
	}
	switch errno {
	case 0:
		return int(n), nil
	case EINTR:
		return 0, nil
	}
	return 0, os.NewSyscallError("epoll_wait", errno)
}

// coarse is set once epoll_pwait2(2) has turned out not to be there.
var coarse atomic.Bool

// Eventfd makes an eventfd(2), non-blocking. Made before PrivateFDTable, it is
// seen under the same number in every table, and so can wake all threads.
func Eventfd() (int, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	return fd, os.NewSyscallError("eventfd", err)
}

// Signal adds one to an eventfd: an edge for every epoll that watches it.
func Signal(eventfd int) {
	one := [8]byte{0: 1}
	if _, err := unix.Write(eventfd, one[:]); err == unix.EAGAIN {
		// The counter is full after 2^64-2 signals: empty it and go on.
		var sink [8]byte
		_, _ = unix.Read(eventfd, sink[:])
	}
}
