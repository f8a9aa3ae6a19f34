package rig

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
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
	"github.com/c10m/c10m/internal/sys"
)

// Server is a running bin/server.
type Server struct {
	Cmd     *exec.Cmd
	First   int    // of its TCP ports
	N       int    // how many
	WS, NWS int    // the same of its WebSocket ports, if it has any
	Control string // address of its control endpoint
	Ready   string // its first line
	asker   http.Client
	fds     int // of all its processes, before the first connection; 0: it has no control endpoint
	gor     int // goroutines of all its processes then
	// The most that one process had of either, and how many processes there were:
	// workers that are added later have as many.
	fdsOfOne, gorOfOne, processes int
}

// Options are how a server is to run.
type Options struct {
	Ports  int      // TCP
	WS     int      // WebSocket, none by default
	Prefix []string // words before the program: prlimit, setpriv, ip netns exec
	Flags  []string
	Bind   string // "" for 127.0.0.1
	// ControlAt is the address of the control endpoint, "" for 127.0.0.1.
	ControlAt string
	Env       []string
}

// Start runs the server on ports of its own and waits until it is ready. When
// the test ends the server must have given back every fd and goroutine, and is
// stopped; one without a control endpoint is only stopped.
func Start(tb testing.TB, o Options) *Server {
	tb.Helper()
	onEngine(tb)
	NoLeaks(tb)
	if o.Bind == "" {
		o.Bind = "127.0.0.1"
	}
	if o.ControlAt == "" {
		o.ControlAt = "127.0.0.1"
	}
	first := FreePorts(tb, o.Ports+o.WS)
	s := &Server{First: first, N: o.Ports, WS: first + o.Ports, NWS: o.WS, Control: fmt.Sprintf("%s:%d", o.ControlAt,
		first+o.Ports+o.WS)}
	args := append(append([]string{}, o.Prefix...), filepath.Join(Bin, "server"),
		"--tcp", fmt.Sprintf("%d:%d", first, o.Ports), "--bind", o.Bind, "--control", s.Control)
	if !slices.Contains(o.Flags, "--relay") { // which has none
		args = append(args, "--engine", Engine)
	}
	if o.WS > 0 {
		args = append(args, "--ws", fmt.Sprintf("%d:%d", s.WS, s.NWS))
	}
	args = append(args, o.Flags...)
	if !slices.Contains(o.Flags, "--max-conns") && !slices.Contains(o.Flags, "--workers") {
		args = append(args, "--max-conns", "9000") // one process: auto is many where the fd limit is low
	}
	// It keeps no connection open: one more fd in the server would look like a leak.
	s.asker = http.Client{Timeout: Patience, Transport: &http.Transport{DisableKeepAlives: true, DialContext: s.within}}
	s.Cmd = exec.Command(args[0], args[1:]...)
	s.Cmd.Stderr = os.Stderr
	s.Cmd.Env = append(os.Environ(), o.Env...)
	s.Cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	out, err := s.Cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := s.Cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if s.Cmd.ProcessState == nil && !tb.Failed() && s.fds > 0 {
			s.noLeaks(tb)
		}
		s.Stop(tb)
	})
	line := make(chan string, 1)
	go func() {
		text, _ := bufio.NewReader(out).ReadString('\n')
		line <- text
	}()
	select {
	case s.Ready = <-line:
	case <-time.After(Patience):
	}
	if !strings.HasPrefix(s.Ready, "ready ") {
		tb.Fatalf("server said %q, want ready", s.Ready)
	}
	s.settled(tb)
	return s
}

// To are the flags of a client hold against the server, followed by more.
func (s *Server) To(more ...string) []string {
	return append([]string{"hold", "--first-port", fmt.Sprint(s.First), "--ports", fmt.Sprint(s.N), "--server-control",
		"http://" + s.Control}, more...)
}

// Addr is the address of the i-th TCP port.
func (s *Server) Addr(i int) string { return fmt.Sprintf("127.0.0.1:%d", s.First+i%s.N) }

// within connects to the server's control endpoint from within its network
// namespace.
func (s *Server) within(ctx context.Context, network, addr string) (c net.Conn, err error) {
	there := fmt.Sprintf("/proc/%d/ns/net", s.Cmd.Process.Pid)
	own, err1 := os.Readlink("/proc/self/ns/net")
	its, err2 := os.Readlink(there)
	if err1 != nil || err2 != nil || own == its {
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
	err = sys.InNetwork(there, func() error {
		c, err = new(net.Dialer).DialContext(ctx, network, addr)
		return err
	})
	return c, err
}

// Report asks for the server's counts.
func (s *Server) Report(tb testing.TB) (r result.ServerReport) {
	tb.Helper()
	return s.get(tb, "/footprint?memory=0")
}

// Memory asks for counts and memory.
func (s *Server) Memory(tb testing.TB) (r result.ServerReport) {
	tb.Helper()
	return s.get(tb, "/footprint")
}

func (s *Server) get(tb testing.TB, path string) (r result.ServerReport) {
	tb.Helper()
	_, body := s.Ask(tb, path)
	if err := json.Unmarshal(body, &r); err != nil {
		tb.Fatal(err)
	}
	return r
}

// Ask is what the control endpoint answers on a path. The connection is closed: the
// server would keep it for half a minute, which noLeaks would wait for.
func (s *Server) Ask(tb testing.TB, path string) (status int, body []byte) {
	tb.Helper()
	resp, err := s.asker.Get("http://" + s.Control + path)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if body, err = io.ReadAll(resp.Body); err != nil {
		tb.Fatal(err)
	}
	return resp.StatusCode, body
}

// Open waits until the server holds n connections.
func (s *Server) Open(tb testing.TB, n int64) {
	tb.Helper()
	Await(tb, fmt.Sprintf("the server to hold %d connections", n), func() bool { return s.Report(tb).Open == n })
}

// Stop ends the server by SIGTERM. It must end with status 0 and leave no process behind.
func (s *Server) Stop(tb testing.TB) {
	tb.Helper()
	if s.Cmd.ProcessState != nil {
		return
	}
	_ = s.Cmd.Process.Signal(syscall.SIGTERM)
	if err := s.Ended(tb); err != nil {
		tb.Errorf("server ended with %v after SIGTERM, want status 0", err)
	}
}

// Ended waits for the end of the server and of all its workers.
func (s *Server) Ended(tb testing.TB) error {
	tb.Helper()
	done := make(chan error, 1)
	go func() { done <- s.Cmd.Wait() }()
	var err error
	select {
	case err = <-done:
	case <-time.After(Patience):
		_ = syscall.Kill(-s.Cmd.Process.Pid, syscall.SIGKILL)
		<-done
		tb.Errorf("server did not end within %v", Patience)
	}
	Await(tb, "the server's processes to be gone", func() bool {
		return syscall.Kill(-s.Cmd.Process.Pid, 0) == syscall.ESRCH
	})
	return err
}

// Kill ends the server and its workers with SIGKILL.
func (s *Server) Kill() {
	_ = syscall.Kill(-s.Cmd.Process.Pid, syscall.SIGKILL)
	_ = s.Cmd.Wait()
}
