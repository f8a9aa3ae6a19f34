package sys

import (
	"time"

	"golang.org/x/sys/unix"
)

// ThreadCPU is the processor time that the calling OS thread has used,
// clock_gettime(2) CLOCK_THREAD_CPUTIME_ID. It means something only between
// runtime.LockOSThread and the unlock.
func ThreadCPU() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) // cannot fail
	return time.Duration(t.Nano())
}
