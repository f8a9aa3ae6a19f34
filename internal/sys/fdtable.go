package sys

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"slices"
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
// tables. left is how many fds the table has then.
//
// No privilege is needed, but a seccomp filter may forbid it (Docker's default
// profile does, without CAP_SYS_ADMIN): EPERM.
func PrivateFDTable(keep ...int) (left int, err error) {
	if err := unix.Unshare(unix.CLONE_FILES); err != nil {
		return 0, fmt.Errorf("take a private fd table: %w", os.NewSyscallError("unshare", err))
	}
	kept := slices.Sorted(slices.Values(keep))
	err = eachFD(func(fd int) {
		if _, stays := slices.BinarySearch(kept, fd); fd > 2 && !stays && IsSocket(fd) {
			Close(fd)
		} else {
			left++
		}
	})
	return left, err
}

// CanPrivateFDTable tries PrivateFDTable on a thread made for it.
func CanPrivateFDTable() error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends here
		_, err := PrivateFDTable()
		done <- err
	}()
	return <-done
}

// CountFDs is how many fds the calling thread's table holds.
func CountFDs() (n int, err error) {
	err = eachFD(func(int) { n++ })
	return n, err
}

// eachFD calls f with each fd in the calling thread's table: it asks for the flags of
// every number, fcntl(2). To list /proc/thread-self/fd, anew in each thread, takes longer,
// and an inode and a dentry of the kernel's memory for each.
func eachFD(f func(fd int)) error {
	size, err := tableSize()
	if err != nil {
		return err
	}
	for fd := range size {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil {
			f(fd)
		}
	}
	return nil
}

// maxTried bounds the numbers that are asked for where the table's size is hidden: 10 ms
// for all of them.
const maxTried = 1 << 16

// tableSize is how many numbers the calling thread's table has places for, FDSize of
// /proc/PID/status; where /proc is hidden it is the soft limit. Unsharing a table makes
// it as small as its highest number allows.
func tableSize() (int, error) {
	status, err := os.ReadFile("/proc/thread-self/status")
	if err == nil {
		_, after, _ := bytes.Cut(status, []byte("\nFDSize:"))
		line, _, _ := bytes.Cut(after, []byte("\n"))
		if size, err := strconv.Atoi(string(bytes.TrimSpace(line))); err == nil {
			return size, nil
		}
	}
	limit, err := GetNofile()
	return int(min(limit.Soft, maxTried)), err
}
