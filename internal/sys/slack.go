package sys

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// Timer slack, PR_SET_TIMERSLACK of prctl(2), is how much later than asked a thread's
// sleeps may end, so that it wakes together with others. The Go runtime's monitor thread
// sleeps for 20 µs, fifty times over, after every bit of activity, and wakes thousands of
// times a second; with little slack that is more switching than the work of a loop that
// accepts or echoes.

// Exact is the kernel's default of a thread's timer slack.
const Exact = 50 * time.Microsecond

// StartSlack starts cmd with that timer slack for all its threads.
func StartSlack(cmd *exec.Cmd, slack time.Duration) error {
	runtime.LockOSThread() // the child inherits from the thread that forks
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(slack), 0, 0, 0); err == nil {
		defer func() { _ = unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0) }() // back to the default
	}
	return cmd.Start()
}

// RelaxTimers gives every thread of this program at least that timer slack. Threads
// inherit it from the one that makes them, and the monitor thread is older than the
// program's first statement, so the program executes itself anew, as the same process,
// with these arguments and this environment. Call it before anything is read that cannot
// be read again, from the process's first thread: the signal at a parent's death
// (PR_SET_PDEATHSIG) is that thread's. An error means that all is as it was.
func RelaxTimers(slack time.Duration, args, env []string) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if timerSlack() >= slack {
		return nil // executed anew already, or by a parent that has it
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find own binary: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(slack), 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl PR_SET_TIMERSLACK", err)
	}
	if timerSlack() < slack { // real-time threads have none, and setting it is no error
		return errNoSlack
	}
	err = unix.Exec(self, args, env)
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0)
	return os.NewSyscallError("execve", err)
}

var errNoSlack = errors.New("prctl PR_SET_TIMERSLACK: the kernel does not take it for this thread")

// timerSlack is the calling thread's; 0 where that is not told.
func timerSlack() time.Duration {
	ns, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	if err != nil {
		return 0
	}
	return time.Duration(ns)
}

// ExactTimers gives the calling thread, which should be locked, the kernel's default
// slack: its own sleeps are to be exact. Where that fails they are a little longer.
func ExactTimers() { _ = unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(Exact), 0, 0, 0) }
