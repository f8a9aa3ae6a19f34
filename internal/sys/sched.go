package sys

import (
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Policy is a CPU scheduling policy of sched(7) that needs no privilege.
type Policy uint32

// The policies. A Batch thread that wakes does not preempt the one that runs.
const (
	Normal Policy = unix.SCHED_NORMAL
	Batch  Policy = unix.SCHED_BATCH
)

// SetThreadSlice sets policy and time slice of the calling OS thread,
// sched_setattr(2). A slice (0: the default, about 3 ms) is honoured since
// Linux 6.12 and lies within 0.1..100 ms there; older kernels ignore it.
func SetThreadSlice(p Policy, slice time.Duration) error { return setSlice(0, p, slice) }

// SetProcessPolicy sets the policy of every thread of this process. Threads
// made later inherit it from the one that makes them.
func SetProcessPolicy(p Policy) error {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, t := range tasks {
		tid, err := strconv.Atoi(t.Name())
		if err != nil {
			continue
		}
		if err := setSlice(tid, p, 0); err != nil && err != unix.ESRCH {
			return err
		}
	}
	return nil
}

func setSlice(tid int, p Policy, slice time.Duration) error {
	attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: uint32(p), Runtime: uint64(slice)}
	return unix.SchedSetAttr(tid, &attr, 0)
}

// Nap sleeps in the kernel, nanosleep(2): the Go scheduler is told, and no timer of
// its own is made.
func Nap(d time.Duration) {
	t := unix.NsecToTimespec(int64(d))
	_ = unix.Nanosleep(&t, nil)
}
