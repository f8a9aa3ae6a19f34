package report

import (
	"fmt"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

func init() {
	allOutcomes = append(allOutcomes, outcome{
		has:     func(r *result.Result) bool { return r.Stress != nil },
		tables:  stressTables,
		verdict: func(r *result.Result) string { return limited(stressVerdict(r), r) },
	})
}

// stressTables are response times, and the server's memory before and after.
func stressTables(r *result.Result) []Table {
	s := r.Stress
	times := Table{Title: "Response times", Columns: []Column{{"users", unit.InCount},
		{"transactions", unit.InPerSecond},
		{"p50", unit.InNanos}, {"p90", unit.InNanos}, {"p99", unit.InNanos}, {"p99.9", unit.InNanos},
		{"max", unit.InNanos}, {"errors", unit.InShare}}}
	row := []any{float64(s.Users), nil, nil, nil, nil, nil, nil, s.ErrorShare}
	if e := r.Echo; e != nil {
		row[1] = e.Rate
		if l := e.Latency; l != nil {
			for i, ns := range []int64{l.P50, l.P90, l.P99, l.P999, l.Max} {
				row[2+i] = float64(ns)
			}
		}
	}
	times.Rows = [][]any{row}
	memory := Table{Title: "Memory of the server", Columns: []Column{{"when", unit.InText}, {"RSS", unit.InBytes},
		{"PSS", unit.InBytes}, {"private", unit.InBytes}}}
	for _, one := range []struct {
		when string
		m    *result.ProcMemory
	}{{"at the start", s.ServerBefore}, {"at the end", s.ServerAfter}} {
		row := []any{one.when, nil, nil, nil}
		if one.m != nil {
			row = []any{one.when, float64(one.m.RSS), float64(one.m.PSS), float64(one.m.Private)}
		}
		memory.Rows = append(memory.Rows, row)
	}
	return []Table{times, memory}
}

func stressVerdict(r *result.Result) string {
	s, e := r.Stress, r.Echo
	if e == nil {
		return ""
	}
	said := fmt.Sprintf("%s users did %s transactions in %s, %s a second, with %s", unit.Commas(s.Users),
		unit.Commas(e.Received), unit.Seconds(e.Seconds), whole(e.Rate), modeWords(s.Load))
	if l := e.Latency; l != nil {
		said += fmt.Sprintf(": half within %s, 99 %% within %s", unit.Nanos(l.P50), unit.Nanos(l.P99))
	}
	top := r.Conns.Errors.Top(1)
	switch {
	case s.Failures > 0 && len(top) > 0:
		said += fmt.Sprintf(". %s, mostly %s", failedTries(s.Failures), top[0].Name)
	case s.Failures > 0:
		said += ". " + failedTries(s.Failures)
	case s.Undone > 0 && !r.Interrupt:
		said += ". No try failed"
	default:
		said += ". Nothing failed"
	}
	if s.Undone > 0 && !r.Interrupt {
		said += fmt.Sprintf(", %s of %s transactions were not done in time", unit.Commas(s.Undone),
			unit.Commas(s.Asked))
	}
	if s.ServerBefore != nil && s.ServerAfter != nil {
		before, after := unit.Bytes(float64(s.ServerBefore.PSS)), unit.Bytes(float64(s.ServerAfter.PSS))
		if before == after {
			said += "; the server's memory stayed at " + after
		} else {
			said += fmt.Sprintf("; the server's memory went from %s to %s", before, after)
		}
	}
	return said
}

func failedTries(n int64) string {
	if n == 1 {
		return "1 try failed"
	}
	return unit.Commas(n) + " tries failed"
}
