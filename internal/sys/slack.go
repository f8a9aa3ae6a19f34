package sys

import (
	"os/exec"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// StartSlack starts cmd with that timer slack for all its threads,
// PR_SET_TIMERSLACK, prctl(2): sleeps may last so much longer, and wake up
// together with others. The Go runtime's monitor thread sleeps for 20 µs, fifty
// times over, after every bit of activity; in dozens of processes on a few
// cores that alone is more switching than the work.
func StartSlack(cmd *exec.Cmd, slack time.Duration) error {
	runtime.LockOSThread() // the child inherits from the thread that forks
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(slack), 0, 0, 0); err == nil {
		defer func() { _ = unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0) }() // back to the default
	}
	return cmd.Start()
}
