// Package interop runs our client against servers and through proxies that are not
// ours, in the clear and over TLS: what works is to work, and what cannot is to be
// named with the cure.
package interop

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/tests/rig"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m, "../..", true, func() {})) }

// conns is how many connections each run has.
const conns = 40

// run is the client against a target; what it says of itself is in the outcome.
func run(t *testing.T, target string, flags ...string) rig.Outcome {
	t.Helper()
	args := append([]string{"hold", target, "--server-control", "none", "--conns", fmt.Sprint(conns)}, flags...)
	o := rig.Client(t, nil, nil, args...)
	o.HasResult(t)
	return o
}

// works sees that a run held all and that all that was asked was answered.
func works(t *testing.T, o rig.Outcome, answers int64) {
	t.Helper()
	c, e := o.Result.Conns, o.Result.Echo
	if o.Status != 0 || c.Established != conns || c.Lost != 0 || len(c.Errors) > 0 {
		t.Fatalf("status %d, conns %+v: %s\n%s", o.Status, c, o.Stderr, said(t, o))
	}
	if e == nil || e.Lost != 0 || e.Received < answers {
		t.Errorf("messages %+v, want %d answers and none lost", e, answers)
	}
}

// said is the report as text, on one line.
func said(t *testing.T, o rig.Outcome) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.WriteText(&b, o.Result); err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// fails sees that all connections of a run failed of one cause, and that its report names the cure.
func fails(t *testing.T, o rig.Outcome, cause, cure string) {
	t.Helper()
	if errs := o.Result.Conns.Errors; o.Status != 1 || errs[cause] != conns {
		t.Errorf("status %d, causes %v, want 1 and %s", o.Status, errs, cause)
	}
	if text := said(t, o); !strings.Contains(text, cure) {
		t.Errorf("%q is not in the report: %s", cure, text)
	}
}

// start runs a server until the test ends. It is ready once it says so, or, where
// it says nothing, once its port accepts.
func start(t *testing.T, says bool, port int, command ...string) {
	t.Helper()
	path, err := exec.LookPath(command[0])
	if err != nil {
		t.Skipf("%s is not installed", command[0])
	}
	cmd := exec.Command(path, command[1:]...)
	var log bytes.Buffer
	cmd.Stderr = &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s: %s", command[0], log.String())
		}
	})
	if says {
		if line, _ := bufio.NewReader(out).ReadString('\n'); !strings.HasPrefix(line, "ready") {
			t.Fatalf("%s is not ready: %q %s", command[0], line, log.String())
		}
		return
	}
	rig.Await(t, command[0]+" to accept", func() bool {
		c, err := net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
}

// write makes a file of the test's own.
func write(t *testing.T, dir, name, text string) (path string) {
	t.Helper()
	path = filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
