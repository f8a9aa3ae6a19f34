package rig

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"testing"

	"github.com/c10m/c10m/internal/sys"
)

// settled remembers what the server has open before its first connection.
func (s *Server) settled(tb testing.TB) {
	tb.Helper()
	resp, err := asker.Get("http://" + s.Control + "/healthz")
	if err != nil {
		return // it runs in a namespace of its own
	}
	_ = resp.Body.Close()
	last := -1
	Await(tb, "the server's fds to settle", func() bool {
		last, s.fds = s.fds, s.countFDs(tb)
		return s.fds > 0 && s.fds == last
	})
	s.gor = s.goroutines(tb)
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

// countFDs is the number of fds of the server's processes, -1 while one of them
// is just coming or going.
func (s *Server) countFDs(tb testing.TB) int {
	tb.Helper()
	sum := 0
	for _, pid := range s.pids(tb) {
		names, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		if err != nil {
			return -1
		}
		sum += len(names)
	}
	return sum
}

// total is the first line of net/http/pprof's text form of a profile.
var total = regexp.MustCompile(`^goroutine profile: total (\d+)`)

// goroutines is the number of goroutines of the process that has the control
// endpoint, 0 where it does not tell.
func (s *Server) goroutines(tb testing.TB) int {
	tb.Helper()
	resp, err := asker.Get("http://" + s.Control + "/debug/pprof/goroutine?debug=1")
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	head, _ := io.ReadAll(io.LimitReader(resp.Body, 64))
	if m := total.FindSubmatch(head); m != nil {
		n, _ := strconv.Atoi(string(m[1]))
		return n
	}
	return 0
}

// goroutineSlack is what the runtime and the control endpoint may have started
// meanwhile; a goroutine per connection would be thousands.
const goroutineSlack = 4

// noLeaks sees that the server is back to what it had before its first
// connection; a worker started anew may have less.
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
		open, fds, gor = s.Report(tb).Open, s.countFDs(tb), s.goroutines(tb)
		return open == 0 && fds > 0 && fds <= s.fds && gor <= s.gor+goroutineSlack
	})
}

// NoLeaks sees at the test's end, after everything that it registers later has
// been cleaned up, that the test itself has left no goroutine, no fd and no
// child.
func NoLeaks(tb testing.TB) {
	tb.Helper()
	goroutines := runtime.NumGoroutine()
	fds, err := sys.CountFDs()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if tb.Failed() {
			return
		}
		Await(tb, "the test to give back its own goroutines, fds and children", func() bool {
			now, _ := sys.CountFDs()
			children, _ := os.ReadFile("/proc/thread-self/children")
			return runtime.NumGoroutine() <= goroutines && now <= fds && len(children) == 0
		})
	})
}
