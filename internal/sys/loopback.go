package sys

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// LoopbackUp brings lo up in this network namespace, netdevice(7)
// SIOCSIFFLAGS: a new namespace has it down. It needs CAP_NET_ADMIN there.
func LoopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("bring lo up: %w", os.NewSyscallError("socket", err))
	}
	defer func() { _ = unix.Close(fd) }()
	r, err := unix.NewIfreq("lo")
	if err != nil {
		return fmt.Errorf("bring lo up: %w", err)
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, r); err != nil {
		return fmt.Errorf("bring lo up: %w", os.NewSyscallError("ioctl SIOCGIFFLAGS", err))
	}
	r.SetUint16(r.Uint16() | unix.IFF_UP)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, r); err != nil {
		return fmt.Errorf("bring lo up: %w", os.NewSyscallError("ioctl SIOCSIFFLAGS", err))
	}
	return nil
}

// NewNetwork is the flag of unshare(2) for a network namespace.
const NewNetwork = unix.CLONE_NEWNET
