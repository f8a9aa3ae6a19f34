package rig

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/c10m/c10m/internal/shard"
)

// Engine is the engine on which Start runs servers.
var Engine = shard.DefaultEngine

// cannot lists the tests that an engine does not pass, or need not be run on, with the
// reason. The key is "engine/test", or the beginning of that.
var cannot = map[string]string{
	"epoll/TestWorkersGrow": "one process holds any number of connections: it has no workers that could grow",
	"epoll/TestFDLimit":     "no fd limit binds it: its event loops take fd tables of their own",
	"epoll/TestFleet":       "agents and their coordinator are the same over any engine: one is enough",
}

// Environment variables of a suite that is started again.
const (
	only  = "C10M_ENGINE"   // the only engine to run over
	built = "C10M_TEST_BIN" // where the programs are, if they are built already
)

// noServer, in place of an engine's name, stands for the tests that start no server of
// ours.
const noServer = "none"

// overEngines runs the tests that start a server of ours on each engine, and the others
// once: one engine after the other, or, with atOnce and as root, all at the same time in
// processes and network namespaces of their own.
func overEngines(m *testing.M, atOnce bool) (status int) {
	engines := shard.Engines()
	slices.SortFunc(engines, func(a, b string) int { // the default one first
		return strings.Compare(fmt.Sprint(a != shard.DefaultEngine, a), fmt.Sprint(b != shard.DefaultEngine, b))
	})
	with, without, err := startServers(".")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	switch name := os.Getenv(only); {
	case name == noServer:
		return over(m, shard.DefaultEngine, with)
	case name != "" && os.Getenv(built) != "": // one of the processes that together has started
		return over(m, name, without)
	case name != "":
		engines = []string{name}
	}
	if !atOnce || os.Getuid() != 0 {
		for i, name := range engines {
			fmt.Printf("=== engine %s\n", name)
			but := without
			if i == 0 {
				but = nil
			}
			status = max(status, over(m, name, but))
		}
		return status
	}
	return together(append(engines, noServer))
}

// together runs the suite on all engines at the same time. The output of the first is
// shown as it comes, that of the others when they have ended.
func together(engines []string) (status int) {
	var all sync.WaitGroup
	statuses, said := make([]int, len(engines)), make([]bytes.Buffer, len(engines))
	for i, name := range engines {
		all.Go(func() {
			out := io.Writer(&said[i])
			if i == 0 {
				out = os.Stdout
			}
			fmt.Fprintf(out, "=== engine %s\n", name)
			statuses[i] = InOwnNetwork(out, only+"="+name, built+"="+Bin)
		})
	}
	all.Wait()
	for i := range said {
		_, _ = said[i].WriteTo(os.Stdout)
		status = max(status, statuses[i])
	}
	return status
}

// over runs the tests on one engine, without those that match the patterns in but.
func over(m *testing.M, name string, but []string) int {
	Engine = name
	own := flag.Lookup("test.skip").Value.String()
	if own != "" {
		but = append(slices.Clone(but), own)
	}
	_ = flag.Set("test.skip", strings.Join(but, "|"))
	status := m.Run()
	_ = flag.Set("test.skip", own)
	return status
}

// InOwnNetwork runs the suite again in a new network namespace, with loopback up and env
// added to its environment, and returns its exit status.
func InOwnNetwork(out io.Writer, env ...string) int {
	args := slices.DeleteFunc(slices.Clone(os.Args[1:]), func(arg string) bool {
		return strings.HasPrefix(arg, "-test.testlogfile=") // of this process
	})
	cmd := exec.Command("/bin/sh", append([]string{"-c", `ip link set lo up && exec "$0" "$@"`, os.Args[0]},
		args...)...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	err := cmd.Run()
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() < 0 {
		fmt.Fprintf(os.Stderr, "suite in a network namespace: %v\n", err)
		return 1
	}
	return cmd.ProcessState.ExitCode()
}

// onEngine skips a test that is listed in cannot for this engine.
func onEngine(tb testing.TB) {
	for name, why := range cannot {
		if strings.HasPrefix(Engine+"/"+tb.Name(), name) {
			tb.Skip(why)
		}
	}
}
