package result

import (
	"fmt"
	"slices"
	"strings"

	"github.com/c10m/c10m/internal/stat"
	"github.com/c10m/c10m/internal/unit"
)

// Sweep is every variant of a grid, and which is best.
type Sweep struct {
	Metric string    `json:"metric"` // by its path
	Kind   unit.Kind `json:"kind"`
	Less   bool      `json:"less_is_better"`
	Repeat int       `json:"runs_each"`
	// CanTell: so many runs can tell so many variants apart at all. Needed are
	// enough.
	CanTell  bool      `json:"can_tell"`
	Needed   int       `json:"runs_needed"`
	Variants []Variant `json:"variants"`
	// BestVariant is the index of the one with the best median of those that can be
	// judged; absent if none can. Equal are those that cannot be told from it, itself
	// among them; Pick is the first of these. Sure: no other can be taken for it.
	BestVariant *int  `json:"best_variant,omitempty"`
	Equal       []int `json:"equal,omitempty"`
	Pick        *int  `json:"pick,omitempty"`
	Sure        bool  `json:"sure"`
	// Best are the medians of all numbers of the best variant's runs:
	// sweep.best.echo.rate.
	Best Medians `json:"best,omitempty"`
}

// check takes nil, too: it was no sweep.
func (s *Sweep) check() error {
	if s == nil {
		return nil
	}
	named := slices.Clone(s.Equal)
	for _, i := range []*int{s.BestVariant, s.Pick} {
		if i != nil {
			named = append(named, *i)
		}
	}
	for _, i := range named {
		if i < 0 || i >= len(s.Variants) {
			return fmt.Errorf("sweep: variant %d of %d", i, len(s.Variants))
		}
	}
	for i, v := range s.Variants {
		if v.Median == nil && (len(v.Values) > 0 || slices.Contains(named, i)) {
			return fmt.Errorf("sweep: variant %d has no median", i)
		}
	}
	return nil
}

// Variant is one combination of values.
type Variant struct {
	Choices []Choice  `json:"choices"`
	Values  []float64 `json:"values"` // of the metric, by run
	Median  *float64  `json:"median,omitempty"`
	// Chance is how often noise alone would set its median as far from the best
	// one, given that the best was chosen for being so.
	Chance *float64 `json:"chance,omitempty"`
	Short  int      `json:"short"`           // runs that fell short
	Errors int64    `json:"errors"`          // that happened, over all runs
	Error  *Warning `json:"error,omitempty"` // why it could not run, or not be measured
}

// Whole says whether the variant can be judged: a server that refuses most of its
// connections is quick with the rest.
func (v *Variant) Whole() bool { return len(v.Values) > 0 && v.Short == 0 && v.Error == nil }

// Name is the values that were chosen: workers=2 size=64.
func (v *Variant) Name() string {
	var parts []string
	for _, c := range v.Choices {
		parts = append(parts, c.Name+"="+c.Value)
	}
	return strings.Join(parts, " ")
}

// Choice is one value of what a sweep varies.
type Choice struct {
	Of    string `json:"of"` // "server", "client", or "sysctl"
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Medians are numbers of results by their paths.
type Medians map[string]float64

// MediansOf are of the numbers that all runs have. An error that happened in some
// of them did not happen in the others.
func MediansOf(runs []map[string]float64) Medians {
	all := Medians{}
	for _, one := range runs {
		for path := range one {
			if _, done := all[path]; done {
				continue
			}
			if values := Values(path, runs); len(values) == len(runs) {
				all[path] = stat.Median(values)
			}
		}
	}
	return all
}

// Values are the values of a number in those runs that measured it.
func Values(path string, runs []map[string]float64) (values []float64) {
	m := Metric{Path: path}
	for _, numbers := range runs {
		if v, measured := m.Of(numbers); measured {
			values = append(values, v)
		}
	}
	return values
}
