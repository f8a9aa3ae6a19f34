// Package tests runs the two programs as a user does: as processes, on real
// connections over loopback.
package tests

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/tests/rig"
)

// patience bounds every run; a run takes seconds even on a busy machine.
var patience = rig.Patience

var bin string // directory of the built programs

func TestMain(m *testing.M) {
	os.Exit(rig.Main(m, "..", false, func() { bin = rig.Bin }))
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

// freePorts finds n consecutive ports that nobody has, and one for control.
func freePorts(t *testing.T, n int) (first, control int) {
	t.Helper()
	first = rig.FreePorts(t, n)
	return first, first + n
}

// start runs the server on ports of its own, through the words of prefix if
// there are any, and waits until it is ready.
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

// outcome is how a client's run ended.
type outcome struct {
	status int
	stderr string
	result *result.Result // nil if it left none
}

// client runs the client to its end; during is called while it runs.
func client(t *testing.T, prefix []string, during func(*exec.Cmd), flags ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	file := filepath.Join(t.TempDir(), "result.json")
	args := append(append([]string{}, prefix...), filepath.Join(bin, "client"))
	if at := slices.Index(flags, "--"); at >= 0 { // what follows is another command's
		flags = slices.Insert(slices.Clone(flags), at, "--json", file)
	} else {
		flags = append(slices.Clone(flags), "--json", file)
	}
	args = append(args, flags...)
	if flags[0] == "hold" || flags[0] == "echo" {
		args = append(args, "--settle", "0s")
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if during != nil {
		during(cmd)
	}
	_ = cmd.Wait()
	if ctx.Err() != nil {
		t.Fatalf("client did not end within %v: %s", patience, stderr.String())
	}
	o := outcome{status: cmd.ProcessState.ExitCode(), stderr: stderr.String()}
	if f, err := os.Open(file); err == nil {
		defer func() { _ = f.Close() }()
		if info, err := f.Stat(); err == nil && info.Size() > 0 {
			if o.result, err = result.Read(f); err != nil {
				t.Fatalf("the client's result file: %v", err)
			}
			if flags[0] == "hold" || flags[0] == "echo" {
				rig.Honest(t, o.result)
			}
		}
	}
	return o
}

// to is the flags that lead the client to the server.
func (s *server) to(ports int, more ...string) []string {
	return append([]string{"hold", "--first-port", fmt.Sprint(s.first), "--ports", fmt.Sprint(ports), "--server-control", "http://" + s.control}, more...)
}

// await polls cond until it holds.
func await(t *testing.T, what string, cond func() bool) {
	t.Helper()
	rig.Await(t, what, cond)
}
