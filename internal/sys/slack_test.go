package sys

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const relaxing = "C10M_TEST_RELAXING"

// TestRelaxTimers: it is the same process afterwards, with the same arguments, and its
// threads have the slack, but for one that asks for exact timers.
func TestRelaxTimers(t *testing.T) {
	if os.Getenv(relaxing) != "" {
		runtime.LockOSThread()
		if err := RelaxTimers(3*time.Millisecond, os.Args, os.Environ()); err != nil {
			t.Fatal(err)
		}
		relaxed := timerSlack()
		ExactTimers()
		fmt.Printf("pid %d, slack %v, exact %v\n", os.Getpid(), relaxed, timerSlack())
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestRelaxTimers$", "-test.count=1")
	cmd.Env = append(os.Environ(), relaxing+"=1")
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := StartSlack(cmd, Exact); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	want := fmt.Sprintf("pid %d, slack 3ms, exact 50µs\n", cmd.Process.Pid)
	if err != nil || !strings.HasPrefix(out.String(), want) {
		t.Errorf("%v\n%s\nwant\n%s", err, &out, want)
	}
}

// TestRelaxTimersOfRealTime: threads of a real-time policy have no slack, and a program
// that begins on one must not execute itself for ever.
func TestRelaxTimersOfRealTime(t *testing.T) {
	failed := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends here
		attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}
		if err := unix.SchedSetAttr(0, &attr, 0); err != nil {
			failed <- fmt.Errorf("skip: %w", err)
			return
		}
		if timerSlack() > 0 { // older kernels let them have one
			failed <- fmt.Errorf("skip: a real-time thread has a slack of %v", timerSlack())
			return
		}
		failed <- RelaxTimers(3*time.Millisecond, nil, nil)
	}()
	switch err := <-failed; {
	case err != nil && strings.HasPrefix(err.Error(), "skip: "):
		t.Skip(err)
	case err != errNoSlack:
		t.Errorf("it says %v, want %v", err, errNoSlack)
	}
}
