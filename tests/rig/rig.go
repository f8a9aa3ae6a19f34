// Package rig runs the programs as processes for the integration suites, and checks that
// each run leaves nothing behind: no child process, no fd, no goroutine.
//
//	s := rig.Start(t, rig.Options{Ports: 10, Flags: []string{"--max-conns", "1000"}})
//	o := rig.Client(t, nil, nil, s.To("--conns", "1000", "--hold", "0s")...)
//	// o.Status, o.Result; the server is stopped when the test ends
package rig

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/c10m/c10m/tests/nettest"
)

// What every suite needs of nettest, so that it has the rig alone to import.
var (
	Patience  = nettest.Patience
	Await     = nettest.Await
	FreePorts = nettest.FreePorts
	Listen    = nettest.Listen
)

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
