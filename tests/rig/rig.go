// Package rig runs the two programs as processes for the integration suites,
// and sees that each run leaves nothing behind: no child, no fd, no goroutine.
package rig

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// Patience bounds every wait; what is waited for takes moments, on a busy
// machine seconds. C10M_TEST_PATIENCE shortens it for whoever looks for a fault.
var Patience = func() time.Duration {
	if d, err := time.ParseDuration(os.Getenv("C10M_TEST_PATIENCE")); err == nil {
		return d
	}
	return 2 * time.Minute
}()

// Bin is the directory of the programs that Main has built.
var Bin string

// Main builds the programs, from a suite's directory that lies root ("../..")
// below the module's, and runs the suite once ready has been called, over all
// engines in turn or at once. Where the race detector is on in the suite, it is on
// in the programs too.
func Main(m *testing.M, root string, atOnce bool, ready func()) int {
	if Bin = os.Getenv(built); Bin != "" {
		ready()
		return overEngines(m, atOnce)
	}
	dir, err := os.MkdirTemp("", "c10m")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	// Any user may run what is here: some suites drop privileges.
	if err := os.Chmod(dir, 0o755); err != nil {
		panic(err)
	}
	Bin = dir
	for _, name := range []string{"server", "client"} {
		args := []string{"build", "-o", filepath.Join(dir, name)}
		if raceEnabled {
			args = append(args, "-race")
		}
		if out, err := exec.Command("go", append(args, filepath.Join(root, name))...).CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build %s: %v\n%s", name, err, out)
			return 1
		}
	}
	ready()
	return overEngines(m, atOnce)
}

// Await polls cond until it holds.
func Await(tb testing.TB, what string, cond func() bool) {
	tb.Helper()
	for end := time.Now().Add(Patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if cond() {
			return
		}
	}
	tb.Fatalf("waited %v for %s", Patience, what)
}

// FreePorts finds n consecutive ports that nobody has, and one more after them.
// C10M_TEST_PORT says where to begin to look.
func FreePorts(tb testing.TB, n int) (first int) {
	tb.Helper()
	from := 20000 + os.Getpid()%50*100
	if own, err := strconv.Atoi(os.Getenv("C10M_TEST_PORT")); err == nil {
		from = own
	}
	for first = from; first < from+12000; first += n + 1 {
		ok := true
		for p := first; p <= first+n && ok; p++ {
			l, err := net.Listen("tcp4", fmt.Sprintf("0.0.0.0:%d", p))
			if ok = err == nil; ok {
				_ = l.Close()
			}
		}
		if ok {
			return first
		}
	}
	tb.Fatalf("no %d free ports in %d..%d", n+1, from, from+12000)
	return 0
}
