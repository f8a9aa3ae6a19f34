package sys

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// PrivateFDTable gives the calling OS thread an fd table of its own,
// unshare(2) CLONE_FILES: RLIMIT_NOFILE then counts for this thread alone, and
// the table's lock is not shared. The goroutine must be locked to its thread
// and must end without unlocking, which ends the thread and its table.
//
// The new table starts as a copy of the old one. Sockets do not belong in it
// (the copy would keep them open after their owner closed them, and the peer
// would never see the end) and are closed here; the Go runtime's own epoll and
// event fds stay, because the runtime may use them from any thread.
//
// What is in keep stays: a server's listening sockets are the same in each of its
// tables.
//
// No privilege is needed, but a seccomp filter may forbid it (Docker's default
// profile does, without CAP_SYS_ADMIN): EPERM.
func PrivateFDTable(keep ...int) error {
	if err := unix.Unshare(unix.CLONE_FILES); err != nil {
		return fmt.Errorf("take a private fd table: %w", os.NewSyscallError("unshare", err))
	}
	fds, err := openFDs()
	if err != nil {
		return err
	}
	kept := make(map[int]bool, len(keep))
	for _, fd := range keep {
		kept[fd] = true
	}
	for _, fd := range fds {
		if kept[fd] {
			continue
		}
		var st unix.Stat_t
		if fd > 2 && unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFSOCK {
			_ = unix.Close(fd)
		}
	}
	return nil
}

// CanPrivateFDTable tries PrivateFDTable on a thread made for it.
func CanPrivateFDTable() error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends here
		done <- PrivateFDTable()
	}()
	return <-done
}

// CountFDs is how many fds the calling thread's table holds.
func CountFDs() (int, error) {
	fds, err := openFDs()
	return len(fds), err
}

// openFDs lists /proc/thread-self/fd, less the one it is read with; where /proc
// is hidden it tries all numbers.
func openFDs() ([]int, error) {
	dir, err := unix.Open("/proc/thread-self/fd", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EACCES) {
		return tryFDs()
	}
	if err != nil {
		return nil, fmt.Errorf("list open fds: %w", os.NewSyscallError("open", err))
	}
	defer func() { _ = unix.Close(dir) }()
	var fds []int
	buf := make([]byte, 8192)
	for {
		n, err := unix.Getdents(dir, buf)
		if err != nil {
			return nil, fmt.Errorf("list open fds: %w", os.NewSyscallError("getdents64", err))
		}
		if n == 0 {
			return fds, nil
		}
		_, _, names := unix.ParseDirent(buf[:n], -1, nil)
		for _, name := range names {
			if fd, err := strconv.Atoi(name); err == nil && fd != dir {
				fds = append(fds, fd)
			}
		}
	}
}

// maxTried bounds the numbers that tryFDs tries: 10 ms for all of them.
const maxTried = 1 << 16

// tryFDs asks for the flags of every fd below the soft limit, fcntl(2).
func tryFDs() (fds []int, err error) {
	limit, err := GetNofile()
	if err != nil {
		return nil, err
	}
	for fd := range int(min(limit.Soft, maxTried)) {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil {
			fds = append(fds, fd)
		}
	}
	return fds, nil
}
