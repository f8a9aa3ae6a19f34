package sys

import (
	"os"

	"golang.org/x/sys/unix"
)

// LockFile waits until this process alone has f locked, fcntl(2) F_SETLKW, until
// unlock is called or the process ends. Processes that have inherited the same
// open file exclude each other, too, which they do not with flock(2).
func LockFile(f *os.File) (unlock func(), err error) {
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	for {
		err = unix.FcntlFlock(f.Fd(), unix.F_SETLKW, &lock)
		if err != unix.EINTR {
			break
		}
	}
	if err != nil {
		return nil, os.NewSyscallError("fcntl F_SETLKW", err)
	}
	return func() {
		free := unix.Flock_t{Type: unix.F_UNLCK}
		_ = unix.FcntlFlock(f.Fd(), unix.F_SETLK, &free)
	}, nil
}
