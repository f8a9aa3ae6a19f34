package loadgen

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/sys"
)

// taken is what this process holds.
type taken struct{ fds, threads, pages int }

func holds(t *testing.T) (n taken) {
	t.Helper()
	fds, err := sys.CountFDs()
	if err != nil {
		t.Fatal(err)
	}
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscan(string(statm), &n.pages); err != nil {
		t.Fatal(err)
	}
	n.fds, n.threads = fds, len(tasks)
	return n
}

// An engine gives back what it took, also for connections that nobody closed.
func TestStopGivesBack(t *testing.T) {
	const rounds = 20
	port := echoServer(t)
	use := func(private bool, conns int64, ramp bool) {
		p := testPlan(port, conns, 3)
		p.PrivateTables = private
		e, err := Start(p, 1)
		if err != nil {
			t.Fatal(err)
		}
		if ramp {
			e.Ramp(context.Background())
		}
		tally, err := e.Stop()
		if err != nil || ramp && tally.Open() != conns {
			t.Fatalf("%+v, %v", tally.Counts, err)
		}
		if ramp && private {
			e.Live() // a watcher looks once more: 100 ms
		}
	}
	use(false, 30, true) // what the runtime takes for good
	before := holds(t)
	for range rounds {
		for _, private := range []bool{false, true} {
			use(private, 30, true)
			use(private, 1<<20, false)
		}
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		// The Go runtime may need a few threads of its own meanwhile, and heap.
		now := holds(t)
		if now.fds <= before.fds && now.threads < before.threads+rounds && now.pages < before.pages+rounds*(1<<20)*28/
			os.Getpagesize() {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d engines later %+v, before %+v", 4*rounds, now, before)
		}
	}
}

// A thread that cannot start takes the others with it.
func TestStartFails(t *testing.T) {
	before := holds(t)
	first, err := sys.Eventfd()
	if err != nil {
		t.Fatal(err)
	}
	sys.Close(first)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	low := limit
	low.Cur = uint64(first + 4) // the eventfd, and epoll instances of three threads at most
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	p := testPlan(1, 50, 50)
	p.PrivateTables = false
	_, err = Start(p, 1)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(err, syscall.EMFILE) {
		t.Fatalf("Start: %v, want %v", err, syscall.EMFILE)
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		now := holds(t)
		if now.fds <= before.fds && now.threads < before.threads+25 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("after a start that failed %+v, before %+v", now, before)
		}
	}
}
