package tests

import (
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/tests/rig"
)

// whole checks that a run did all that it was asked to do.
func whole(t *testing.T, o rig.Outcome, conns int64) {
	t.Helper()
	o.HasResult(t)
	if o.Status != 0 {
		t.Fatalf("status %d, want 0: %s", o.Status, o.Stderr)
	}
	c := o.Result.Conns
	if c.Attempted != conns || c.Established != conns || c.Failed != 0 || c.Lost != 0 {
		t.Errorf("conns %+v, want %d established and none failed or lost", c, conns)
	}
	if r := o.Result.Reconcile; r == nil || r.Client != conns || r.Server != nil && *r.Server != conns {
		t.Errorf("reconcile %+v, want both ends at %d", r, conns)
	}
	if e := o.Result.Echo; e == nil || e.Lost != 0 || e.Mismatched != 0 || e.Sent != e.Received {
		t.Fatalf("echo %+v, want all back as sent", e)
	}
}

func TestHold(t *testing.T) {
	tests := []struct {
		name   string
		server []string
		client []string
		echoes int64 // at least
	}{
		{"idle, sample verified", nil, []string{"--hold", "0s", "--verify", "1000"}, 1000},
		{"orderly close", nil, []string{"--hold", "0s", "--close", "fin"}, 3000},
		{"messages while holding", nil, []string{"--hold", "2s", "--interval", "500ms"}, 9000},
		{"large messages", nil, []string{"--hold", "0s", "--size", "100000"}, 3000},
		{"at a rate", nil, []string{"--hold", "0s", "--rate", "20k/s"}, 3000},
		{"several sources", nil, []string{"--hold", "0s", "--sources", "127.0.1.0/29"}, 3000},
		{"IPv6", []string{"--bind", "::1"}, []string{"--hold", "0s", "--host", "::1"}, 3000},
		{"workers", []string{"--workers", "3"}, []string{"--hold", "0s"}, 3000},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			const ports, conns = 30, 3000
			s := start(t, ports, nil, tt.server...)
			o := client(t, nil, nil, s.to(ports, append([]string{"--conns", "3000"}, tt.client...)...)...)
			whole(t, o, conns)
			if o.Result.Echo.Received < tt.echoes {
				t.Errorf("%d echoes, want at least %d", o.Result.Echo.Received, tt.echoes)
			}
			for _, sp := range o.Result.Spread {
				if sp.Over == "ports" && (sp.N != ports || sp.Max-sp.Min > 1) {
					t.Errorf("spread over ports %+v, want all of %d, even", sp, ports)
				}
			}
			await(t, "the server to see every close", func() bool { return s.report(t).Open == 0 })
		})
	}
}

func TestEchoScenario(t *testing.T) {
	s := start(t, 5, nil)
	args := s.to(5, "--conns", "200", "--hold", "1s")
	args[0] = "echo"
	o := client(t, nil, nil, args...)
	whole(t, o, 200)
	if e := o.Result.Echo; e.Rate <= 0 || e.Latency == nil || e.Received < 1000 {
		t.Errorf("echo %+v, want a rate and a latency", e)
	}
}

// A low fd limit is no obstacle: the client's threads take fd tables of their own, and
// the server starts workers, or with the epoll engine takes fd tables in one process.
func TestLowFDLimit(t *testing.T) {
	limit := []string{"prlimit", "--nofile=1000:1000"}
	s := start(t, 30, limit, "--max-conns", "3000")
	o := client(t, limit, nil, s.to(30, "--conns", "3000", "--hold", "0s")...)
	whole(t, o, 3000)
	if o.Result.Plan.FDTables < 4 || o.Result.Host.Nofile != 1000 {
		t.Errorf("%d fd tables of %d, want at least 4 of 1000", o.Result.Plan.FDTables, o.Result.Host.Nofile)
	}
	switch n := len(s.report(t).Shards); {
	case rig.Engine == "epoll" && n != 1:
		t.Errorf("%d workers, want one process", n)
	case rig.Engine == "gnet" && n < 4:
		t.Errorf("%d workers, want at least 4", n)
	}
}

// Without fd tables of their own all threads share one, and each has an epoll
// in it: what --conns auto takes must leave room for them.
func TestThreadsShareAnFDTable(t *testing.T) {
	s := start(t, 10, nil)
	o := client(t, []string{"prlimit", "--nofile=300:300"}, nil, s.to(10, "--private-fds", "off", "--threads", "100",
		"--hold", "0s")...)
	o.HasResult(t)
	if o.Status != 0 {
		t.Errorf("status %d, want 0: %s", o.Status, o.Stderr)
	}
	if c := o.Result.Conns; c.Established != o.Result.Plan.Conns || c.Established < 100 || c.Established > 200 ||
		o.Result.Plan.FDTables != 1 {
		t.Errorf("conns %+v in %d fd tables, want as many as planned, below the 200 fds that 100 epolls leave", c,
			o.Result.Plan.FDTables)
	}
}

// Shares are even: by our BPF program (sys.Steer), or by the kernel's hash where it cannot
// be attached.
func TestSharesOfWorkers(t *testing.T) {
	s := start(t, 30, nil, "--workers", "4")
	var r result.ServerReport
	o := client(t, nil, func(*exec.Cmd) {
		await(t, "all connections", func() bool { r = s.report(t); return r.Open == 6000 })
	}, s.to(30, "--conns", "6000", "--hold", "1s")...)
	whole(t, o, 6000)
	for i, w := range r.Shards {
		if w.Open < 1000 || w.Open > 2000 {
			t.Errorf("worker %d holds %d of 6000, want 1500 give or take a third", i, w.Open)
		}
	}
}

func TestServerRefusesAboveItsLimit(t *testing.T) {
	for _, workers := range []string{"1", "2"} {
		t.Run(workers+" workers", func(t *testing.T) {
			s := start(t, 10, nil, "--workers", workers, "--max-conns", "1000")
			o := client(t, nil, nil, s.to(10, "--conns", "1200", "--hold", "1s", "--interval", "200ms")...)
			o.HasResult(t)
			c := o.Result.Conns
			if o.Status != 1 || c.Attempted != 1200 || c.Attempted != c.Established+c.Failed || c.Established-c.Lost != 1000 {
				t.Errorf("status %d, conns %+v; want exactly 1000 kept of 1200, and status 1", o.Status, c)
			}
			if e := o.Result.Echo; e == nil || e.Received < 1000 || e.Mismatched != 0 {
				t.Errorf("echo %+v: those that were kept must go on echoing", e)
			}
			if n := s.report(t).Refused["over_limit"]; n < 200 {
				t.Errorf("server counts %d refused, want 200", n)
			}
		})
	}
}

func TestServerKilled(t *testing.T) {
	s := start(t, 10, nil, "--workers", "2")
	o := client(t, nil, func(*exec.Cmd) {
		await(t, "all connections", func() bool { return s.report(t).Open == 2000 })
		s.kill()
	}, s.to(10, "--conns", "2000", "--hold", "60s")...)
	o.HasResult(t)
	if c := o.Result.Conns; o.Status != 1 || c.Established != 2000 || c.Lost != 2000 {
		t.Errorf("status %d, conns %+v; want all 2000 lost and status 1", o.Status, c)
	}
}

// A worker's death costs its share and nothing else.
func TestWorkerKilled(t *testing.T) {
	s := start(t, 10, nil, "--workers", "3")
	var share int64
	o := client(t, nil, func(*exec.Cmd) {
		await(t, "all connections", func() bool { return s.report(t).Open == 3000 })
		w := s.report(t).Shards[1]
		share = w.Open
		if err := syscall.Kill(w.PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		await(t, "the worker to be back", func() bool {
			n := s.report(t).Shards[1]
			return n.Restarts == 1 && n.State == "ready" && n.PID != w.PID
		})
	}, s.to(10, "--conns", "3000", "--hold", "3s", "--verify", "3000")...)
	o.HasResult(t)
	if c := o.Result.Conns; share == 0 || c.Lost != share || c.Established != 3000 {
		t.Errorf("conns %+v, want exactly the worker's %d lost", c, share)
	}
	if e := o.Result.Echo; e == nil || e.Received != 3000-share || e.Mismatched != 0 {
		t.Errorf("echo %+v, want the other %d to echo", e, 3000-share)
	}
	if o.Result.CPU == nil || o.Result.CPU.Server == nil || *o.Result.CPU.Server <= 0 {
		t.Errorf("cpu %+v: want the server's, the dead worker's time included", o.Result.CPU)
	}
}

func TestInterrupt(t *testing.T) {
	tests := []struct {
		name  string
		flags []string
		when  int64 // open connections
	}{
		{"in the ramp", []string{"--rate", "500/s", "--hold", "60s"}, 200},
		{"in the hold", []string{"--hold", "60s"}, 3000},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t, 10, nil)
			o := client(t, nil, func(cmd *exec.Cmd) {
				await(t, "connections", func() bool { return s.report(t).Open >= tt.when })
				_ = cmd.Process.Signal(syscall.SIGINT)
			}, s.to(10, append([]string{"--conns", "3000"}, tt.flags...)...)...)
			o.HasResult(t)
			if o.Status != 130 || !o.Result.Interrupt {
				t.Fatalf("status %d, interrupted %v; want 130 and the report so far", o.Status, o.Result.Interrupt)
			}
			if o.Result.Memory == nil && tt.flags[0] == "--rate" {
				t.Errorf("no memory per connection in %+v, want the ramp's samples", o.Result.Warnings)
			}
			if c := o.Result.Conns; c.Established < tt.when || c.Attempted != c.Established+c.Failed {
				t.Errorf("conns %+v, want at least %d established", c, tt.when)
			}
		})
	}
}

// TestInterruptOfAFrozenServer: a server that does not answer holds nobody up.
// Ten seconds is how long each question to it would wait.
func TestInterruptOfAFrozenServer(t *testing.T) {
	took := time.Hour
	for try := 0; try < 3 && took > 6*time.Second; try++ { // a busy machine proves nothing
		s := start(t, 10, nil)
		var interrupted time.Time
		o := client(t, nil, func(cmd *exec.Cmd) {
			await(t, "connections", func() bool { return s.report(t).Open >= 1000 })
			_ = s.cmd.Process.Signal(syscall.SIGSTOP)
			t.Cleanup(func() { _ = s.cmd.Process.Signal(syscall.SIGCONT) })
			interrupted = time.Now()
			_ = cmd.Process.Signal(syscall.SIGINT)
		}, s.to(10, "--conns", "1000", "--hold", "60s")...)
		took = time.Since(interrupted)
		if o.Status != 130 || o.Result == nil || !o.Result.Interrupt {
			t.Fatalf("status %d, result %v; want 130 and the report so far", o.Status, o.Result)
		}
	}
	if took > 6*time.Second {
		t.Errorf("the client ended %v after the interrupt, want 2 s", took)
	}
}
