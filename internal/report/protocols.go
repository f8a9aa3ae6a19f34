package report

import "github.com/c10m/c10m/internal/result"

// protocols is a mixed run, protocol by protocol.
func (t *text) protocols(all []result.Protocol) {
	if len(all) == 0 {
		return
	}
	const width = 13
	t.head("Protocols", width, "established", "failed", "lost", "echoes/s")
	var times []timed
	for _, p := range all {
		rate := ""
		if p.Echo != nil && p.Echo.Rate > 0 {
			rate = Count(int64(p.Echo.Rate))
		}
		t.cells(p.Proto, width, Count(p.Conns.Established), Count(p.Conns.Failed), Count(p.Conns.Lost), rate)
		times = append(times, timed{p.Proto + " conn", p.Connect})
		if p.Handshake != nil {
			times = append(times, timed{p.Proto + " upgr", p.Handshake})
		}
		if p.Echo != nil {
			times = append(times, timed{p.Proto + " echo", p.Echo.Latency})
		}
	}
	t.latencies(times...)
}
