package tests

import (
	"fmt"
	"slices"
	"testing"

	"github.com/c10m/c10m/internal/result"
)

// A soak of a server that replaces its workers: the report has each worker's memory,
// counts the recyclings, and says what they cost; that a worker is gone is no leak.
func TestSoakOfRecycling(t *testing.T) {
	s := start(t, 1, nil, "--workers", "2", "--max-conns", "500", "--recycle-after", "2000", "--drain", "1s")
	tries(t, func() string {
		o := client(t, nil, nil, s.lab("soak", "--users", "10", "--requests", "20", "--duration", "3s", "--every",
			"100ms")...)
		r := o.Result
		if r == nil || r.Leak || r.Soak == nil || r.Soak.Recycled == nil {
			return fmt.Sprintf("status %d, %+v; %s", o.Status, r, o.Stderr)
		}
		// One takes at least the second that a worker has to leave.
		done := r.Soak.Recycled
		if done.Count < 1 || len(done.List) != int(done.Count) || done.List[0].Seconds < 0.5 || done.P99 == nil {
			return fmt.Sprintf("recycled %+v", done)
		}
		processes := map[int]bool{}
		for _, one := range r.Soak.Series {
			for _, w := range one.Workers {
				processes[w.PID] = true
			}
		}
		if old := done.List[0]; !processes[old.PID] || len(processes) < 3 || old.Before == nil || old.After == nil {
			return fmt.Sprintf("of processes %v the first replaced: %+v", processes, old)
		}
		if !slices.ContainsFunc(r.Soak.Series, func(one result.SoakSample) bool { return one.FDs != nil && one.T > 2 }) {
			return "no fds after a worker was replaced"
		}
		return ""
	})
}
