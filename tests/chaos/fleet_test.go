//go:build chaos

package chaos

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/tests/rig"
)

// fleetConns is what a fleet of three shares.
const fleetConns = 3000

// atLost checks that one of three agents was lost with its share, and no other. Its last
// sample may be a moment old: connections that it had not reported yet count as failed.
func atLost(t *testing.T, o rig.Outcome, held int64) {
	t.Helper()
	o.HasResult(t)
	r := o.Result
	var whole, lost int
	for _, a := range r.Agents {
		switch {
		case a.LostIn != "":
			lost++
		case a.Conns.Established == fleetConns/3 && a.Conns.Lost == 0:
			whole++
		}
	}
	c := r.Conns
	if o.Status != 1 || lost != 1 || whole != 2 || c.Errors[result.AgentLost] != held || c.Lost+c.Failed != held {
		t.Errorf("status %d, %d lost, %d whole, conns %+v; want 1, 1, 2 and %d agent_lost: %s", o.Status, lost, whole,
			r.Conns, held, o.Stderr)
	}
}

// TestFleetAgentLost: killed, stopped, or its process killed as the kernel does for
// memory: it is lost with what it held, and the others hold theirs to the end.
func TestFleetAgentLost(t *testing.T) {
	for name, fault := range map[string]func(t *testing.T, a *rig.Agent){
		"killed":         func(_ *testing.T, a *rig.Agent) { _ = a.Process.Kill() },
		"stopped":        func(_ *testing.T, a *rig.Agent) { _ = a.Process.Signal(syscall.SIGSTOP) },
		"process killed": func(t *testing.T, a *rig.Agent) { killChildren(t, a.Process.Pid) },
	} {
		t.Run(name, func(t *testing.T) {
			rig.NoLeaks(t)
			s := rig.Start(t, rig.Options{Ports: 10})
			f := rig.Agents(t, 3)
			o := f.Run(t, func(*exec.Cmd) {
				s.Open(t, fleetConns)
				fault(t, f.Agents[1])
				if name != "stopped" { // its connections are its child's, who holds them
					s.Open(t, fleetConns*2/3)
				}
			}, s.To("--conns", "3000", "--hold", "6s", "--verify", "0")...)
			atLost(t, o, fleetConns/3)
		})
	}
}

// killChildren kills the process of an agent's run, but not the agent.
func killChildren(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(runOf(t, pid), syscall.SIGKILL); err != nil {
		t.Error(err)
	}
}

// runOf is the process in which an agent does its run.
func runOf(t *testing.T, pid int) (child int) {
	t.Helper()
	lists, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children")
	var all []string
	for _, list := range lists {
		b, _ := os.ReadFile(list)
		all = append(all, strings.Fields(string(b))...)
	}
	if len(all) != 1 {
		t.Fatalf("the agent has the processes %v, want 1", all)
	}
	child, err := strconv.Atoi(all[0])
	if err != nil {
		t.Fatal(err)
	}
	return child
}

// TestFleetCoordinatorKilled: its agents close what they opened, keep what they have,
// and do the next run.
func TestFleetCoordinatorKilled(t *testing.T) {
	rig.NoLeaks(t)
	s := rig.Start(t, rig.Options{Ports: 10})
	f := rig.Agents(t, 3)
	o := f.Run(t, func(c *exec.Cmd) {
		s.Open(t, fleetConns)
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
		began := time.Now()
		s.Open(t, 0)
		t.Logf("all closed %v after the coordinator was killed", time.Since(began).Round(10*time.Millisecond))
	}, s.To("--conns", "3000", "--hold", "10m")...)
	if o.Result != nil || o.Status == 0 {
		t.Errorf("status %d, result %v", o.Status, o.Result)
	}
	rig.Await(t, "three partial results", func() bool {
		files, _ := filepath.Glob(filepath.Join(f.Dir, "c10m-part-*.json"))
		return len(files) == 3
	})
	_ = os.Remove(filepath.Join(f.Dir, "c10m.join")) // as the next run replaces it
	o = f.Run(t, nil, s.To("--conns", "3000", "--hold", "0s", "--verify", "0")...)
	if o.HasResult(t); o.Status != 0 || o.Result.Conns.Established != fleetConns {
		t.Errorf("the next run: status %d, %+v: %s", o.Status, o.Result.Conns, o.Stderr)
	}
}

// TestFleetCoordinatorStopped for 5 s: nobody is lost, and the run ends as asked.
func TestFleetCoordinatorStopped(t *testing.T) {
	rig.NoLeaks(t)
	s := rig.Start(t, rig.Options{Ports: 10})
	f := rig.Agents(t, 3)
	o := f.Run(t, func(c *exec.Cmd) {
		s.Open(t, fleetConns)
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGSTOP)
		time.Sleep(5 * time.Second)
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGCONT)
	}, s.To("--conns", "3000", "--hold", "7s", "--verify", "0")...)
	if o.HasResult(t); o.Status != 0 || o.Result.Conns.Established != fleetConns || o.Result.Conns.Lost != 0 {
		t.Errorf("status %d, %+v: %s", o.Status, o.Result.Conns, o.Stderr)
	}
}

// TestFleetCoordinatorStoppedTooLong: the agents end by themselves, and what they say
// then is in the report.
func TestFleetCoordinatorStoppedTooLong(t *testing.T) {
	rig.NoLeaks(t)
	s := rig.Start(t, rig.Options{Ports: 10})
	f := rig.Agents(t, 3)
	o := f.Run(t, func(c *exec.Cmd) {
		s.Open(t, fleetConns)
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGSTOP)
		s.Open(t, 0)
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGCONT)
	}, s.To("--conns", "3000", "--hold", "10m", "--verify", "0")...)
	o.HasResult(t)
	// Established are those of the last sample before: the ramp's end may not be in it.
	if c := o.Result.Conns; o.Status != 1 || c.Established+c.Failed != fleetConns || c.Established == 0 ||
		c.Errors[result.AgentLost] != fleetConns {
		t.Errorf("status %d, %+v: %s", o.Status, c, o.Stderr)
	}
}

// TestFleetInterrupted: the report so far, and nothing open.
func TestFleetInterrupted(t *testing.T) {
	rig.NoLeaks(t)
	s := rig.Start(t, rig.Options{Ports: 10})
	f := rig.Agents(t, 3)
	for _, phase := range []string{"ramp", "hold", "hold, one stopped"} {
		var ended time.Duration
		o := f.Run(t, func(c *exec.Cmd) {
			want := int64(fleetConns)
			if phase == "ramp" {
				want = 500
			}
			rig.Await(t, "connections", func() bool { return s.Report(t).Open >= want })
			if phase == "hold, one stopped" {
				_ = f.Agents[1].Process.Signal(syscall.SIGSTOP)
			}
			began := time.Now()
			_ = c.Process.Signal(sys.EndSignals()[0])
			_ = c.Wait()
			ended = time.Since(began)
			if phase == "hold, one stopped" {
				_ = f.Agents[1].Process.Kill()
			}
		}, s.To("--conns", "3000", "--rate", "1k/s", "--hold", "10m")...)
		if o.HasResult(t); o.Status != 130 || !o.Result.Interrupt || len(o.Result.Agents) != 3 ||
			o.Result.Conns.Established == 0 {
			t.Errorf("%s: status %d, %+v: %s", phase, o.Status, o.Result.Conns, o.Stderr)
		}
		whole := 0
		for _, a := range o.Result.Agents {
			if a.LostIn == "" {
				whole++
			}
		}
		if want := map[bool]int{true: 2, false: 3}[phase == "hold, one stopped"]; whole != want {
			t.Errorf("%s: %d agents have results, want %d: %s", phase, whole, want, o.Stderr)
		}
		t.Logf("%s: it ended after %v", phase, ended)
		s.Open(t, 0)
		if f.Joined() {
			t.Errorf("%s: the join file is still there", phase)
		}
	}
}

// TestFleetTooFew: the agents that are there are named, and no connection is opened.
func TestFleetTooFew(t *testing.T) {
	rig.NoLeaks(t)
	s := rig.Start(t, rig.Options{Ports: 10})
	f := rig.Agents(t, 2)
	_ = f.Agents[1].Process.Kill()
	o := f.Run(t, nil, s.To("--conns", "100", "--wait", "2s")...)
	if o.Status != 1 || o.Result != nil || !strings.Contains(o.Stderr, "1 of 2") || !strings.Contains(o.Stderr, "a0") {
		t.Errorf("status %d: %s", o.Status, o.Stderr)
	}
}
