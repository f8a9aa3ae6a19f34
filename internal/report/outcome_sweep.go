package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

func init() {
	allOutcomes = append(allOutcomes, outcome{
		has:     func(r *result.Result) bool { return r.Sweep != nil },
		tables:  func(r *result.Result) []Table { return sweepTables(r.Sweep) },
		verdict: func(r *result.Result) string { return sweepVerdict(r.Sweep) },
		csv:     func(r *result.Result) rows { return sweepCSV(r.Sweep) },
	})
}

const sweepNote = "against first: the median as a multiple of the first variant's. chance: how often noise alone " +
	"would set it as far from the best; below 5 % it is worse than the best, above nobody can tell. " +
	"short: runs that fell short; with one, or an error, a variant cannot be best. errors: connects, connections " +
	"and messages that failed, over all runs."

func sweepTables(s *result.Sweep) []Table {
	t := Table{Title: s.Metric + ", " + strings.ToLower(runsEach(s.Repeat)), Plot: "median", Note: sweepNote}
	if len(s.Variants) > 0 {
		for _, c := range s.Variants[0].Choices {
			t.Columns = append(t.Columns, Column{c.Name, unit.InText})
		}
	}
	t.Columns = append(t.Columns, Column{"median", s.Kind}, Column{"lowest", s.Kind}, Column{"highest", s.Kind},
		Column{"against first", unit.InNumber},
		Column{"chance", unit.InShare}, Column{"runs", unit.InCount}, Column{"short", unit.InCount},
		Column{"errors", unit.InCount})
	failed := slices.ContainsFunc(s.Variants, func(v result.Variant) bool { return v.Error != nil })
	if failed {
		t.Columns = append(t.Columns, Column{"could not run", unit.InText})
	}
	for _, v := range s.Variants {
		var row []any
		for _, c := range v.Choices {
			row = append(row, c.Value)
		}
		figures := []any{known(v.Median), nil, nil, nil, known(v.Chance), float64(len(v.Values)), float64(v.Short),
			float64(v.Errors)}
		if v.Median != nil && len(v.Values) > 0 {
			figures[1], figures[2] = slices.Min(v.Values), slices.Max(v.Values)
			if first := s.Variants[0].Median; first != nil && *first != 0 {
				figures[3] = *v.Median / *first
			}
		}
		row = append(row, figures...)
		if failed {
			row = append(row, whyNot(&v))
		}
		t.Rows = append(t.Rows, row)
	}
	return []Table{t}
}

// whyNot is why a variant could not run, or not be measured; "" of one that was.
func whyNot(v *result.Variant) string {
	if v.Error == nil {
		return ""
	}
	return Warning(*v.Error)
}

// sweepVerdict says which is best, and which could not be.
func sweepVerdict(s *result.Sweep) string {
	said := bestOf(s)
	var not []string
	for i := range s.Variants {
		switch v := &s.Variants[i]; {
		case v.Error != nil:
			not = append(not, v.Name()+" could not run")
		case v.Short > 0:
			not = append(not, fmt.Sprintf("%s fell short in %d of %d runs", v.Name(), v.Short, len(v.Values)))
		}
	}
	const most = 3
	switch {
	case len(not) > most:
		said += fmt.Sprintf(" Not judged: %s and %d more.", strings.Join(not[:most], ", "), len(not)-most)
	case len(not) > 0:
		said += fmt.Sprintf(" Not judged: %s.", strings.Join(not, ", "))
	}
	return said
}

// bestOf is about those that were judged.
func bestOf(s *result.Sweep) string {
	judged := 0
	for i := range s.Variants {
		if s.Variants[i].Whole() {
			judged++
		}
	}
	if judged == 0 || s.BestVariant == nil || s.Pick == nil {
		if slices.ContainsFunc(s.Variants, func(v result.Variant) bool { return v.Short > 0 }) {
			return "No variant did what was asked of it, so none is best."
		}
		return "Nothing was measured."
	}
	best, pick := s.Variants[*s.BestVariant].Name(), s.Variants[*s.Pick].Name()
	switch equal := len(s.Equal); {
	case len(s.Variants) == 1:
		return best + ": there is only one variant, nothing to choose."
	case judged == 1:
		return fmt.Sprintf("Only %s did what was asked of it.", best)
	case equal == judged:
		said := fmt.Sprintf("No difference that noise could not make: the best median, with %s, is no sure win. "+
			"Take the simplest, %s.", best, pick)
		if !s.CanTell {
			said += fmt.Sprintf(" %s could not have told %d variants apart: --repeat %d could.", runsEach(s.Repeat),
				len(s.Variants), s.Needed)
		}
		return said
	case equal > 1:
		return fmt.Sprintf("Best by its median is %s, but %d of %d variants cannot be told from it; the first of "+
			"them is %s. %s.", best, equal, judged, pick, byHowMuch(s))
	}
	return fmt.Sprintf("Best is %s. %s.", best, byHowMuch(s))
}

func runsEach(n int) string {
	if n == 1 {
		return "One run each"
	}
	return fmt.Sprintf("%d runs each", n)
}

// byHowMuch sets the best beside the first variant and the worst.
func byHowMuch(s *result.Sweep) string {
	worst := *s.BestVariant
	median := func(i int) float64 { return *s.Variants[i].Median }
	best := median(worst)
	for i := range s.Variants {
		if s.Variants[i].Whole() && math.Abs(median(i)-best) > math.Abs(median(worst)-best) {
			worst = i
		}
	}
	change := func(i int) string {
		m := median(i)
		if m == 0 {
			return "no number"
		}
		return unit.Change(best/m - 1)
	}
	said := fmt.Sprintf("Its median is %s against the worst, %s", change(worst), s.Variants[worst].Name())
	if s.Variants[0].Whole() && worst != 0 && *s.BestVariant != 0 {
		said += fmt.Sprintf(", and %s against the first, %s", change(0), s.Variants[0].Name())
	}
	return said
}
