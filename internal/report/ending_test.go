package report

import (
	"slices"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/result"
)

// The last line has the losses and the exit status's reason, also after a
// disaster.
func TestEnding(t *testing.T) {
	conns := func(established, failed, lost int64) result.Conns {
		return result.Conns{Attempted: established + failed, Established: established, Failed: failed, Lost: lost}
	}
	twenty, five := 20., 5.
	for _, tt := range []struct {
		name   string
		r      result.Result
		status int
		want   []string
	}{
		{"done", result.Result{Plan: result.Plan{Conns: 100}, Conns: conns(100, 0, 0)}, 0,
			[]string{"DONE, exit status 0: 100 of 100 connections established"}},
		{"all lost", result.Result{Plan: result.Plan{Conns: 100}, Conns: conns(100, 0, 100)}, 1,
			[]string{"FELL SHORT, exit status 1", "100 of them lost"}},
		{"a threshold", result.Result{Plan: result.Plan{Conns: 100}, Conns: conns(100, 0, 0),
			Thresholds: []result.Verdict{{Threshold: "setup.rate>5", Metric: "setup.rate", Value: &twenty, Limit: &five,
				Failed: true}}}, 1,
			[]string{"FAILED, exit status 1", "--fail-if setup.rate>5: setup.rate is 20.0/s, the limit 5.00/s"}},
		{"a threshold, met exactly", result.Result{Plan: result.Plan{Conns: 100}, Conns: conns(100, 0, 0),
			Thresholds: []result.Verdict{{Threshold: "conns.lost>=5", Metric: "conns.lost", Value: &five, Limit: &five,
				Failed: true}}}, 1, []string{"--fail-if conns.lost>=5: conns.lost is 5, which is the limit"}},
		{"interrupted", result.Result{Plan: result.Plan{Conns: 100}, Conns: conns(50, 0, 7), Interrupt: true}, 130,
			[]string{"INTERRUPTED, exit status 130", "7 of them lost"}},
		{"churn", result.Result{Plan: result.Plan{Conns: 10}, Conns: result.Conns{Attempted: 503, Established: 500,
			Failed: 3}}, 1, []string{"FELL SHORT, exit status 1", "500 connections established, 10 at a time",
			"3 connects failed"}},
		{"a leak", result.Result{Plan: result.Plan{Conns: 10}, Conns: conns(10, 0, 0), Leak: true}, 1,
			[]string{"exit status 1", "grows with time"}},
		{"looked only", result.Result{Findings: []result.Finding{result.Found("one_hot_shard", 90)}}, 1,
			[]string{"FELL SHORT, exit status 1: what limits is: one hot shard"}},
	} {
		got := Ending(&tt.r, tt.status)
		for _, want := range tt.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %q, want %q in it", tt.name, got, want)
			}
		}
		if strings.Contains(got, "\n") {
			t.Errorf("%s: %q is no line", tt.name, got)
		}
		if failed := FailedThresholds(&tt.r); (len(failed) > 0) != slices.ContainsFunc(tt.r.Thresholds,
			func(v result.Verdict) bool { return v.Failed }) {
			t.Errorf("%s: failed thresholds %q", tt.name, failed)
		}
	}
}
