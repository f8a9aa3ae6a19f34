package sys

import (
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
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

// cores is what GOMAXPROCS was before Seat changed it.
var cores atomic.Int64

func init() { cores.Store(int64(runtime.GOMAXPROCS(0))) }

// Cores is how many processors this program has the time of: those that there are, or
// what a quota of its cgroup, or the environment's GOMAXPROCS, leaves of them.
func Cores() int { return int(cores.Load()) }

// SetCores has the program use no more than so many; call it before Seat.
func SetCores(n int) {
	cores.Store(int64(n))
	runtime.GOMAXPROCS(n)
}

// seats are processors of Go's scheduler beyond Cores.
var seats struct {
	sync.Mutex
	taken, room int
}

// spareSeats is by how many their number grows at least, once there are as many: each
// change stops every goroutine for a moment.
const spareSeats = 4

// Seat makes room in Go's scheduler for n more locked threads that wait in system calls;
// with n below 0 they have ended. A thread that comes back from a system call needs a
// processor of that scheduler, and where there are fewer of these than threads, one that
// waits in the kernel may keep the last until the runtime's monitor thread takes it away.
// So each has one of its own. The price: as many threads may collect garbage, so go by
// two threads for each seat where their number is limited, and by Cores, not by
// GOMAXPROCS, where it is to be decided how many goroutines compute.
func Seat(n int) {
	seats.Lock()
	defer seats.Unlock()
	switch seats.taken += n; {
	case seats.taken > seats.room:
		seats.room = max(seats.taken, seats.room+min(seats.room, spareSeats))
	case seats.taken < seats.room/2: // what a processor caches goes with it
		seats.room = seats.taken
	default:
		return
	}
	runtime.GOMAXPROCS(Cores() + seats.room)
}

// Unseated runs f, which is to be short, with as many processors of Go's scheduler as
// there are cores, so that a collection in it takes no more threads than these. A locked
// thread that comes back from the kernel meanwhile may have to wait for one.
func Unseated(f func()) {
	seats.Lock()
	defer seats.Unlock()
	if seats.room > 0 {
		runtime.GOMAXPROCS(Cores())
		defer func() { runtime.GOMAXPROCS(Cores() + seats.room) }()
	}
	f()
}
