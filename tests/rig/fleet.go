package rig

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

// Fleet is a number of agents, which wait for the join file of a coordinator in Dir.
type Fleet struct {
	Dir    string
	Agents []*Agent
	listen string
}

// Agent is a running client agent.
type Agent struct {
	*exec.Cmd
	mu   sync.Mutex
	said bytes.Buffer
}

// Write implements io.Writer for the agent's stderr.
func (a *Agent) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.said.Write(p)
}

// Said is what the agent has written to stderr so far.
func (a *Agent) Said() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.said.String()
}

// Agents starts n agents, which end with the test.
func Agents(tb testing.TB, n int, flags ...string) *Fleet {
	tb.Helper()
	NoLeaks(tb)
	f := &Fleet{Dir: tb.TempDir(), listen: fmt.Sprintf("127.0.0.1:%d", FreePorts(tb, 1))}
	for range n {
		f.Start(tb, flags...)
	}
	return f
}

// Start starts one more agent.
func (f *Fleet) Start(tb testing.TB, flags ...string) *Agent {
	tb.Helper()
	args := append([]string{"agent", "--join", "c10m.join", "--name", fmt.Sprintf("a%d", len(f.Agents))}, flags...)
	a := &Agent{Cmd: exec.Command(filepath.Join(Bin, "client"), args...)}
	a.Dir, a.Stderr = f.Dir, a
	a.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := a.Cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	f.Agents = append(f.Agents, a)
	tb.Cleanup(func() {
		_ = a.Process.Signal(syscall.SIGCONT)
		_ = a.Process.Signal(os.Interrupt)
		_ = a.Wait()
	})
	return a
}

// Run runs a coordinator of all agents to its end, as Client does.
func (f *Fleet) Run(tb testing.TB, during func(*exec.Cmd), flags ...string) Outcome {
	tb.Helper()
	flags = append(flags, "--fleet", fmt.Sprint(len(f.Agents)), "--listen", f.listen)
	return Client(tb, []string{"env", "-C", f.Dir}, during, flags...)
}

// Joined says whether the coordinator's join file is there.
func (f *Fleet) Joined() bool {
	_, err := os.Stat(filepath.Join(f.Dir, "c10m.join"))
	return err == nil
}
