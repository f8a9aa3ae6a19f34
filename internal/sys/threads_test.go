package sys

import (
	"sync"
	"syscall"
	"testing"

	"github.com/c10m/c10m/tests/nettest"
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
		nettest.Await(t, "a thread for each that blocks", func() bool { return threads() >= blocked })
		syscall.Close(pipe[1])
		all.Wait()
		syscall.Close(pipe[0])
		before := threads()
		ended := EndIdleThreads()
		if ended < blocked/2 {
			t.Errorf("%d of %d threads were ended, want at least half of %d", ended, before, blocked)
		}
		nettest.Await(t, "the end of those threads", func() bool { return threads() <= busyThreads()+blocked/4 })
	}
}
