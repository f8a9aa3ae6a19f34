package sys

import "golang.org/x/sys/unix"

// EpollPri is EPOLLPRI, epoll_ctl(2): urgent data.
const EpollPri = unix.EPOLLPRI

// EpollOf finds the epoll instance of this process that watches fd for events,
// which are set anew: epoll_ctl(2) EPOLL_CTL_MOD is EINVAL on what is no epoll
// instance and ENOENT on one that does not watch fd. Fds below most are tried.
func EpollOf(fd int, events uint32, most int) (Epoll, bool) {
	for n := range most {
		if e := (Epoll{n}); n != fd && e.Modify(fd, events, int32(fd), 0) == 0 {
			return e, true
		}
	}
	return Epoll{}, false
}

// IsSocket says whether fd is a socket, getsockopt(2) SO_TYPE.
func IsSocket(fd int) bool {
	_, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	return err == nil
}

// ShutdownRead wraps shutdown(2) SHUT_RD: reading gives the end of the stream, and
// a listening socket listens no more, whatever other fds there are of it.
func ShutdownRead(fd int) Errno {
	_, _, errno := unix.RawSyscall(unix.SYS_SHUTDOWN, uintptr(fd), unix.SHUT_RD, 0)
	return errno
}

// OnlyUrgent says whether fd has urgent data to read and nothing else, poll(2).
func OnlyUrgent(fd int) bool {
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN | unix.POLLPRI}}
	n, err := unix.Poll(p, 0)
	return err == nil && n == 1 && p[0].Revents == unix.POLLPRI
}
