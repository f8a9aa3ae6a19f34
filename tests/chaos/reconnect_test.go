//go:build chaos

package chaos

import (
	"fmt"
	"os/exec"
	"testing"

	"github.com/c10m/c10m/tests/rig"
)

// TestReconnect: what a killed worker costs is counted, restored and counted
// again, and at the end every connection is there and echoes.
func TestReconnect(t *testing.T) {
	for _, proto := range []string{"tcp", "ws"} {
		t.Run(proto, func(t *testing.T) {
			rig.NoLeaks(t)
			const conns = 3000
			s := rig.Start(t, rig.Options{Ports: 10, WS: 10, Flags: []string{"--workers", "3"}})
			first := s.First
			if proto == "ws" {
				first = s.WS
			}
			var lost int64
			o := rig.Client(t, nil, func(*exec.Cmd) {
				s.Open(t, conns)
				for i := range 2 {
					share, _ := killWorker(t, s, i)
					lost += share
					s.Open(t, conns)
				}
			}, s.To("--proto", proto, "--first-port", fmt.Sprint(first), "--conns", "3000", "--hold", "7s",
				"--interval", "500ms", "--verify", "3000", "--reconnect")...)
			r := o.Result
			if r == nil || lost == 0 {
				t.Fatalf("status %d, no result: %s", o.Status, o.Stderr)
			}
			if c := r.Conns; c.Attempted != conns || c.Established != conns || c.Failed != 0 || c.Lost < lost ||
				c.Lost > lost+conns/100 || c.Reconnected != c.Lost {
				// A try may meet a listener that is just going, and is lost again.
				t.Errorf("conns %+v, want %d lost, a few of them twice, and all reconnected", c, lost)
			}
			if e := r.Echo; e.Verified != conns || e.Mismatched != 0 || e.Lost > r.Conns.Lost {
				t.Errorf("echo %+v, want all %d verified, and at most one message lost with each of %d", *e, conns, lost)
			}
			t.Logf("%d lost and restored; tries that failed: %v", lost, r.Conns.Errors)
		})
	}
}

// TestReconnectGivesUp: a server that does not come back keeps the client from
// nothing: it tries until its time is over, and says what is missing.
func TestReconnectGivesUp(t *testing.T) {
	rig.NoLeaks(t)
	s := rig.Start(t, rig.Options{Ports: 10})
	o := rig.Client(t, nil, func(*exec.Cmd) {
		s.Open(t, 1000)
		s.Kill()
	}, s.To("--conns", "1000", "--hold", "4s", "--reconnect")...)
	r := o.Result
	if r == nil || o.Status != 1 || r.Conns.Established != 1000 || r.Conns.Lost != 1000 || r.Conns.Reconnected != 0 ||
		r.Conns.Errors["reconnect_connect_refused"] == 0 {
		t.Errorf("status %d, %+v: want all lost, none restored, and the tries' cause: %s", o.Status, r, o.Stderr)
	}
}
