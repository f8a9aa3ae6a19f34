package rig

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/result"
)

// Outcome is how a client's run ended.
type Outcome struct {
	Status int
	Stderr string
	Result *result.Result // nil if it left none
}

// HasResult ends the test of a run that left none.
func (o Outcome) HasResult(tb testing.TB) {
	tb.Helper()
	if o.Result == nil {
		tb.Fatalf("status %d and no result: %s", o.Status, o.Stderr)
	}
}

// Client runs the client to its end, and calls during while it runs. prefix are the words
// of a command that runs it, such as prlimit(1); nil for none. Its figures must not
// contradict each other (Honest), whatever happened to it, and when the test ends no
// process of it may be left.
func Client(tb testing.TB, prefix []string, during func(*exec.Cmd), flags ...string) Outcome {
	tb.Helper()
	NoLeaks(tb)
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	file := filepath.Join(tb.TempDir(), "result.json")
	args := append(append([]string{}, prefix...), filepath.Join(Bin, "client"))
	own := []string{"--json", file}
	if flags[0] == "hold" || flags[0] == "echo" {
		own = append(own, "--settle", "0s")
	}
	at := slices.Index(flags, "--") // what follows are the flags of a sweep's runs
	if at < 0 {
		at = len(flags)
	}
	args = append(args, slices.Insert(slices.Clone(flags), at, own...)...)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	if during != nil {
		during(cmd)
	}
	_ = cmd.Wait()
	if ctx.Err() != nil {
		tb.Fatalf("client did not end within %v: %s", Patience, stderr.String())
	}
	o := Outcome{Status: cmd.ProcessState.ExitCode(), Stderr: stderr.String()}
	o.Result = read(tb, file)
	if o.Result != nil {
		Honest(tb, o.Result)
	}
	return o
}

// read reads the result file; nil if there is none. result.Read refuses a file whose
// sums do not hold.
func read(tb testing.TB, file string) *result.Result {
	tb.Helper()
	f, err := os.Open(file)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err != nil || info.Size() == 0 {
		return nil
	}
	r, err := result.Read(f)
	if err != nil {
		tb.Fatalf("the client's result file: %v", err)
	}
	return r
}

// Honest checks that no count contradicts another: every connection attempted is
// established or failed, none is lost that was not held, every failure and every loss
// has a cause, and every message came back or was lost (a mismatch is a loss, too).
func Honest(tb testing.TB, r *result.Result) {
	tb.Helper()
	c := r.Conns
	// In labs connections come and go.
	planned := c.Attempted <= r.Plan.Conns || len(r.Stages) > 0 || r.Scenario != "hold" && r.Scenario != "echo"
	if c.Attempted != c.Established+c.Failed || c.Lost > c.Established+c.Reconnected || c.Reconnected > c.Lost ||
		!planned {
		tb.Errorf("conns %+v of %d planned: the sums do not hold", c, r.Plan.Conns)
	}
	var failed, lost, gone int64
	for _, e := range c.Errors.Top(0) {
		switch phase(e.Name) {
		case "socket", "bind", "connect", "epoll", "tls", "handshake":
			failed += e.N
		case "read", "write", "frame", "ping":
			lost += e.N
		case "agent": // what a lost agent held is lost, what it had not opened yet has failed
			gone += e.N
		case "echo":
			switch e.Name {
			// These end the exchange with a connection: what follows cannot be checked.
			case "echo_mismatch", "echo_text", "echo_binary", "echo_tls", "echo_http":
				lost += e.N
			}
		}
	}
	if failed > c.Failed || lost > c.Lost || failed+lost+gone != c.Failed+c.Lost {
		tb.Errorf("causes %v name %d failed and %d lost, the counts say %d and %d", c.Errors, failed, lost, c.Failed,
			c.Lost)
	}
	if e := r.Echo; e != nil && (e.Sent != e.Received+e.Lost || e.Mismatched > e.Lost) {
		tb.Errorf("echo %+v: sent is not received + lost, mismatched among them", *e)
	}
}

// phase is what comes before the first underscore of a cause.
func phase(cause string) string {
	p, _, _ := bytes.Cut([]byte(cause), []byte("_"))
	return string(p)
}
