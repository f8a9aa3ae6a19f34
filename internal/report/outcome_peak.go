package report

import (
	"fmt"
	"slices"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

func init() {
	allOutcomes = append(allOutcomes, outcome{
		has:     func(r *result.Result) bool { return r.Peak != nil },
		tables:  func(r *result.Result) []Table { return peakTables(r.Peak) },
		verdict: peakVerdict,
		csv:     func(r *result.Result) rows { return peakCSV(r.Peak) },
	})
}

// peakTables are the steps, p99 over the users.
func peakTables(p *result.Peak) []Table {
	t := Table{Title: "Steps", Plot: "p99", Over: "users",
		Columns: []Column{{"users", unit.InCount}, {"transactions", unit.InPerSecond},
			{"p50", unit.InNanos}, {"p99", unit.InNanos}, {"errors", unit.InShare}, {"broke", unit.InText}}}
	for _, s := range p.Steps {
		t.Rows = append(t.Rows, []any{float64(s.Users), s.Rate, known(s.P50), known(s.P99), s.ErrorShare, s.Broke})
	}
	return []Table{t}
}

func peakVerdict(r *result.Result) string {
	p := r.Peak
	said := ""
	if p.Users != nil {
		said = fmt.Sprintf("It carries %s users", unit.Commas(*p.Users))
		if p.LowerBound {
			said += ", the most that was tried,"
		}
		if p.Rate != nil {
			said += fmt.Sprintf(" at %s transactions a second", whole(*p.Rate))
		}
		if p.P99 != nil {
			said += fmt.Sprintf(" and %s at the 99th percentile", unit.Nanos(*p.P99))
		}
	}
	gone := slices.IndexFunc(r.Warnings, func(w result.Warning) bool { return w.Code == "given_up" })
	switch {
	case p.Users != nil && p.LowerBound && gone >= 0:
		return said + "; of more nothing is known, as " + Warning(r.Warnings[gone]) + "."
	case p.Users != nil && p.LowerBound:
		return said + "; its limit is above that."
	}
	if p.BreaksAt == nil {
		return said + "."
	}
	if p.Users == nil {
		said = fmt.Sprintf("It does not even carry %s users: %s", unit.Commas(*p.BreaksAt), p.Broke)
	} else {
		said += fmt.Sprintf("; with %s the limit %s is passed", unit.Commas(*p.BreaksAt), p.Broke)
	}
	if gone >= 0 {
		return said + ", and then " + Warning(r.Warnings[gone]) + "."
	}
	if len(r.Findings) == 0 {
		return said + ". Nothing of the machine was at its limit then."
	}
	f := Finding(r.Findings[0])
	return said + fmt.Sprintf(". What broke first: %s (%s).", f.Name, f.Evidence)
}
