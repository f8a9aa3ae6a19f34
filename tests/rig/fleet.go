package rig

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// Fleet is a number of agents, which wait for the join file of a coordinator in Dir.
type Fleet struct {
	Dir    string
	Agents []*Agent
	lead   []string // flags of the coordinator that say where agents find it
	join   []string // and those of an agent
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
	f := FleetAt(tb, "127.0.0.1")
	for range n {
		f.Start(tb, nil, flags...)
	}
	return f
}

// FleetAt is one whose coordinator listens at an address; agents are still to be
// started.
func FleetAt(tb testing.TB, addr string) *Fleet {
	tb.Helper()
	NoLeaks(tb)
	return &Fleet{Dir: tb.TempDir(), join: []string{"--join", "c10m.join"},
		lead: []string{"--listen", fmt.Sprintf("%s:%d", addr, FreePorts(tb, 1))}}
}

// FleetOn is the same over an existing NATS.
func FleetOn(tb testing.TB, url string) *Fleet {
	tb.Helper()
	NoLeaks(tb)
	return &Fleet{Dir: tb.TempDir(), join: []string{"--nats", url}, lead: []string{"--nats", url}}
}

// Start starts one more, through the words of prefix if there are any.
func (f *Fleet) Start(tb testing.TB, prefix []string, flags ...string) *Agent {
	tb.Helper()
	args := slices.Concat(prefix, []string{filepath.Join(Bin, "client"), "agent"}, f.join,
		[]string{"--name", fmt.Sprintf("a%d", len(f.Agents))}, flags)
	a := &Agent{Cmd: exec.Command(args[0], args[1:]...)}
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
	return f.RunOf(tb, len(f.Agents), during, flags...)
}

// RunOf is Run by a coordinator that wants n agents.
func (f *Fleet) RunOf(tb testing.TB, n int, during func(*exec.Cmd), flags ...string) Outcome {
	tb.Helper()
	flags = slices.Concat(flags, []string{"--fleet", fmt.Sprint(n)}, f.lead)
	return Client(tb, []string{"env", "-C", f.Dir}, during, flags...)
}

// Say waits until each agent has said something.
func (f *Fleet) Say(tb testing.TB, text string) {
	tb.Helper()
	for i, a := range f.Agents {
		Await(tb, fmt.Sprintf("agent %d to say %q", i, text), func() bool { return strings.Contains(a.Said(), text) })
	}
}

// Joined says whether the coordinator's join file is there.
func (f *Fleet) Joined() bool {
	_, err := os.Stat(filepath.Join(f.Dir, "c10m.join"))
	return err == nil
}
