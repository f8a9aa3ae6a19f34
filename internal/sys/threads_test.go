package sys

import (
	"runtime/metrics"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestEndIdleThreads: what many calls that blocked at once have left behind goes, and
// the program can block as often afterwards.
func TestEndIdleThreads(t *testing.T) {
	const blocked = 40
	Seat(1)
	defer Seat(-1)
	for range 2 {
		var pipe [2]int
		if err := syscall.Pipe2(pipe[:], syscall.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range blocked {
			all.Go(func() { _, _ = syscall.Read(pipe[0], make([]byte, 1)) })
		}
		for threads() < blocked { // the runtime makes one more for each that blocks
			Nap(1e6)
		}
		syscall.Close(pipe[1])
		all.Wait()
		syscall.Close(pipe[0])
		before := threads()
		ended := EndIdleThreads()
		if ended < blocked/2 {
			t.Errorf("%d of %d threads were ended, want at least half of %d", ended, before, blocked)
		}
		for end := time.Now().Add(time.Minute); threads() > busyThreads()+blocked/4; Nap(1e6) {
			if time.Now().After(end) {
				t.Fatalf("%d threads are left of %d after %d were ended", threads(), before, ended)
			}
		}
	}
}

// threads is how many the runtime has.
func threads() int {
	s := []metrics.Sample{{Name: threadsMetric}}
	metrics.Read(s)
	return int(s[0].Value.Uint64())
}
