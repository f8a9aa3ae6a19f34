package sys

import (
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// backlog is what listen(2) is asked for; the kernel cuts it to
// net.core.somaxconn.
const backlog = 65535

// Listen makes a non-blocking listening socket of a SO_REUSEPORT group,
// socket(7). Accepted sockets inherit its TCP_NODELAY, so that none of them
// costs a system call. An IPv6 socket is for IPv6 alone, ipv6(7), but [::] stands
// for both families.
func Listen(ip netip.Addr, port uint16) (int, error) {
	fd, errno := Socket(Family(ip))
	if errno != 0 {
		return -1, os.NewSyscallError("socket", errno)
	}
	a := NewAddr(ip, port)
	for _, step := range []struct {
		name string
		do   func() Errno
	}{
		{"setsockopt SO_REUSEADDR", func() Errno { return setInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1) }},
		{"setsockopt SO_REUSEPORT", func() Errno { return setInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) }},
		{"setsockopt TCP_NODELAY", func() Errno { return NoDelay(fd) }},
		{"setsockopt IPV6_V6ONLY", func() Errno {
			if ip.Unmap().Is4() {
				return 0
			}
			only := int32(1)
			if ip == netip.IPv6Unspecified() {
				only = 0
			}
			return setInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, only)
		}},
		{"bind", func() Errno { return Bind(fd, &a) }},
		{"listen", func() Errno { return errnoOf(unix.Listen(fd, backlog)) }},
	} {
		if errno := step.do(); errno != 0 {
			Close(fd)
			return -1, os.NewSyscallError(step.name, errno)
		}
	}
	return fd, nil
}

// errnoOf is the number of an error that a system call returned.
func errnoOf(err error) Errno {
	if err == nil {
		return 0
	}
	if errno, ok := err.(Errno); ok {
		return errno
	}
	return EINVAL
}

// Accept takes one connection from a non-blocking listening socket, accept4(2),
// as a non-blocking socket. It does not ask for the peer's address.
func Accept(listener int) (int, Errno) {
	fd, _, errno := unix.RawSyscall6(unix.SYS_ACCEPT4, uintptr(listener), 0, 0,
		unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
	return int(fd), errno
}

// LocalPort is the port that a TCP socket is bound to, getsockname(2).
func LocalPort(fd int) (int, Errno) {
	at, err := unix.Getsockname(fd)
	if err != nil {
		return 0, errnoOf(err)
	}
	switch at := at.(type) {
	case *unix.SockaddrInet4:
		return at.Port, 0
	case *unix.SockaddrInet6:
		return at.Port, 0
	}
	return 0, EINVAL
}

// Unsent is how many bytes of a socket the peer has not acknowledged yet,
// whether they were sent or not: tcp(7), SIOCOUTQ.
func Unsent(fd int) int {
	n, err := unix.IoctlGetInt(fd, unix.SIOCOUTQ)
	if err != nil {
		return 0
	}
	return n
}
