package sys

import (
	"runtime"
	"runtime/metrics"
	"sync"
)

// threads is how many the runtime has.
func threads() int {
	s := []metrics.Sample{{Name: "/sched/threads/total:threads"}}
	metrics.Read(s)
	return int(s[0].Value.Uint64())
}

// busyThreads is how many threads a Go program needs beside those with a seat: main's,
// the runtime's monitor, the one that waits for signals, one in the poller, one that makes
// threads for locked ones, and one for each core.
func busyThreads() int { return 5 + Cores() }

// EndIdleThreads ends threads that Go's runtime has made and no longer needs, and tells
// how many. The runtime would keep them for good, with tens of KiB each: there are dozens
// after a collection that had the processors of all of Seat's threads to itself. A few
// stay for what comes next. Without seats it ends none: there, who knows which threads
// wait in the kernel for something? It is not for a program with child processes that end
// with it: theirs is the death of the thread that started them (PR_SET_PDEATHSIG, prctl(2)).
func EndIdleThreads() int {
	seats.Lock()
	taken := seats.taken
	seats.Unlock()
	idle := threads() - taken - busyThreads()
	if taken == 0 || idle <= 0 {
		return 0
	}
	// A goroutine that is locked to its thread holds it while it waits, so the next one
	// needs another; and a thread ends with the goroutine that is locked to it.
	var held, ended sync.WaitGroup
	held.Add(idle)
	for range idle {
		ended.Go(func() {
			runtime.LockOSThread()
			held.Done()
			held.Wait()
		})
	}
	ended.Wait()
	return idle
}
