//go:build chaos

package chaos

import (
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/tests/rig"
)

// TestWorkerKilled: a worker killed costs its share and nothing else, and is
// back in under a second.
func TestWorkerKilled(t *testing.T) {
	rig.NoLeaks(t)
	const kills, conns = 3, 3000
	s := rig.Start(t, rig.Options{Ports: 20, Flags: []string{"--workers", "3"}})
	c := newCanary(t, s)
	s.Open(t, canaries)
	c.close() // they are dealt out to all workers: some would die with theirs
	s.Open(t, 0)
	best := time.Duration(0)
	var share int64
	o := rig.Client(t, nil, func(*exec.Cmd) {
		s.Open(t, conns)
		// On a busy machine the first ones may have had to wait for a core.
		for i := 0; i < kills || best >= time.Second && i < 4*kills; i++ {
			n, took := killWorker(t, s, i%kills)
			t.Logf("worker %d with %d connections killed, back after %v", i, n, took)
			share += n
			if i == 0 || took < best {
				best = took
			}
		}
	}, s.To("--conns", "3000", "--hold", "8s", "--verify", "3000")...)
	if r := o.Result; r == nil || share != conns || r.Conns.Lost != share || r.Conns.Established != conns ||
		o.Status != 1 {
		t.Errorf("status %d, %+v: want exactly the workers' %d lost", o.Status, o.Result, share)
	}
	if best >= time.Second {
		t.Errorf("the quickest worker was back after %v, want under a second", best)
	}
}

// killWorker kills worker i and waits until it is back: how many connections it
// had, and how long it took.
func killWorker(t *testing.T, s *rig.Server, i int) (share int64, took time.Duration) {
	t.Helper()
	w := s.Report(t).Shards[i]
	began := time.Now()
	if err := syscall.Kill(w.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	var now result.ServerReport
	rig.Await(t, "the worker to be back", func() bool {
		now = s.Report(t)
		n := now.Shards[i]
		return n.Restarts == w.Restarts+1 && n.State == "ready" && n.PID != w.PID
	})
	return w.Open, time.Since(began)
}

// TestOneWorkerKilled: the client counts exactly one worker's share as lost, and
// every other connection goes on echoing.
func TestOneWorkerKilled(t *testing.T) {
	rig.NoLeaks(t)
	const conns = 3000
	s := rig.Start(t, rig.Options{Ports: 20, Flags: []string{"--workers", "3"}})
	var share int64
	o := rig.Client(t, nil, func(*exec.Cmd) {
		s.Open(t, conns)
		before := s.Report(t).Shards
		share, _ = killWorker(t, s, 1)
		for i, now := range s.Report(t).Shards {
			if i != 1 && now.Open != before[i].Open {
				t.Errorf("worker %d held %d connections, %d after worker 1 was killed", i, before[i].Open, now.Open)
			}
		}
	}, s.To("--conns", "3000", "--hold", "4s", "--interval", "200ms", "--verify", "3000")...)
	r := o.Result
	if r == nil || share == 0 || r.Conns.Lost != share || r.Conns.Established != conns {
		t.Fatalf("%+v: want exactly the worker's %d lost", r, share)
	}
	if r.Echo.Verified != conns-share || r.Echo.Mismatched != 0 || r.Echo.Lost > share {
		t.Errorf("echo %+v: want the other %d to echo, and at most one message lost with each of the %d", r.Echo,
			conns-share, share)
	}
}

// TestDrain: SIGTERM ends the server with status 0, and the client counts each
// connection as lost, once.
func TestDrain(t *testing.T) {
	for _, workers := range []string{"1", "3"} {
		t.Run(workers+" workers", func(t *testing.T) {
			rig.NoLeaks(t)
			s := rig.Start(t, rig.Options{Ports: 10, Flags: []string{"--workers", workers}})
			o := rig.Client(t, nil, func(*exec.Cmd) {
				s.Open(t, 2000)
				_ = s.Cmd.Process.Signal(syscall.SIGTERM)
				if err := s.Ended(t); err != nil {
					t.Errorf("server ended with %v, want status 0", err)
				}
			}, s.To("--conns", "2000", "--hold", "30s")...)
			if r := o.Result; r == nil || o.Status != 1 || r.Conns.Established != 2000 || r.Conns.Lost != 2000 {
				t.Errorf("status %d, %+v: want 2000 established and 2000 lost", o.Status, o.Result)
			}
		})
	}
}

// TestServerFrozen: a server that gets no processor for 10 s loses nothing.
func TestServerFrozen(t *testing.T) {
	for _, workers := range []string{"1", "2"} {
		t.Run(workers+" workers", func(t *testing.T) {
			rig.NoLeaks(t)
			s := rig.Start(t, rig.Options{Ports: 10, Flags: []string{"--workers", workers}})
			frozen := lasting(2*time.Second, 10*time.Second)
			o := rig.Client(t, nil, func(*exec.Cmd) {
				rig.Await(t, "messages", func() bool { return s.Report(t).Messages >= 2000 })
				_ = syscall.Kill(-s.Cmd.Process.Pid, syscall.SIGSTOP)
				time.Sleep(frozen)
				_ = syscall.Kill(-s.Cmd.Process.Pid, syscall.SIGCONT)
			}, s.To("--conns", "2000", "--hold", (frozen+2*time.Second).String(), "--interval", "500ms", "--verify", "2000")...)
			r := o.Result
			if r == nil || o.Status != 0 || r.Conns.Lost != 0 || r.Echo.Lost != 0 || r.Echo.Mismatched != 0 ||
				r.Echo.Verified != 2000 {
				t.Errorf("status %d, %+v: want nothing lost and all verified: %s", o.Status, o.Result, o.Stderr)
			}
			if r != nil && r.Echo.Latency.Max < int64(frozen)/2 {
				t.Errorf("the longest latency is %v: the freeze of %v is not in it", time.Duration(r.Echo.Latency.Max), frozen)
			}
		})
	}
}

// TestClientKilled: a client that was killed with SIGKILL, its relaying parent
// and itself, has all its connections closed by the kernel at once. The server
// sees the end of every one, and the others do not suffer.
func TestClientKilled(t *testing.T) {
	rig.NoLeaks(t)
	conns := int64(20_000)
	if long {
		conns = 100_000
	}
	s := rig.Start(t, rig.Options{Ports: 10, Flags: []string{"--max-conns", plain(conns + 1000)}})
	c := newCanary(t, s)
	s.Open(t, canaries)
	calm := c.calm()
	o := rig.Client(t, nil, func(cmd *exec.Cmd) {
		s.Open(t, conns+canaries)
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}, s.To("--conns", plain(conns), "--hold", "60s")...)
	if o.Status != -1 || o.Result != nil {
		t.Errorf("status %d, result %v: want killed, and no report", o.Status, o.Result)
	}
	s.Open(t, canaries)
	c.well(t)
	windows := 20
	then := c.slowed(calm, func() bool { windows--; return windows > 0 })
	t.Logf("%d connections closed at once; latency × %.2f afterwards, before %v", conns, then, calm)
	if then > factor {
		t.Errorf("latency × %.2f afterwards, at most × %g", then, factor)
	}
}
