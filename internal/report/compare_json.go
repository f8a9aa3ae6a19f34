package report

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
)

// CompareSchema names the format of Comparison.WriteJSON.
const CompareSchema = "c10m/compare/1"

// comparisonFile is a comparison for machines, in base units like a result file:
//
//	{"schema":"c10m/compare/1",
//	 "groups":[{"name","files":["..."]}],
//	 "differences":[{"name","values":["..."]}],
//	 "metrics":[{"metric","groups":[{"median","min","max","ratio","overlaps","chance","verdict"}]}],
//	 "verdicts":[{"group","fail_if","metric","value","limit","failed"}],
//	 "failed":false}
//
// The first group is the baseline. Lists by group are in the order of groups; a
// group that did not measure a metric, in all of its runs, has null there.
type comparisonFile struct {
	Schema      string           `json:"schema"`
	Groups      []groupFile      `json:"groups"`
	Differences []differenceFile `json:"differences"` // of plan, machine and build, in words
	Metrics     []metricFile     `json:"metrics"`     // by their paths in a result file
	Verdicts    []GroupVerdict   `json:"verdicts"`    // of each --fail-if and group
	Failed      bool             `json:"failed"`
}

type groupFile struct {
	Name  string   `json:"name"`
	Files []string `json:"files"`
}

type differenceFile struct {
	Name   string   `json:"name"`
	Values []string `json:"values"` // of each group
}

type metricFile struct {
	Metric string        `json:"metric"`
	Groups []*numberFile `json:"groups"`
}

// numberFile is one metric of one group. The ratio is to the baseline; absent
// where that is 0, of the other sign, or not known.
type numberFile struct {
	Median   *float64 `json:"median,omitempty"`
	Min      *float64 `json:"min,omitempty"`
	Max      *float64 `json:"max,omitempty"`
	Never    bool     `json:"never,omitempty"` // the time of what does not come, in place of these
	Ratio    *float64 `json:"ratio,omitempty"`
	Overlaps bool     `json:"overlaps,omitempty"` // with the baseline's runs
	// Chance is that noise alone set it as far from the baseline; absent: one of the
	// two is a single run. Verdict is better, worse or differs where it is below 5 %.
	Chance  *float64 `json:"chance,omitempty"`
	Verdict string   `json:"verdict,omitempty"`
}

// WriteJSON writes the comparison as one JSON object.
func (c *Comparison) WriteJSON(w io.Writer) error {
	f := comparisonFile{Schema: CompareSchema, Groups: []groupFile{}, Differences: []differenceFile{},
		Metrics: c.metrics(), Verdicts: append([]GroupVerdict{}, c.Verdicts...), Failed: c.Failed()}
	for _, g := range c.groups {
		f.Groups = append(f.Groups, groupFile{g.Name, g.Files})
	}
	for _, d := range c.differences() {
		f.Differences = append(f.Differences, differenceFile{d.name, d.values})
	}
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	e.SetEscapeHTML(false)
	if err := e.Encode(f); err != nil {
		return fmt.Errorf("write comparison: %w", err)
	}
	return nil
}

// metrics are all numbers that any of the groups has measured.
func (c *Comparison) metrics() []metricFile {
	paths := map[string]bool{}
	for _, runs := range c.runs {
		for _, numbers := range runs {
			for path := range numbers {
				paths[path] = true
			}
		}
	}
	list := []metricFile{}
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		m, known := metricFile{Metric: path}, false
		for g := range c.groups {
			n := c.number(path, g)
			m.Groups, known = append(m.Groups, n), known || n != nil
		}
		if known {
			list = append(list, m)
		}
	}
	return list
}

// number is nil where the group did not measure it.
func (c *Comparison) number(path string, group int) *numberFile {
	one := c.cellOf(path, group)
	if !one.known {
		return nil
	}
	if math.IsInf(one.hi, 0) {
		return &numberFile{Never: true}
	}
	n := &numberFile{Median: &one.value, Min: &one.lo, Max: &one.hi, Overlaps: one.overlaps, Chance: one.chance,
		Verdict: one.word}
	if base := c.own(path, 0); group > 0 && (one.ratio != 0 || one.value == 0 && base.known && base.value > 0) {
		n.Ratio = &one.ratio
	}
	return n
}
