package sys

import (
	"fmt"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// TestPrivateFDTableKeeps: of the sockets those stay that are to, in whatever
// order they are named (the lowest free number is taken first, and it may have
// become free between two of them); everything stays in the table of the others.
func TestPrivateFDTableKeeps(t *testing.T) {
	var fds [6]int
	for i := range fds {
		fd, errno := Socket(unix.AF_INET)
		if errno != 0 {
			t.Fatal(errno)
		}
		defer Close(fd)
		fds[i] = fd
	}
	keep := []int{fds[4], fds[0], fds[5], fds[2]}
	open := make(chan [6]bool)
	failed := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends here
		left, err := PrivateFDTable(keep...)
		if now, _ := CountFDs(); err == nil && left != now {
			err = fmt.Errorf("PrivateFDTable says that %d fds are left, and %d are", left, now)
		}
		failed <- err
		var is [6]bool
		for i, fd := range fds {
			is[i] = IsSocket(fd)
		}
		open <- is
	}()
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
	if got := <-open; got != [6]bool{0: true, 2: true, 4: true, 5: true} {
		t.Errorf("open in the private table: %v", got)
	}
	for i, fd := range fds {
		if !IsSocket(fd) {
			t.Errorf("socket %d is closed in everybody's table", i)
		}
	}
}
