package tests

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/tests/rig"
)

// runs executes the client and returns its status and what it wrote.
func runs(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "client"), args...)
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	_ = cmd.Run()
	if ctx.Err() != nil {
		t.Fatalf("client did not end within %v: %s", patience, err.String())
	}
	return cmd.ProcessState.ExitCode(), out.String(), err.String()
}

// With --json - and --csv - stdout has nothing but that; thresholds decide the status.
func TestOutputsOfARun(t *testing.T) {
	s, dir := start(t, 2, nil, "--max-conns", "2000"), t.TempDir()
	short := func(more ...string) []string {
		return s.to(2, append([]string{"--conns", "200", "--hold", "100ms", "--settle", "0s"}, more...)...)
	}
	status, stdout, stderr := runs(t, short("--json", "-", "--html", filepath.Join(dir, "r.html"), "--fail-if",
		"conns.established<200", "--fail-if", "setup.rate > 1")...)
	r, err := result.Read(strings.NewReader(stdout))
	if status != 1 || err != nil {
		t.Fatalf("status %d, %v: stdout %q, stderr %q", status, err, stdout, stderr)
	}
	if r.ServerEngine != rig.Engine {
		t.Errorf("the server's engine is %q, want %q", r.ServerEngine, rig.Engine)
	}
	if v := r.Thresholds; len(v) != 2 || v[0].Failed || !v[1].Failed || *v[1].Value != r.Setup.Rate {
		t.Errorf("thresholds %+v", v)
	}
	if html, err := os.ReadFile(filepath.Join(dir, "r.html")); err != nil ||
		!bytes.Contains(html, []byte("1 of 2 thresholds failed")) || !bytes.HasSuffix(html, []byte("</html>\n")) {
		t.Errorf("the page: %v, %d bytes", err, len(html))
	}
	status, stdout, stderr = runs(t, short("--csv", "-", "--fail-if", "conns.failed>0")...)
	if lines := strings.Split(stdout, "\n"); status != 0 || lines[0] != "t,conns,rate" || len(lines) < 3 ||
		!strings.Contains(lines[len(lines)-2], ",200,") {
		t.Errorf("status %d, stdout %q, stderr %q", status, stdout, stderr)
	}
	status, stdout, stderr = runs(t, short("--quiet")...)
	if status != 0 || stdout != "" || stderr != "" {
		t.Errorf("quiet: status %d, stdout %q, stderr %q", status, stdout, stderr)
	}
}

// A run that is interrupted writes its files whole, and leaves no partial one.
func TestFilesOfAnInterruptedRun(t *testing.T) {
	s, dir := start(t, 2, nil, "--max-conns", "2000"), t.TempDir()
	o := client(t, nil, func(cmd *exec.Cmd) {
		await(t, "the connections", func() bool { return s.report(t).Open == 100 })
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("files before the end: %v, %v", left, err)
		}
		_ = cmd.Process.Signal(syscall.SIGINT)
	}, s.to(2, "--conns", "100", "--hold", "10m", "--html", filepath.Join(dir, "r.html"), "--csv",
		filepath.Join(dir, "r.csv"))...)
	if o.Status != 130 || o.Result == nil || !o.Result.Interrupt {
		t.Fatalf("status %d, %+v: %s", o.Status, o.Result, o.Stderr)
	}
	var names []string
	left, err := os.ReadDir(dir)
	for _, e := range left {
		names = append(names, e.Name())
	}
	if err != nil || !slices.Equal(names, []string{"r.csv", "r.html"}) {
		t.Fatalf("%v, %v", names, err)
	}
	if html, err := os.ReadFile(filepath.Join(dir, "r.html")); err != nil || !bytes.Contains(html, []byte("INTERRUPTED")) {
		t.Errorf("%v, %d bytes", err, len(html))
	}
	// What it left can be shown and compared.
	again := filepath.Join(dir, "again.json")
	status, _, stderr := runs(t, "report", "--quiet", "--json", again, writtenResult(t, o.Result))
	if status != 0 {
		t.Fatalf("report: %d, %s", status, stderr)
	}
	if status, stdout, stderr := runs(t, "compare", again, again, "--fail-if", "conns.established!=+0%"); status != 0 ||
		!strings.Contains(stdout, "passed") {
		t.Errorf("compare: %d, %s%s", status, stdout, stderr)
	}
}

func writtenResult(t *testing.T, r *result.Result) string {
	t.Helper()
	var b bytes.Buffer
	if err := result.Write(&b, r); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "r.json")
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(fmt.Errorf("keep the result: %w", err))
	}
	return file
}

// In a run over both protocols each has its own failures: here TCP ports are asked for
// WebSockets.
func TestFailuresByProtocol(t *testing.T) {
	s := start(t, 4, nil, "--max-conns", "2000")
	status, stdout, stderr := runs(t, "hold", "--proto", "tcp,ws", "--first-port",
		fmt.Sprintf("%d,%d", s.first, s.first+2), "--ports", "2", "--conns", "100",
		"--hold", "0s", "--settle", "0s", "--server-control", "http://"+s.control, "--json", "-",
		"--fail-if", "protocols.ws.conns.errors.handshake_echoed>0", "--fail-if",
		"protocols.tcp.conns.errors.handshake_echoed>0", "--fail-if", "protocols.ws.conns.errors>0")
	r, err := result.Read(strings.NewReader(stdout))
	if status != 1 || err != nil {
		t.Fatalf("status %d, %v: stdout %q, stderr %q", status, err, stdout, stderr)
	}
	tcp, ws := r.Protocols[0], r.Protocols[1]
	if tcp.Conns.Established != 50 || tcp.Conns.Errors.Sum() != 0 || ws.Conns.Failed != 50 ||
		ws.Conns.Errors.Sum() != 50 || r.Conns.Errors.Sum() != 50 {
		t.Errorf("tcp %+v, ws %+v, all %+v", tcp.Conns, ws.Conns, r.Conns)
	}
	if v := r.Thresholds; len(v) != 3 || !v[0].Failed || v[1].Failed || !v[2].Failed {
		t.Errorf("%v: thresholds %+v", ws.Conns.Errors, v)
	}
}

// A build without make knows its commit, too.
func TestCommitOfAPlainBuild(t *testing.T) {
	head, err := exec.Command("git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		t.Skip("not in a git working tree:", err)
	}
	program := filepath.Join(t.TempDir(), "tuning")
	if out, err := exec.Command("go", "build", "-buildvcs=true", "-o", program, "../tuning").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	out, err := exec.Command(program, "--version").Output()
	if want := "(commit " + strings.TrimSpace(string(head)); err != nil ||
		!strings.HasPrefix(string(out), "c10m tuning ") || !strings.Contains(string(out), want) {
		t.Errorf("%q, %v; want %q", out, err, want)
	}
}
