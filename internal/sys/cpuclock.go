package sys

import (
	"fmt"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// The lowest bits of a CPU-time clock's id, include/linux/posix-timers.h: user
// and system time as the scheduler counts it, of a process or of a thread.
const (
	clockSched     = 2
	clockPerThread = 4
)

// ProcessCPU is the processor time that a process has used with all its
// threads, whoever it belongs to, from its CPU-time clock,
// clock_getcpuclockid(3): one system call and no garbage, where /proc/PID/stat
// takes three and a parser.
func ProcessCPU(pid int) (time.Duration, error) { return cpuClock(pid, clockSched) }

// ThreadCPU is the processor time of one thread of this process.
func ThreadCPU(tid int) (time.Duration, error) { return cpuClock(tid, clockSched|clockPerThread) }

// CPUOf does it and returns what that took of a processor: on a busy machine what
// is cheap takes long, too.
func CPUOf(do func()) time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	id := ThreadID()
	before, _ := ThreadCPU(id)
	do()
	after, _ := ThreadCPU(id)
	return after - before
}

func cpuClock(id, kind int) (time.Duration, error) {
	if id <= 0 {
		return 0, fmt.Errorf("read CPU clock: there is no process or thread %d", id)
	}
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^id<<3|kind), &t); err != nil {
		return 0, fmt.Errorf("read CPU clock of %d: %w", id, os.NewSyscallError("clock_gettime", err))
	}
	return time.Duration(t.Nano()), nil
}

// ThreadID is the calling OS thread's number, gettid(2).
func ThreadID() int { return unix.Gettid() }

// CPUOfProcess does it and returns what all threads of this process took of
// processors meanwhile.
func CPUOfProcess(do func()) time.Duration {
	before, _ := ProcessCPU(os.Getpid())
	do()
	after, _ := ProcessCPU(os.Getpid())
	return after - before
}
