package sys

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Addr is a socket address in the kernel's form (struct sockaddr_in or
// sockaddr_in6), made once and passed by pointer to every connect(2).
type Addr struct {
	raw [unix.SizeofSockaddrInet6]byte
	len uint32
}

// NewAddr makes the kernel's form of ip:port. An IPv4-mapped address is IPv4.
func NewAddr(ip netip.Addr, port uint16) Addr {
	var a Addr
	ip = ip.Unmap()
	family := uint16(unix.AF_INET6)
	if ip.Is4() {
		family = unix.AF_INET
	}
	binary.NativeEndian.PutUint16(a.raw[0:], family)
	binary.BigEndian.PutUint16(a.raw[2:], port)
	if ip.Is4() {
		b := ip.As4()
		copy(a.raw[4:], b[:])
		a.len = unix.SizeofSockaddrInet4
		return a
	}
	b := ip.As16()
	copy(a.raw[8:], b[:])
	a.len = unix.SizeofSockaddrInet6
	return a
}

// Family of an address, for Socket: AF_INET or AF_INET6.
func Family(ip netip.Addr) int {
	if ip.Unmap().Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// Socket makes a non-blocking TCP socket, socket(2).
func Socket(family int) (int, Errno) {
	fd, _, errno := unix.RawSyscall(unix.SYS_SOCKET, uintptr(family),
		unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	return int(fd), errno
}

// Connect wraps connect(2) on a non-blocking socket: EINPROGRESS is the usual
// answer, on loopback too, where the handshake is complete by then.
func Connect(fd int, a *Addr) Errno {
	_, _, errno := unix.RawSyscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(a)), uintptr(a.len))
	return errno
}

// BoundTo says whether a socket's local address is a, getsockname(2).
func BoundTo(fd int, a *Addr) bool {
	var own Addr
	own.len = uint32(len(own.raw))
	_, _, errno := unix.RawSyscall(unix.SYS_GETSOCKNAME, uintptr(fd), uintptr(unsafe.Pointer(&own.raw)),
		uintptr(unsafe.Pointer(&own.len)))
	return errno == 0 && own == *a
}

// Bind wraps bind(2).
func Bind(fd int, a *Addr) Errno {
	_, _, errno := unix.RawSyscall(unix.SYS_BIND, uintptr(fd), uintptr(unsafe.Pointer(a)), uintptr(a.len))
	return errno
}

func setInt(fd, level, opt int, value int32) Errno {
	_, _, errno := unix.RawSyscall6(unix.SYS_SETSOCKOPT, uintptr(fd), uintptr(level), uintptr(opt),
		uintptr(unsafe.Pointer(&value)), 4, 0)
	return errno
}

// BindLate sets IP_BIND_ADDRESS_NO_PORT, ip(7), Linux 4.2: bind(ip, 0) keeps
// the address only, and connect(2) chooses the port knowing the whole 4-tuple.
// Without it bind takes a port for every destination at once.
func BindLate(fd int) Errno {
	return setInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
}

// LocalPortRange sets IP_LOCAL_PORT_RANGE, ip(7), Linux 6.3: this socket's
// ephemeral port comes from low..high, searched in steps of one, both parities.
func LocalPortRange(fd, low, high int) Errno {
	return setInt(fd, unix.IPPROTO_IP, unix.IP_LOCAL_PORT_RANGE, int32(high<<16|low))
}

// NoDelay sets TCP_NODELAY, tcp(7).
func NoDelay(fd int) Errno { return setInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1) }

// SocketError takes the pending error, getsockopt(2) SO_ERROR.
func SocketError(fd int) Errno {
	var v int32
	n := uint32(4)
	_, _, errno := unix.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_ERROR,
		uintptr(unsafe.Pointer(&v)), uintptr(unsafe.Pointer(&n)), 0)
	if errno != 0 {
		return errno
	}
	return Errno(v)
}

// Read wraps read(2). 0 bytes and no error is the end of the stream.
func Read(fd int, p []byte) (int, Errno) {
	n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))),
		uintptr(len(p)))
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// Send wraps send(2) with MSG_NOSIGNAL: a closed peer is EPIPE, not SIGPIPE.
func Send(fd int, p []byte) (int, Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))),
		uintptr(len(p)),
		unix.MSG_NOSIGNAL, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// Close wraps close(2): an orderly FIN, unless Reset was called.
func Close(fd int) Errno {
	_, _, errno := unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0)
	return errno
}

// ShutdownWrite wraps shutdown(2) SHUT_WR: the peer reads the end of the
// stream behind what was sent, and may go on sending.
func ShutdownWrite(fd int) Errno {
	_, _, errno := unix.RawSyscall(unix.SYS_SHUTDOWN, uintptr(fd), unix.SHUT_WR, 0)
	return errno
}

// Dup makes a second fd of the same socket, fcntl(2) F_DUPFD_CLOEXEC: the
// connection lives until both are closed.
func Dup(fd int) (int, Errno) {
	n, _, errno := unix.RawSyscall(unix.SYS_FCNTL, uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	return int(n), errno
}

// Reset makes the following Close send RST and leave no TIME_WAIT: SO_LINGER
// on with zero seconds, socket(7).
func Reset(fd int) Errno {
	l := unix.Linger{Onoff: 1, Linger: 0}
	_, _, errno := unix.RawSyscall6(unix.SYS_SETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_LINGER,
		uintptr(unsafe.Pointer(&l)), unix.SizeofLinger, 0)
	return errno
}
