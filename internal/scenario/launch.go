package scenario

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/sys"
)

// Server is a server process that a lab starts and stops.
type Server struct {
	cmd       *exec.Cmd
	out, said *tail              // stdout, stderr
	ended     chan struct{}      // closed once the process is gone
	hurry     context.Context    // ends shortly after an interrupt: then Stop does not wait
	forget    context.CancelFunc // of hurry
}

const (
	startTime = time.Minute      // until every port accepts
	stopTime  = 40 * time.Second // until it has drained
)

// Ready is the beginning of the line that our server prints on stdout once every
// port accepts.
const Ready = "ready "

// serverBeside is the file of our server beside that of the client: c10m-server beside
// c10m-client, as they are called where they are installed for everybody; else server.
func serverBeside(client string) string {
	dir, name := filepath.Split(client)
	before, is := strings.CutSuffix(name, "client")
	if !is {
		before = ""
	}
	return filepath.Join(dir, before+"server")
}

// OwnServer is the command line of our server beside this program.
func OwnServer(o Options, control string, flags ...string) ([]string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fault(result.Warn("own_binary_unknown"), err)
	}
	name := serverBeside(self)
	if _, err := os.Stat(name); err != nil {
		return nil, usage(result.Warn("server_binary_missing").Word("file", name))
	}
	ports := strconv.Itoa(o.Places[0].Ports[0]) + ":" + strconv.Itoa(len(o.Places[0].Ports))
	argv := []string{name, "--bind", o.Host().String(), "--control", control}
	if o.Proto == "ws" {
		argv = append(argv, "--tcp", "none", "--ws", ports)
	} else {
		argv = append(argv, "--tcp", ports)
	}
	if o.TLS.On {
		argv = append(argv, "--tls")
	}
	return append(argv, flags...), nil
}

// FreePort finds a loopback port that is not in use now.
func FreePort() (int, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, fault(result.Warn("no_free_port"), err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// StartServer starts a command and waits until it has printed a line that begins
// with ready ("": it prints none) and its ports accept. The process ends when this
// one does. Another server on the same ports is not mistaken for it.
func StartServer(ctx context.Context, argv []string, ready string, host netip.Addr, ports []int) (*Server, error) {
	ends := []string{net.JoinHostPort(host.String(), strconv.Itoa(ports[0])),
		net.JoinHostPort(host.String(), strconv.Itoa(ports[len(ports)-1]))}
	for _, addr := range ends {
		if accepts(addr) == nil {
			return nil, fault(result.Warn("server_port_taken").Word("command", strings.Join(argv, " ")).
				Word("address", addr).Word("holder", whoHolds(addr)), nil)
		}
	}
	s := &Server{cmd: exec.Command(argv[0], argv[1:]...), out: &tail{}, said: &tail{}, ended: make(chan struct{})}
	late, cancelLate := withGrace(ctx)
	s.hurry, s.forget = late, cancelLate
	s.cmd.Stdout, s.cmd.Stderr = s.out, s.said
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := s.start(); err != nil {
		cancelLate()
		return nil, fault(result.Warn("server_not_started"), err)
	}
	start, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	err := s.await(start, func() error {
		if s.out.has(ready) {
			return nil
		}
		return fault(result.Warn("server_not_ready"), nil)
	})
	for i := 0; i < len(ends) && err == nil; i++ {
		err = s.await(start, func() error { return accepts(ends[i]) })
	}
	if err != nil {
		s.Stop()
		if ctx.Err() != nil {
			return nil, ErrInterrupted
		}
		return nil, fault(result.Warn("server_not_started").Word("command", strings.Join(argv, " ")), err)
	}
	return s, nil
}

// whoHolds says who has an address of this machine.
func whoHolds(addr string) string {
	at, err := netip.ParseAddrPort(addr)
	if err != nil {
		return ""
	}
	fp, err := proc.Here()
	if err != nil {
		return ""
	}
	return fp.InUse(at)
}

// start starts the process from a thread that stays: Pdeathsig is sent when the
// thread that forked ends, prctl(2).
func (s *Server) start() error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := sys.StartSlack(s.cmd, sys.Exact)
		started <- err
		if err == nil {
			_ = s.cmd.Wait()
			close(s.ended)
		}
	}()
	return <-started
}

// accepts tries to connect.
func accepts(addr string) error {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return err
	}
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	return c.Close()
}

// await polls until try succeeds, as long as the process runs.
func (s *Server) await(ctx context.Context, try func() error) error {
	for {
		err := try()
		if s.Alive() != nil {
			return fault(result.Warn("server_ended_at_once").Word("said", s.said.last()), nil)
		}
		if err == nil {
			return nil
		}
		select {
		case <-s.ended:
		case <-ctx.Done():
			return fault(result.Warn("server_too_slow").Number("limit_ns", float64(startTime)), err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// PID is its process.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Alive says whether it still runs.
func (s *Server) Alive() error {
	select {
	case <-s.ended:
		return fault(result.Warn("server_gone").Word("said", s.said.last()), nil)
	default:
		return nil
	}
}

// Stop ends the process and its children: SIGTERM, then SIGKILL after stopTime, or
// after a second if interrupted.
func (s *Server) Stop() {
	defer s.forget()
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-s.hurry.Done():
	case <-time.After(stopTime):
	}
	_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
	<-s.ended
}

// tail keeps the end of a server's output.
type tail struct {
	mu sync.Mutex
	b  []byte
}

const tailSize = 4096

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	if n := len(t.b) - tailSize; n > 0 {
		t.b = append(t.b[:0], t.b[n:]...)
	}
	return len(p), nil
}

// has says whether a line begins with start.
func (t *tail) has(start string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.Contains(append([]byte{'\n'}, t.b...), []byte("\n"+start))
}

// last is the last line.
func (t *tail) last() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := bytes.Split(bytes.TrimSpace(t.b), []byte("\n"))
	return string(lines[len(lines)-1])
}
