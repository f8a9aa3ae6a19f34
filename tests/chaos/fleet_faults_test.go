//go:build chaos

package chaos

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/tests/rig"
)

// over are the words before a program that runs on the other side of the wire.
func (w *wire) over() []string { return []string{"ip", "netns", "exec", w.ns} }

// TestFleetChildOutOfMemory: the kernel kills the process of an agent's run because
// its control group has no memory left. The coordinator and the agent say that, the
// others go on.
func TestFleetChildOutOfMemory(t *testing.T) {
	rig.NoLeaks(t)
	join, _ := memoryGroup(t, 256<<20)
	s := rig.Start(t, rig.Options{Ports: 10})
	f := rig.FleetAt(t, "127.0.0.1")
	for i := range 3 {
		f.Start(t, map[bool][]string{true: join}[i == 1])
	}
	victim := f.Agents[1]
	o := f.Run(t, func(*exec.Cmd) {
		s.Open(t, fleetConns)
		child := runOf(t, victim.Process.Pid) // the first that the kernel kills, proc_pid_oom_score_adj(5)
		if err := os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", child), []byte("1000"), 0); err != nil {
			t.Fatal(err)
		}
		// It keeps a line that never ends, until the kernel kills it as well.
		hog := exec.Command(join[0], append(join[1:], "tail", "/dev/zero")...)
		hog.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := hog.Run(); err == nil {
			t.Error("what takes all memory of the control group was not killed")
		}
		s.Open(t, fleetConns*2/3)
	}, s.To("--conns", "3000", "--hold", "6s", "--verify", "0")...)
	atLost(t, o, fleetConns/3)
	for who, said := range map[string]string{"coordinator": o.Stderr, "agent": victim.Said()} {
		if !strings.Contains(said, "memory of its control group had run out") {
			t.Errorf("the %s says %q", who, said)
		}
	}
}

// lonely is an address of this side that the other side has no route to.
const lonely = "198.18.9.1"

// TestFleetNoRoute: an agent that cannot reach the server says so by name, and nobody
// opens anything. With the route the same agents do the run.
func TestFleetNoRoute(t *testing.T) {
	rig.NoLeaks(t)
	w := newWire(t)
	w.ip("addr", "add", lonely+"/32", "dev", "lo")
	t.Cleanup(func() { w.ip("addr", "del", lonely+"/32", "dev", "lo") })
	s := rig.Start(t, rig.Options{Ports: 10, Bind: lonely})
	f := rig.FleetAt(t, here)
	f.Start(t, nil)
	f.Start(t, w.over())
	line := s.To("--host", lonely, "--conns", "1000", "--hold", "0s", "--verify", "0")
	o := f.Run(t, nil, line...)
	if o.Status != 1 || o.Result != nil || !strings.Contains(o.Stderr, "agent a1: server not reachable") ||
		!strings.Contains(o.Stderr, "network is unreachable") {
		t.Errorf("status %d: %s", o.Status, o.Stderr)
	}
	if n := s.Report(t).Open; n != 0 {
		t.Errorf("%d connections are open", n)
	}
	w.ip("-n", w.ns, "route", "add", lonely, "via", here)
	o = f.Run(t, nil, line...)
	if o.HasResult(t); o.Status != 0 || o.Result.Conns.Established != 1000 {
		t.Errorf("with a route: status %d, %+v: %s", o.Status, o.Result.Conns, o.Stderr)
	}
}

// TestFleetLinkDown: the link of one agent goes down in the middle and does not come
// back in time. It is lost, and the others hold theirs.
func TestFleetLinkDown(t *testing.T) {
	rig.NoLeaks(t)
	w := newWire(t)
	s := rig.Start(t, rig.Options{Ports: 10, Bind: here, Flags: []string{"--keepalive", "1s"}})
	f := rig.FleetAt(t, here)
	for i := range 3 {
		f.Start(t, map[bool][]string{true: w.over()}[i == 1])
	}
	o := f.Run(t, func(*exec.Cmd) {
		s.Open(t, fleetConns)
		w.cut()
	}, s.To("--host", here, "--conns", "3000", "--hold", "6s", "--verify", "0")...)
	atLost(t, o, fleetConns/3)
	if !strings.Contains(o.Stderr, "a1: silent for") {
		t.Errorf("the coordinator says %q", o.Stderr)
	}
	w.mend()
	s.Open(t, 0)
}

// natsServer is somebody's NATS, as a process that is there before and after a run.
type natsServer struct {
	bin  string
	port int
	cmd  *exec.Cmd
}

// startNATS builds the server from its module and starts it.
func startNATS(t *testing.T) *natsServer {
	t.Helper()
	n := &natsServer{bin: filepath.Join(t.TempDir(), "nats-server"), port: rig.FreePorts(t, 1)}
	build := exec.Command("go", "build", "-o", n.bin, "github.com/nats-io/nats-server/v2")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build nats-server: %v\n%s", err, out)
	}
	n.start(t)
	t.Cleanup(n.kill)
	return n
}

func (n *natsServer) url() string { return "nats://" + n.addr() }

func (n *natsServer) addr() string { return fmt.Sprintf("127.0.0.1:%d", n.port) }

func (n *natsServer) start(t *testing.T) {
	t.Helper()
	n.cmd = exec.Command(n.bin, "--addr", "127.0.0.1", "--port", fmt.Sprint(n.port))
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	rig.Await(t, "NATS to listen", func() bool {
		c, err := net.Dial("tcp", n.addr())
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
}

func (n *natsServer) kill() {
	_ = n.cmd.Process.Kill()
	_ = n.cmd.Wait()
}

// TestFleetNATSKilled: an existing NATS is killed in the middle of a run. Back after a
// second it has cost nothing. Away for 15 s it ends the run at both ends, each of which
// says why; then the same agents do the next.
func TestFleetNATSKilled(t *testing.T) {
	rig.NoLeaks(t)
	n := startNATS(t)
	s := rig.Start(t, rig.Options{Ports: 10})
	f := rig.FleetOn(t, n.url())
	for range 3 {
		f.Start(t, nil)
	}
	away := func(d time.Duration) func(*exec.Cmd) {
		return func(*exec.Cmd) {
			s.Open(t, fleetConns)
			n.kill()
			time.Sleep(d)
			n.start(t)
		}
	}
	whole := func(o rig.Outcome) {
		t.Helper()
		if o.HasResult(t); o.Status != 0 || o.Result.Conns.Established != fleetConns || o.Result.Conns.Lost != 0 {
			t.Errorf("status %d, %+v: %s", o.Status, o.Result.Conns, o.Stderr)
		}
	}
	whole(f.Run(t, away(time.Second), s.To("--conns", "3000", "--hold", "6s", "--verify", "0")...))
	if !long {
		return
	}
	o := f.Run(t, away(15*time.Second), s.To("--conns", "3000", "--hold", "10m", "--verify", "0")...)
	o.HasResult(t)
	if c := o.Result.Conns; o.Status != 1 || c.Errors[result.AgentLost] != fleetConns ||
		!strings.Contains(o.Stderr, "no connection to NATS") {
		t.Errorf("status %d, %+v: %s", o.Status, c, o.Stderr)
	}
	s.Open(t, 0)
	f.Say(t, "no beat of the coordinator")
	whole(f.Run(t, nil, s.To("--conns", "3000", "--hold", "0s", "--verify", "0")...))
}

// TestFleetCoordinatorKilledEarly, while agents come together and while they ramp:
// they say why they end, close what they have opened and keep what they have measured,
// if anything, and do the next run.
func TestFleetCoordinatorKilledEarly(t *testing.T) {
	rig.NoLeaks(t)
	s := rig.Start(t, rig.Options{Ports: 10})
	for _, tt := range []struct {
		phase string
		wants int // agents, of which 2 are there
		files int // partial results
	}{{"gather", 3, 0}, {"ramp", 2, 2}} {
		f := rig.Agents(t, 2)
		o := f.RunOf(t, tt.wants, func(c *exec.Cmd) {
			if f.Say(t, "claimed by"); tt.phase == "ramp" {
				// More than one agent's share of 1,500: both have begun.
				rig.Await(t, "connections of both", func() bool { return s.Report(t).Open > fleetConns/2+50 })
			}
			_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
			f.Say(t, "no beat of the coordinator")
			s.Open(t, 0)
		}, s.To("--conns", "3000", "--rate", "300/s", "--hold", "10m")...)
		if o.Status != -1 || o.Result != nil {
			t.Errorf("%s: status %d, result %v: want killed, and no report", tt.phase, o.Status, o.Result)
		}
		var files []string
		rig.Await(t, "what the agents have measured", func() bool { // they measure what comes back, first
			files, _ = filepath.Glob(filepath.Join(f.Dir, "c10m-part-*.json"))
			return len(files) >= tt.files
		})
		if len(files) != tt.files {
			t.Errorf("%s: the agents keep %v, want %d", tt.phase, files, tt.files)
		}
		o = f.Run(t, nil, s.To("--conns", "300", "--hold", "0s", "--verify", "0")...)
		if o.HasResult(t); o.Status != 0 || o.Result.Conns.Established != 300 {
			t.Errorf("%s: the next run: status %d, %+v: %s", tt.phase, o.Status, o.Result.Conns, o.Stderr)
		}
	}
}

// TestFleetPackets: agents that speak TCP themselves share the targets by source
// addresses that no other has, on one machine, too.
func TestFleetPackets(t *testing.T) {
	rig.NoLeaks(t)
	needsDevices(t)
	s := rig.Start(t, rig.Options{Ports: 10})
	f := rig.Agents(t, 3)
	o := f.Run(t, nil, packetsTo(s, "--conns", "3000", "--hold", "500ms", "--interval", "200ms", "--verify", "300")...)
	o.HasResult(t)
	r := o.Result
	if c := r.Conns; o.Status != 0 || c.Established != fleetConns || c.Lost != 0 || r.Echo.Verified != 300 ||
		r.Echo.Mismatched != 0 || r.Reconcile == nil || r.Reconcile.Server == nil || *r.Reconcile.Server != fleetConns {
		t.Errorf("status %d, %+v, %+v, counts %+v: %s", o.Status, c, r.Echo, r.Reconcile, o.Stderr)
	}
	if p := r.Packets; p == nil || p.Sent < 3*fleetConns || p.Foreign > 0 {
		t.Errorf("packets %+v: want 3 and more for each connection, and nobody else's", p)
	}
	for _, part := range []string{"198.18.0.0/17", "198.18.128.0/17", "198.19.0.0/17"} {
		if !strings.Contains(o.Stderr, "has the source addresses "+part) {
			t.Errorf("nobody has %s: %s", part, o.Stderr)
		}
	}
	s.Open(t, 0)
	noDevice(t)
}
