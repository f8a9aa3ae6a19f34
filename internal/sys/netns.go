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
