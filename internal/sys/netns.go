package sys

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// InNetwork calls do in the network namespace of a file like /proc/PID/ns/net,
// setns(2); a socket keeps the namespace that it was made in. It needs
// CAP_SYS_ADMIN.
func InNetwork(path string, do func() error) error {
	there, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = there.Close() }()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer func() { _ = home.Close() }()
	runtime.LockOSThread()
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return os.NewSyscallError("setns", err)
	}
	err = do()
	if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); back != nil {
		return os.NewSyscallError("setns", back) // the thread stays locked, and ends with its goroutine
	}
	runtime.UnlockOSThread()
	return err
}

// NetCookie is the number of the network namespace that this thread is in,
// socket(7) SO_NETNS_COOKIE (Linux 5.14). Unlike the inode of
// /proc/PID/ns/net it is never given to a second namespace in one boot.
func NetCookie() (uint64, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, os.NewSyscallError("socket", err)
	}
	defer func() { _ = unix.Close(fd) }()
	cookie, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
	return cookie, os.NewSyscallError("getsockopt SO_NETNS_COOKIE", err)
}
