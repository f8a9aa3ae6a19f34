// Package browser looks at what the programs show with a real browser: Chromium
// without a window, driven over its DevTools protocol. It is a module of its own
// so that the product does not depend on the driver.
package browser

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/c10m/c10m/tests/nettest"
)

// patience bounds every wait; on an idle machine each takes a second or two.
const patience = 2 * time.Minute

// shots is where screenshots are kept, from this directory. Git ignores it.
const shots = "../../out/screenshots"

var (
	bin      string // directory of the built programs
	chromium *browser
)

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "c10m-browser")
		if err != nil {
			panic(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		bin = dir
		for _, name := range []string{"server", "client"} {
			if out, err := exec.Command("go", "build", "-C", "../..", "-o", filepath.Join(dir, name), "./"+
				name).CombinedOutput(); err != nil {
				fmt.Fprintf(os.Stderr, "build %s: %v\n%s", name, err, out)
				return 1
			}
		}
		if err := os.MkdirAll(shots, 0o755); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		if chromium, err = launch(filepath.Join(dir, "profile")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer chromium.quit()
		return m.Run()
	}())
}

// server is a running bin/server.
type server struct {
	cmd     *exec.Cmd
	first   int    // of its ports
	control string // host:port
}

// startServer runs bin/server on ports of its own and waits until it is ready.
func startServer(t *testing.T, ports int, flags ...string) *server {
	t.Helper()
	return startServerAt(t, nettest.FreePorts(t, ports+1), ports, flags...)
}

// startServerAt is startServer with the first of its ports given; the one after
// the last is for control.
func startServerAt(t *testing.T, first, ports int, flags ...string) *server {
	t.Helper()
	s := &server{first: first, control: fmt.Sprintf("127.0.0.1:%d", first+ports)}
	args := append([]string{"--tcp", fmt.Sprintf("%d:%d", first, ports), "--control", s.control}, flags...)
	s.cmd = exec.Command(filepath.Join(bin, "server"), args...)
	s.cmd.Stderr = os.Stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(t, s.cmd) })
	line := make(chan string, 1)
	go func() {
		text, _ := bufio.NewReader(out).ReadString('\n')
		line <- text
	}()
	select {
	case text := <-line:
		if !strings.HasPrefix(text, "ready ") {
			t.Fatalf("server said %q, want ready", text)
		}
	case <-time.After(patience):
		t.Fatalf("server was not ready within %v", patience)
	}
	return s
}

// startClient runs bin/client against the server. It ends with the test, if not
// before.
func (s *server) startClient(t *testing.T, ports int, flags ...string) *exec.Cmd {
	t.Helper()
	return s.startLab(t, "hold", ports, flags...)
}

// startLab is startClient for another of its commands.
func (s *server) startLab(t *testing.T, name string, ports int, flags ...string) *exec.Cmd {
	t.Helper()
	args := append([]string{name, "--first-port", fmt.Sprint(s.first), "--ports", fmt.Sprint(ports),
		"--server-control", "http://" + s.control, "--quiet"}, flags...)
	cmd := exec.Command(filepath.Join(bin, "client"), args...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(t, cmd) })
	return cmd
}

// end ends a process that still runs: SIGTERM, then SIGKILL.
func end(t *testing.T, cmd *exec.Cmd) {
	if cmd.ProcessState != nil {
		return
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(patience):
		_ = cmd.Process.Kill()
		t.Errorf("%s did not end after SIGTERM", cmd.Path)
	}
}
