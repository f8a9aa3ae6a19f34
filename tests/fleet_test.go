package tests

import (
	"testing"

	"github.com/c10m/c10m/tests/rig"
)

// TestFleet: three agents are one client: what each has done adds up to the one
// result, and to what the server counts. The same agents do the next run.
func TestFleet(t *testing.T) {
	s := start(t, 10, nil)
	f := rig.Agents(t, 3, "--allow", "127.0.0.0/8")
	o := f.Run(t, nil, s.To("--conns", "300", "--rate", "3k/s", "--hold", "200ms", "--verify", "31")...)
	o.HasResult(t)
	r := o.Result
	var sum int64
	for _, a := range r.Agents {
		if a.Share != 100 {
			t.Errorf("agent %s has a share of %d", a.Name, a.Share)
		}
		sum += a.Conns.Established
	}
	if o.Status != 0 || len(r.Agents) != 3 || sum != 300 || r.Conns.Established != 300 || r.Plan.Conns != 300 {
		t.Errorf("status %d, %d agents, %d connections in all, %d merged of %d: %s", o.Status, len(r.Agents), sum,
			r.Conns.Established, r.Plan.Conns, o.Stderr)
	}
	if r.Echo == nil || r.Echo.Verified != 31 || r.Setup == nil || r.Setup.Latency.Count != 300 ||
		float64(r.Plan.Rate) != 3000 {
		t.Errorf("echo %+v, setup %+v, rate %v", r.Echo, r.Setup, r.Plan.Rate)
	}
	if c := r.Reconcile; c == nil || c.Server == nil || *c.Server != 300 {
		t.Errorf("counts %+v, want the server's 300", c)
	}
	if f.Joined() {
		t.Error("the join file is still there")
	}
	s.Open(t, 0)
	o = f.Run(t, nil, "stress", "--first-port", s.To()[2], "--ports", "10", "--users", "30", "--loops", "5",
		"--server-control", "http://"+s.control)
	o.HasResult(t)
	if r := o.Result; o.Status != 0 || r.Stress.Users != 30 || r.Echo.Received != 150 || len(r.Agents) != 3 {
		t.Errorf("the next run: status %d, %+v, echo %+v: %s", o.Status, r.Stress, r.Echo, o.Stderr)
	}
}
