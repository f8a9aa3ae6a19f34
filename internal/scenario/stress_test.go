package scenario

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/loadgen"
	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/internal/result"
)

// What was never answered is a failure, though its connection never broke; and
// who hangs counts among the users, however much the others did meanwhile.
func TestHungUsers(t *testing.T) {
	fast := &result.Latency{P50: 1e6, P90: 1e6, P99: 1e6, P999: 1e6, Max: 1e6}
	for _, tt := range []struct {
		name  string
		r     result.Result
		share float64
		until map[string]bool
		says  string
	}{
		{"nobody answers", result.Result{Behind: true,
			Conns: result.Conns{Errors: result.ErrorCounts{"echo_timeout": 10}}, Echo: &result.Echo{Lost: 10}}, 1,
			map[string]bool{"errors>50%": true, "p99>1s": true},
			"10 tries failed, mostly echo_timeout, 50 of 50 transactions were not done in time"},
		{"one of ten hangs", result.Result{Conns: result.Conns{Errors: result.ErrorCounts{"echo_timeout": 1}},
			Echo: &result.Echo{Received: 99_999, Lost: 1, Latency: fast}}, 0.1,
			map[string]bool{"errors>0.1%": true, "p50>1s": false, "p90>1s": false, "p99>1s": true, "max>9s": true,
				"max>11s": false}, "1 try failed"},
		{"lost with its message", result.Result{Conns: result.Conns{Lost: 1,
			Errors: result.ErrorCounts{"echo_reset": 1}}, Echo: &result.Echo{Received: 99, Lost: 1, Latency: fast}},
			0.01,
			map[string]bool{"errors>1.1%": false, "errors>0.9%": true, "max>1s": false},
			"1 try failed, mostly echo_reset"},
		{"interrupted", result.Result{Interrupt: true, Echo: &result.Echo{Received: 40, Lost: 10, Latency: fast}}, 0,
			map[string]bool{"errors>0": false, "p99>1s": false}, "Nothing failed"},
		{"refused", result.Result{Conns: result.Conns{Failed: 1, Errors: result.ErrorCounts{"connect_refused": 1}},
			Echo: &result.Echo{Received: 3, Latency: fast}}, 0.25,
			map[string]bool{"errors>20%": true}, "1 try failed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.r.ErrorShare(10); math.Abs(got-tt.share) > 1e-9 {
				t.Errorf("errors %g, want %g", got, tt.share)
			}
			for text, met := range tt.until {
				if u, err := ParseUntil(text); err != nil || u.met(&tt.r, 10) != met {
					t.Errorf("%s: %v, want it met %v", text, err, met)
				}
			}
			tt.r.Stress = stressOutcome(&tt.r, &ChurnOptions{Mode: Kept, Users: 10, Loops: 5})
			if v := report.Verdict(&tt.r); !strings.Contains(v, tt.says) {
				t.Errorf("verdict %q lacks %q", v, tt.says)
			}
		})
	}
}

// A rate is of a run's time, not of the drain after it.
func TestCountWithin(t *testing.T) {
	calls := 0
	count := func() loadgen.Counts { calls++; return loadgen.Counts{Received: int64(calls)} }
	over := countWithin(time.Hour, count)
	if n, took := over(); n.Received != 1 || took >= time.Hour {
		t.Errorf("done early: %d after %v", n.Received, took)
	}
	counted := make(chan struct{})
	over = countWithin(time.Millisecond, func() loadgen.Counts { defer close(counted); return count() })
	<-counted // though nobody has asked yet
	if n, took := over(); n.Received != 2 || took < time.Millisecond {
		t.Errorf("in time: %d after %v", n.Received, took)
	}
}
