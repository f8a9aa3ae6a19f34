package scenario

import (
	"testing"

	"github.com/c10m/c10m/internal/result"
)

// The time of a worker that ended is gone: no difference is right then.
func TestServerSeconds(t *testing.T) {
	report := func(cpu float64, pids ...int) *result.ServerReport {
		r := &result.ServerReport{PID: 1, CPU: &cpu}
		for _, pid := range pids {
			r.Shards = append(r.Shards, result.Shard{PID: pid, Memory: &result.ProcMemory{RSS: 1}})
		}
		return r
	}
	starting := report(5, 2, 3)
	starting.Shards[1].Memory = nil
	counts := report(5, 2, 3)
	counts.CPU = nil
	restarted := report(5, 2, 3)
	restarted.PID = 9
	other := func(r *result.ServerReport) *result.ServerReport {
		r.Foreign = &result.Foreign{PID: 1}
		return r
	}
	for _, tt := range []struct {
		name          string
		before, after *result.ServerReport
		want          float64 // below 0: none
		warned        bool
	}{
		{"the same workers", report(5, 2, 3), report(7.5, 3, 2), 2.5, false},
		{"one process", report(5, 1), report(5, 1), 0, false},
		{"a worker was started anew", report(5, 2, 3), report(9, 2, 4), 4, false},
		{"workers have gone", report(5, 2, 3), report(9, 2), 4, false},
		{"the sum fell", report(5, 2, 3), report(4, 2, 3), -1, true},
		{"one of another server's was started anew, and the sum fell", other(report(5, 2, 3)), other(report(4, 2, 4)),
			-1, true},
		{"one of another server's was started anew, and the sum rose", other(report(5, 2, 3)), other(report(9, 2, 4)),
			-1, true},
		{"another server has one more", other(report(5, 2)), other(report(9, 2, 4)), 4, false},
		{"a worker is being started", report(5, 2, 3), starting, -1, true},
		{"a worker was being started", starting, report(5, 2, 3), -1, true},
		{"another server", report(5, 2, 3), restarted, -1, true},
		{"not known before", nil, report(5, 2, 3), -1, false},
		{"only counts before", counts, report(5, 2, 3), -1, false},
		{"only counts after", report(5, 2, 3), counts, -1, false},
	} {
		p := &Prepared{}
		got := p.serverSeconds(tt.before, tt.after)
		if (got != nil) != (tt.want >= 0) || got != nil && *got != tt.want || (len(p.Warnings) > 0) != tt.warned {
			t.Errorf("%s: %v, warnings %v", tt.name, got, p.Warnings)
		}
	}
}
