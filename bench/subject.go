package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// How long a program may take to be ready, and to end.
const (
	readyWithin = 60 * time.Second
	endWithin   = 30 * time.Second
)

// subject is a running program that is measured, with its descendants.
type subject struct {
	cmd    *exec.Cmd
	ended  chan struct{} // closed once it has ended; then err is set
	err    error
	stderr tail
}

// launch starts a program in a process group of its own, with as many file
// descriptors as the hard limit allows. stdout gets what it prints.
func launch(argv []string, stdout io.Writer) (*subject, error) {
	s := &subject{ended: make(chan struct{})}
	// Not every language raises its limit by itself, as Go does.
	raised := append([]string{"-c", `ulimit -n "$(ulimit -Hn)"; exec "$@"`, "sh"}, argv...)
	s.cmd = exec.Command("/bin/sh", raised...)
	s.cmd.Stdout, s.cmd.Stderr = stdout, &s.stderr
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	s.cmd.WaitDelay = time.Second // a child that outlives it may hold its output
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", argv[0], err)
	}
	go func() {
		s.err = s.cmd.Wait()
		close(s.ended)
	}()
	return s, nil
}

// serve starts a server and waits for its line "ready ...".
func serve(argv []string) (*subject, error) {
	r, w := io.Pipe()
	s, err := launch(argv, w)
	if err != nil {
		return nil, err
	}
	line := make(chan string, 1)
	go func() {
		b := bufio.NewReader(r)
		first, _ := b.ReadString('\n')
		line <- first
		_, _ = io.Copy(io.Discard, b)
	}()
	select {
	case first := <-line:
		if strings.HasPrefix(first, "ready") {
			return s, nil
		}
		s.kill()
		return nil, fmt.Errorf("the first line was %q, not ready%s", strings.TrimSpace(first), s.stderr.last())
	case <-s.ended:
		_ = w.Close()
		return nil, fmt.Errorf("ended before it was ready: %w%s", errOr(s.err, "status 0"), s.stderr.last())
	case <-time.After(readyWithin):
		s.kill()
		return nil, fmt.Errorf("not ready within %v%s", readyWithin, s.stderr.last())
	}
}

func errOr(err error, text string) error {
	if err == nil {
		return errors.New(text)
	}
	return err
}

// pids are the program's processes now.
func (s *subject) pids() []int { return tree(s.cmd.Process.Pid) }

// alive says why the program has ended; nil if it runs.
func (s *subject) alive() error {
	select {
	case <-s.ended:
		return fmt.Errorf("it ended by itself: %w%s", errOr(s.err, "status 0"), s.stderr.last())
	default:
		return nil
	}
}

// stop ends it by SIGTERM and, if that does not do, by SIGKILL, which is an error.
func (s *subject) stop() error {
	if err := s.alive(); err != nil {
		return err
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
		s.kill() // what it may have left behind
		return nil
	case <-time.After(endWithin):
		s.kill()
		return fmt.Errorf("it did not end within %v of SIGTERM: killed", endWithin)
	}
}

// kill ends its whole group.
func (s *subject) kill() { _ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL) }

// wait waits until it ends, or kills it when ctx does.
func (s *subject) wait(ctx context.Context) error {
	select {
	case <-s.ended:
	case <-ctx.Done():
		s.kill()
		<-s.ended
		return fmt.Errorf("it was still running after its time: %w", ctx.Err())
	}
	return s.err
}

// tail keeps the end of what is written.
type tail struct {
	mu sync.Mutex
	b  []byte
}

const maxTail = 4 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	if len(t.b) > maxTail {
		t.b = append(t.b[:0], t.b[len(t.b)-maxTail:]...)
	}
	return len(p), nil
}

// last is the last line, for the end of an error: "" or ": the line".
func (t *tail) last() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(string(t.b)), "\n")
	if line := lines[len(lines)-1]; line != "" {
		return ": " + line
	}
	return ""
}

// built is the path of a program that `make` puts into bin.
func built(name string) (string, error) {
	p := "bin/" + name
	if _, err := os.Stat(p); err != nil {
		return "", fmt.Errorf("%s is missing: make build peers", p)
	}
	return p, nil
}
