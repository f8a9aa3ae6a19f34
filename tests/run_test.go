// Package tests runs the two programs as a user does: as processes, on real
// connections over loopback.
package tests

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/result"
)

// patience bounds every run; a run takes seconds even on a busy machine.
const patience = 2 * time.Minute

var bin string // directory of the built programs

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "c10m")
		if err != nil {
			panic(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		bin = dir
		for _, name := range []string{"server", "client"} {
			if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, name), "../"+name).CombinedOutput(); err != nil {
				fmt.Fprintf(os.Stderr, "build %s: %v\n%s", name, err, out)
				return 1
			}
		}
		return m.Run()
	}())
}

// server is a running bin/server.
type server struct {
	cmd     *exec.Cmd
	first   int
	control string
	ready   string
}

// freePorts finds n consecutive ports that nobody has, and one for control.
func freePorts(t *testing.T, n int) (first, control int) {
	t.Helper()
	for first = 20000 + os.Getpid()%50*100; first < 32000; first += n + 1 {
		ok := true
		for p := first; p <= first+n && ok; p++ {
			l, err := net.Listen("tcp4", fmt.Sprintf("0.0.0.0:%d", p))
			if ok = err == nil; ok {
				_ = l.Close()
			}
		}
		if ok {
			return first, first + n
		}
	}
	t.Fatal("no free ports in 20000..32000")
	return 0, 0
}

// start runs the server on ports of its own, through the words of prefix if
// there are any, and waits until it is ready.
func start(t *testing.T, ports int, prefix []string, flags ...string) *server {
	t.Helper()
	first, control := freePorts(t, ports)
	s := &server{first: first, control: fmt.Sprintf("127.0.0.1:%d", control)}
	args := append(append([]string{}, prefix...), filepath.Join(bin, "server"), "--tcp", fmt.Sprintf("%d:%d", first, ports), "--control", s.control)
	args = append(args, flags...)
	if !slices.Contains(flags, "--max-conns") && !slices.Contains(flags, "--workers") {
		args = append(args, "--max-conns", "9000") // one process: auto is a hundred here
	}
	s.cmd = exec.Command(args[0], args[1:]...)
	s.cmd.Stderr = os.Stderr
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.stop(t) })
	line := make(chan string, 1)
	go func() {
		text, _ := bufio.NewReader(out).ReadString('\n')
		line <- text
	}()
	select {
	case s.ready = <-line:
	case <-time.After(patience):
	}
	if !strings.HasPrefix(s.ready, "ready ") {
		t.Fatalf("server said %q, want ready", s.ready)
	}
	return s
}

// stop ends the server the orderly way and sees that it ends with 0.
func (s *server) stop(t *testing.T) {
	if s.cmd.ProcessState != nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	done := make(chan error, 1)
	go func() { done <- s.cmd.Wait() }()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("server ended with %v after SIGTERM, want status 0", err)
		}
	case <-time.After(patience):
		_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
		t.Error("server did not end after SIGTERM")
	}
}

// kill ends the server and its workers with SIGKILL.
func (s *server) kill() {
	_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
	_ = s.cmd.Wait()
}

func (s *server) report(t *testing.T) (r result.ServerReport) {
	t.Helper()
	resp, err := http.Get("http://" + s.control + "/footprint?memory=0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if err := json.NewDecoder(resp.Body).Decode(&r); err != nil {
		t.Fatal(err)
	}
	return r
}

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
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if cond() {
			return
		}
	}
	t.Fatalf("waited %v for %s", patience, what)
}
