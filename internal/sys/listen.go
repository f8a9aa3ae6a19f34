package sys

import (
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// PortFree tries whether ip:port could be bound by one listener alone, without
// SO_REUSEPORT: a second server would otherwise share the port in silence.
// SO_REUSEADDR is set, so TIME_WAIT of an earlier run is no obstacle.
func PortFree(ip netip.Addr, port uint16) error {
	fd, errno := Socket(Family(ip))
	if errno != 0 {
		return os.NewSyscallError("socket", errno)
	}
	defer Close(fd)
	if errno := setInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); errno != 0 {
		return os.NewSyscallError("setsockopt SO_REUSEADDR", errno)
	}
	a := NewAddr(ip, port)
	if errno := Bind(fd, &a); errno != 0 {
		return os.NewSyscallError("bind", errno)
	}
	return nil
}
