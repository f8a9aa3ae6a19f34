package main

import (
	"context"
	"encoding/binary"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// bufferSize is the one read buffer of a loop: no connection has its own.
const bufferSize = 64 << 10

// What an epoll event is about, kept in EpollEvent.Pad beside the fd.
const (
	aConnection = iota
	aListener
	aWake
)

// loop is one epoll instance with its listeners (SO_REUSEPORT: the kernel
// shares connections out among the loops), its connections and its buffer.
// Only the goroutine in run touches them.
type loop struct {
	epoll, event int
	listeners    []int
	// pending is what a connection has sent and not yet taken back. While
	// there is any its input is not read, so it is at most bufferSize.
	pending map[int32][]byte
	buf     []byte
}

func newLoop(addrs []netip.AddrPort) (_ *loop, err error) {
	l := &loop{epoll: -1, event: -1, pending: map[int32][]byte{}, buf: make([]byte, bufferSize)}
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	if l.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if l.event, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("eventfd", err)
	}
	if err = l.watch(unix.EPOLL_CTL_ADD, l.event, unix.EPOLLIN, aWake); err != nil {
		return nil, err
	}
	for _, a := range addrs {
		fd, err := listen(a)
		if err != nil {
			return nil, &addrError{a, err}
		}
		l.listeners = append(l.listeners, fd)
		if err := l.watch(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN, aListener); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// addrError is a failure to listen, with the address.
type addrError struct {
	addr netip.AddrPort
	err  error
}

func (e *addrError) Error() string { return "listen on " + e.addr.String() + ": " + e.err.Error() }
func (e *addrError) Unwrap() error { return e.err }

// listen opens a non-blocking listener, see socket(7) SO_REUSEPORT.
func listen(a netip.AddrPort) (int, error) {
	var sa unix.Sockaddr
	family := unix.AF_INET6
	if a.Addr().Is4() {
		family = unix.AF_INET
		sa = &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	} else {
		sa = &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	for _, opt := range []int{unix.SO_REUSEADDR, unix.SO_REUSEPORT} {
		if err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, opt, 1); err != nil {
			unix.Close(fd)
			return -1, os.NewSyscallError("setsockopt", err)
		}
	}
	if err = unix.Bind(fd, sa); err != nil {
		unix.Close(fd)
		return -1, os.NewSyscallError("bind", err)
	}
	if err = unix.Listen(fd, 65535); err != nil { // the kernel cuts it to somaxconn
		unix.Close(fd)
		return -1, os.NewSyscallError("listen", err)
	}
	return fd, nil
}

// wake makes run look at its context; any goroutine may call it.
func (l *loop) wake() {
	unix.Write(l.event, binary.NativeEndian.AppendUint64(nil, 1))
}

// close frees what newLoop made. Connections end with the process.
func (l *loop) close() {
	for _, fd := range l.listeners {
		unix.Close(fd)
	}
	unix.Close(l.event)
	unix.Close(l.epoll)
}

func (l *loop) watch(op, fd int, events uint32, about int32) error {
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(l.epoll, op, fd, &unix.EpollEvent{Events: events,
		Fd: int32(fd), Pad: about}))
}

// run serves until ctx ends and wake was called. Level-triggered: one read and
// one write a message, and no second read that finds nothing.
func (l *loop) run(ctx context.Context) error {
	events := make([]unix.EpollEvent, 256)
	for {
		n, err := unix.EpollWait(l.epoll, events, -1)
		if err != nil && err != unix.EINTR {
			return os.NewSyscallError("epoll_wait", err)
		}
		for _, ev := range events[:max(n, 0)] {
			switch {
			case ev.Pad == aWake:
				if ctx.Err() != nil {
					return nil
				}
			case ev.Pad == aListener:
				if err := l.accept(int(ev.Fd)); err != nil {
					return err
				}
			case ev.Events&unix.EPOLLOUT != 0:
				l.flush(ev.Fd)
			default:
				l.echo(ev.Fd)
			}
		}
	}
}

// accept takes every connection that waits. Running out of file descriptors
// ends the server with its reason: a level-triggered listener would spin.
func (l *loop) accept(listener int) error {
	for {
		// Without the peer's address: unix.Accept4 would allocate it each time,
		// and the floor is to leave no garbage.
		fd, _, err := unix.Syscall6(unix.SYS_ACCEPT4, uintptr(listener), 0, 0, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
		switch err {
		case 0:
		case unix.EAGAIN:
			return nil
		case unix.EINTR, unix.ECONNABORTED:
			continue
		default:
			return os.NewSyscallError("accept4", err)
		}
		if err := l.watch(unix.EPOLL_CTL_ADD, int(fd), unix.EPOLLIN, aConnection); err != nil {
			return err
		}
	}
}

// echo reads once and writes back; what the socket does not take waits in
// pending, and until it is gone only EPOLLOUT is watched.
func (l *loop) echo(fd int32) {
	n, err := unix.Read(int(fd), l.buf)
	switch {
	case err == unix.EAGAIN || err == unix.EINTR:
		return
	case err != nil || n == 0:
		l.drop(fd)
		return
	}
	sent, ok := l.write(fd, l.buf[:n])
	if !ok || sent == n {
		return
	}
	l.pending[fd] = append([]byte(nil), l.buf[sent:n]...)
	if l.watch(unix.EPOLL_CTL_MOD, int(fd), unix.EPOLLOUT, aConnection) != nil {
		l.drop(fd)
	}
}

// flush writes what is pending and goes back to reading once it is gone.
func (l *loop) flush(fd int32) {
	rest := l.pending[fd]
	sent, ok := l.write(fd, rest)
	if !ok {
		return
	}
	if sent < len(rest) {
		l.pending[fd] = rest[sent:]
		return
	}
	delete(l.pending, fd)
	if l.watch(unix.EPOLL_CTL_MOD, int(fd), unix.EPOLLIN, aConnection) != nil {
		l.drop(fd)
	}
}

// write sends what the socket takes now; not ok: the connection is gone.
func (l *loop) write(fd int32, b []byte) (sent int, ok bool) {
	for sent < len(b) {
		n, err := unix.Write(int(fd), b[sent:])
		switch err {
		case nil:
			sent += n
		case unix.EINTR:
		case unix.EAGAIN:
			return sent, true
		default:
			l.drop(fd)
			return sent, false
		}
	}
	return sent, true
}

func (l *loop) drop(fd int32) {
	delete(l.pending, fd)
	unix.Close(int(fd))
}
