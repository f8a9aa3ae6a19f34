package rig

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/c10m/c10m/internal/sys"
)

// settled waits until the server's numbers of fds and goroutines stand still, before its
// first connection, and remembers them for noLeaks.
func (s *Server) settled(tb testing.TB) {
	tb.Helper()
	if !strings.Contains(s.Ready, "control=http://"+s.Control) {
		return // it has no control endpoint
	}
	last := -1
	Await(tb, "the server's fds to settle", func() bool {
		last = s.fds
		s.fds, s.fdsOfOne = s.countFDs(tb)
		return s.fds > 0 && s.fds == last
	})
	Await(tb, "the server to tell of its goroutines", func() bool {
		s.gor, s.gorOfOne = s.goroutines(tb)
		return s.gor > 0
	})
	s.processes = len(s.pids(tb))
}

// pids are the server's processes.
func (s *Server) pids(tb testing.TB) []int {
	tb.Helper()
	r := s.Report(tb)
	all := []int{r.PID}
	for _, w := range r.Shards {
		if w.PID != r.PID {
			all = append(all, w.PID)
		}
	}
	return all
}

// countFDs is the number of fds of the server's processes, and the most that one
// of them has; -1 while one of them is just coming or going.
func (s *Server) countFDs(tb testing.TB) (sum, most int) {
	tb.Helper()
	for _, pid := range s.pids(tb) {
		names, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		if err != nil {
			return -1, -1
		}
		sum += len(names)
		most = max(most, len(names))
	}
	return sum, most
}

// total is the first line of net/http/pprof's text form of a profile.
var total = regexp.MustCompile(`^goroutine profile: total (\d+)`)

// goroutines is the number of goroutines of all the server's processes, and the
// most that one of them has; 0 while one of them does not answer.
func (s *Server) goroutines(tb testing.TB) (sum, most int) {
	tb.Helper()
	r := s.Report(tb)
	of := []string{""}
	for _, w := range r.Shards {
		if w.PID != r.PID {
			of = append(of, fmt.Sprintf("&worker=%d", w.Number))
		}
	}
	for _, worker := range of {
		_, body := s.Ask(tb, "/debug/pprof/goroutine?debug=1"+worker)
		m := total.FindSubmatch(body)
		if m == nil {
			return 0, 0
		}
		n, _ := strconv.Atoi(string(m[1]))
		sum += n
		most = max(most, n)
	}
	return sum, most
}

// goroutineSlack is how many goroutines the Go runtime and the control endpoint of a
// process may have started meanwhile. A leak of one a connection would be thousands.
const goroutineSlack = 4

// perWorker is the most fds, and the most goroutines, that a supervisor has for each of
// its workers: a pidfd, a socket, and the goroutines that look after them.
const perWorker = 6

// noLeaks waits until the server has no more fds and goroutines than before its first
// connection. A worker that was restarted may have fewer, and one that was added as many
// as the others.
func (s *Server) noLeaks(tb testing.TB) {
	tb.Helper()
	var fds, gor int
	var open int64
	defer func() {
		if tb.Failed() {
			tb.Logf("fds %d, at first %d; goroutines %d, at first %d; open %d", fds, s.fds, gor, s.gor, open)
		}
	}()
	Await(tb, "the server to give back every fd", func() bool {
		processes := len(s.pids(tb))
		added := max(0, processes-s.processes)
		open = s.Report(tb).Open
		fds, _ = s.countFDs(tb)
		gor, _ = s.goroutines(tb)
		return open == 0 && fds > 0 && fds <= s.fds+added*(s.fdsOfOne+perWorker) &&
			gor > 0 && gor <= s.gor+added*(s.gorOfOne+perWorker)+goroutineSlack*processes
	})
}

// watched are the running tests for which NoLeaks has been called.
var watched sync.Map

// NoLeaks fails the test if it has left a goroutine, an fd or a child process at its end,
// after all cleanups that were registered later. Functions of this package that start
// something call it; only the first call in a test counts.
func NoLeaks(tb testing.TB) {
	tb.Helper()
	if _, known := watched.LoadOrStore(tb, true); known {
		return
	}
	goroutines, had := runtime.NumGoroutine(), children()
	fds, err := sys.CountFDs()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		watched.Delete(tb)
		if tb.Failed() {
			return
		}
		Await(tb, "the test to give back its own goroutines, fds and children", func() bool {
			now, _ := sys.CountFDs()
			left := slices.DeleteFunc(children(), func(pid string) bool { return slices.Contains(had, pid) })
			return runtime.NumGoroutine() <= goroutines && now <= fds && len(left) == 0
		})
	})
}

// children are the processes that this one has started; each thread has a list
// of its own.
func children() (pids []string) {
	lists, _ := filepath.Glob("/proc/self/task/*/children")
	for _, list := range lists {
		b, _ := os.ReadFile(list)
		pids = append(pids, strings.Fields(string(b))...)
	}
	return pids
}
