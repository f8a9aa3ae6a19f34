package sys

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// KeepAlive is how the kernel finds out that the peer of a silent connection is
// gone: probes after Idle, then every Interval, until nothing has come back for
// Dead. The same limit holds for bytes that nobody acknowledges and, since the
// kernel makes no difference there, for a peer that takes none for so long
// (TCP_USER_TIMEOUT, tcp(7), RFC 5482).
type KeepAlive struct {
	Idle, Interval, Dead time.Duration
}

// The bounds of a keepalive's idle time. The kernel's own are 1..32,767 s.
const (
	MinKeepAlive     = time.Second
	MaxKeepAlive     = 2 * time.Hour
	DefaultKeepAlive = 5 * time.Minute
)

// keepAliveProbes go unanswered before a peer is given up.
const keepAliveProbes = 3

// NewKeepAlive probes after idle. The interval is a quarter of that, at most the
// kernel's default of 75 s.
func NewKeepAlive(idle time.Duration) KeepAlive {
	every := min(max(idle/4, time.Second), 75*time.Second).Truncate(time.Second)
	return KeepAlive{Idle: idle, Interval: every, Dead: idle + keepAliveProbes*every}
}

// Set makes a socket, or all that a listening socket will accept, use it.
func (k KeepAlive) Set(fd int) Errno {
	for _, o := range [...]struct {
		level, name int
		value       int32
	}{
		{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, int32(k.Idle / time.Second)},
		{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, int32(k.Interval / time.Second)},
		{unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int32(k.Dead / time.Millisecond)},
		{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
	} {
		if errno := setInt(fd, o.level, o.name, o.value); errno != 0 {
			return errno
		}
	}
	return 0
}

// SetListeners gives it to every TCP socket of this process that listens:
// accepted connections inherit it, so that none of them costs a system call.
func (k KeepAlive) SetListeners() error {
	fds, err := Listeners()
	if err != nil {
		return err
	}
	for _, fd := range fds {
		if errno := k.Set(fd); errno != 0 {
			return os.NewSyscallError("setsockopt TCP keepalive", errno)
		}
	}
	return nil
}
