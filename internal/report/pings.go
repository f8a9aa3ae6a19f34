package report

import (
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

// pingSection is the client's WebSocket pings and their round trips.
func pingSection(r *result.Result) section {
	p := r.Pings
	if p == nil {
		return section{}
	}
	t := table{Title: "Pings"}
	t.add("sent", unit.Commas(p.Sent))
	t.add("answered", unit.Commas(p.Answered))
	if n := r.Conns.Errors["ping_timeout"]; n > 0 {
		t.say("lost", "%s without a pong for %s", Plural(n, "connection"), unit.Nanos(int64(r.Plan.PingTimeout)))
	}
	return section{Title: "Pings", Tables: filled(t, latencyTable(timed{"pong", p.Latency}))}
}
