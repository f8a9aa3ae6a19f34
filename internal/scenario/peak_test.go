package scenario

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/diagnose"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/internal/result"
)

// Within each step latency is steady; across them it grows, and no processor is
// busy: that is named.
func TestPeakAcrossSteps(t *testing.T) {
	begin := time.Now()
	at := func(s, busy float64) diagnose.Moment {
		return diagnose.Moment{At: begin.Add(time.Duration(s) * time.Second),
			Cores: proc.Cores{Each: []proc.Core{{Busy: busy}}}, Mem: proc.Mem{Total: 100 << 30, Free: 50 << 30}}
	}
	step := func(users int64, p99 time.Duration, busy float64) *peakStep {
		l := &result.Latency{P99: int64(p99), P999: int64(p99), Max: int64(p99)}
		return &peakStep{users: users, r: &result.Result{Echo: &result.Echo{Seconds: 3, Received: 100, Latency: l}},
			seen: diagnose.Window{Before: at(0, 0), After: at(10, busy)}}
	}
	for _, tt := range []struct {
		name  string
		p99   func(users int64) time.Duration
		steps []int64 // in the order in which they were tried
		busy  float64 // of ten seconds
		want  bool
	}{
		{"grows", func(n int64) time.Duration { return time.Duration(n) * time.Millisecond },
			[]int64{10, 20, 40, 80, 160, 120}, 3, true},
		{"grows, and the processor is busy", func(n int64) time.Duration { return time.Duration(n) * time.Millisecond },
			[]int64{10, 20, 40, 80, 160}, 9.8, false},
		{"is the same", func(int64) time.Duration { return 20 * time.Millisecond }, []int64{10, 20, 40, 80, 160}, 3, false},
		{"too few steps", func(n int64) time.Duration { return time.Duration(n) * time.Millisecond }, []int64{10, 100},
			3, false},
	} {
		p := &peak{}
		for _, n := range tt.steps {
			p.steps = append(p.steps, step(n, tt.p99(n), tt.busy))
		}
		last := len(p.steps) - 1
		p.steps[last].broke = "p99>100ms"
		r := p.result(context.Background(), p.steps[last-1], p.steps[last])
		got := len(r.Findings) > 0 && r.Findings[0].Code == diagnose.IdleYetSlow
		if got != tt.want || strings.Contains(report.Verdict(r), "idle, yet slow") != tt.want {
			t.Errorf("%s: findings %+v, verdict %q; want it named %v", tt.name, r.Findings, report.Verdict(r), tt.want)
		}
	}
}
