// Package tests runs the two programs as a user does: as processes, on real
// connections over loopback.
package tests

import (
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/tests/rig"
)

// patience bounds every run; a run takes seconds even on a busy machine.
var patience = rig.Patience

var bin string // directory of the built programs

func TestMain(m *testing.M) {
	os.Exit(rig.Main(m, "..", true, func() { bin = rig.Bin }))
}

// server is a running bin/server. When its test ends it must have given back
// every fd and goroutine, and leave no process behind.
type server struct {
	*rig.Server
	cmd     *exec.Cmd
	first   int
	control string
	ready   string
}

// freePorts finds n consecutive free ports, and one for the control endpoint.
func freePorts(t *testing.T, n int) (first, control int) {
	t.Helper()
	first = rig.FreePorts(t, n)
	return first, first + n
}

// start runs the server on free ports and waits until it is ready. prefix are the words
// of a command that runs it, nil for none.
func start(t *testing.T, ports int, prefix []string, flags ...string) *server {
	t.Helper()
	s := rig.Start(t, rig.Options{Ports: ports, Prefix: prefix, Flags: flags})
	return &server{Server: s, cmd: s.Cmd, first: s.First, control: s.Control, ready: s.Ready}
}

// stop ends the server the orderly way and sees that it ends with 0.
func (s *server) stop(t *testing.T) { s.Stop(t) }

// kill ends the server and its workers with SIGKILL.
func (s *server) kill() { s.Kill() }

func (s *server) report(t *testing.T) result.ServerReport { return s.Report(t) }

// client is rig.Client.
func client(t *testing.T, prefix []string, during func(*exec.Cmd), flags ...string) rig.Outcome {
	t.Helper()
	return rig.Client(t, prefix, during, flags...)
}

// to are the flags of a client hold against the server, followed by more.
func (s *server) to(ports int, more ...string) []string {
	return append([]string{"hold", "--first-port", fmt.Sprint(s.first), "--ports", fmt.Sprint(ports),
		"--server-control", "http://" + s.control}, more...)
}

// await polls cond until it holds.
func await(t *testing.T, what string, cond func() bool) {
	t.Helper()
	rig.Await(t, what, cond)
}
