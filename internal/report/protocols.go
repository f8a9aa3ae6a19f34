package report

import (
	"strings"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

// protocols is a mixed run, protocol by protocol.
func (t *text) protocols(all []result.Protocol) {
	if len(all) == 0 {
		return
	}
	const width = 12
	t.head("Protocols", width, "established", "failed", "lost", "setup/s", "echoes/s")
	var times []timed
	for _, p := range all {
		setup, rate := "", ""
		if p.SetupRate > 0 {
			setup = unit.Significant(p.SetupRate)
		}
		if p.Echo != nil && p.Echo.Rate > 0 {
			rate = unit.Commas(int64(p.Echo.Rate))
		}
		t.cells(p.Proto, width, unit.Commas(p.Conns.Established), unit.Commas(p.Conns.Failed), unit.Commas(p.Conns.Lost), setup, rate)
		times = append(times, timed{p.Proto + " conn", p.Connect})
		if p.Handshake != nil {
			times = append(times, timed{p.Proto + " upgr", p.Handshake})
		}
		if p.Echo != nil {
			times = append(times, timed{p.Proto + " echo", p.Echo.Latency})
		}
	}
	t.latencies(times...)
	for _, p := range all {
		var causes []string
		for _, e := range p.Conns.Errors.Top(0) {
			causes = append(causes, e.Name+" "+unit.Commas(e.N))
		}
		if len(causes) > 0 {
			t.row(p.Proto+" errors", "%s", strings.Join(causes, ", "))
		}
	}
}
