//go:build chaos

package chaos

import (
	"os/exec"
	"strconv"
	"testing"

	"github.com/c10m/c10m/tests/rig"
)

// surplus runs a client that wants more than the server takes: the surplus is
// refused and counted, those that are in go on echoing, and when they have left
// there is room again.
func surplus(t *testing.T, s *rig.Server, room, want int64) {
	t.Helper()
	c := newCanary(t, s)
	s.Open(t, canaries)
	before := s.Report(t).Refused["over_limit"]
	o := rig.Client(t, nil, nil, s.To("--conns", plain(want), "--hold", "1s", "--interval", "200ms", "--verify", plain(want))...)
	r := o.Result
	if r == nil || o.Status != 1 {
		t.Fatalf("status %d, %+v, want 1 and a report: %s", o.Status, r, o.Stderr)
	}
	kept := room - canaries
	if r.Conns.Attempted != want || r.Conns.Established-r.Conns.Lost != kept || r.Echo.Verified != kept || r.Echo.Mismatched != 0 {
		t.Errorf("conns %+v, echo %+v: want %d kept of %d, all echoing", r.Conns, *r.Echo, kept, want)
	}
	// A refused SYN may have been tried again by the client's kernel.
	if n := s.Report(t).Refused["over_limit"] - before; n < want-kept {
		t.Errorf("server counts %d refused, want %d", n, want-kept)
	}
	c.well(t)
	s.Open(t, canaries)
	again := rig.Client(t, nil, nil, s.To("--conns", plain(kept/2), "--hold", "0s")...)
	if again.Status != 0 {
		t.Errorf("status %d once there is room again: %s", again.Status, again.Stderr)
	}
	c.well(t)
}

// TestMaxConns: more connections than --max-conns.
func TestMaxConns(t *testing.T) {
	for _, workers := range []string{"1", "2"} {
		t.Run(workers+" workers", func(t *testing.T) {
			rig.NoLeaks(t)
			s := rig.Start(t, rig.Options{Ports: 10, Flags: []string{"--workers", workers, "--max-conns", "1000"}})
			surplus(t, s, 1000, 1500)
		})
	}
}

// TestFDLimit: more connections than the server's fd table has room for. It must
// refuse before accept4(2) fails: gnet would end its engine there.
func TestFDLimit(t *testing.T) {
	rig.NoLeaks(t)
	s := rig.Start(t, rig.Options{Ports: 10, Prefix: []string{"prlimit", "--nofile=600:600"}, Flags: []string{"--workers", "1"}})
	surplus(t, s, s.Report(t).MaxConns, 1500)
	if pid := s.Report(t).PID; pid != s.Cmd.Process.Pid {
		t.Errorf("pid %d, at first %d: not the same process", pid, s.Cmd.Process.Pid)
	}
}

// TestClientFDLimit: the client's own fd limit is an obstacle only where it may
// not take further tables, and then it says so before the first socket.
func TestClientFDLimit(t *testing.T) {
	rig.NoLeaks(t)
	s := rig.Start(t, rig.Options{Ports: 10})
	o := rig.Client(t, []string{"prlimit", "--nofile=300:300"}, func(*exec.Cmd) {}, s.To("--conns", "2000", "--private-fds", "off")...)
	if o.Status != 2 || o.Result != nil {
		t.Errorf("status %d, %+v: want 2 and no run: %s", o.Status, o.Result, o.Stderr)
	}
}

func plain(n int64) string { return strconv.FormatInt(n, 10) }
