package report

import (
	"strconv"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

// failures is how many thresholds failed.
func failures(list []result.Verdict) (n int) {
	for _, v := range list {
		if v.Failed {
			n++
		}
	}
	return n
}

// GroupVerdict is a threshold, and the group of a comparison that was held to it.
type GroupVerdict struct {
	Group string `json:"group"` // "": a run alone
	result.Verdict
}

// lead names the group before what is said of it.
func (v GroupVerdict) lead() string {
	if v.Group == "" {
		return ""
	}
	return v.Group + ": "
}

// verdictsOf are the thresholds that a run was held to.
func verdictsOf(r *result.Result) (list []GroupVerdict) {
	for _, v := range r.Thresholds {
		list = append(list, GroupVerdict{Verdict: v})
	}
	return list
}

// failedLines says of each condition that held what it met, a line each.
func failedLines(list []GroupVerdict) (lines []string) {
	for _, v := range list {
		if v.Verdict.Failed {
			lines = append(lines, "--fail-if "+v.Threshold+": "+v.lead()+found(v.Verdict))
		}
	}
	return lines
}

// thresholds is what came of each --fail-if.
func (t *text) thresholds(list []GroupVerdict) {
	for i, v := range list {
		if i == 0 {
			t.title("Thresholds (--fail-if)")
		}
		word, color := passedOrFailed(v.Verdict), green
		if v.Verdict.Failed {
			color = red
		}
		s := wrap("  "+word+"  ", v.lead()+v.Threshold+": "+found(v.Verdict), t.width)
		t.printf("  %s%s\n", t.paint(color, word), s[2+len(word):])
	}
}

func passedOrFailed(v result.Verdict) string {
	if v.Failed {
		return "FAILED"
	}
	return "passed"
}

// found is what a threshold met.
func found(v result.Verdict) string {
	name := v.Metric + " "
	switch {
	case v.Never:
		return name + "never comes"
	case v.Value == nil:
		return name + "was not measured"
	case v.Limit == nil:
		return name + "is " + measure(v.Metric, *v.Value) + ", the baseline's was not measured"
	}
	said := name + "is " + measure(v.Metric, *v.Value)
	if *v.Value == *v.Limit {
		return said + ", which is the limit"
	}
	if limit := measure(v.Metric, *v.Limit); limit != measure(v.Metric, *v.Value) {
		return said + ", the limit " + limit
	}
	return said + ", the limit differs by less than that shows"
}

// measure writes a number of a result file with the unit that its name says. A
// share is written as it stands in the file: r2 is not a percentage to anybody.
func measure(path string, v float64) string {
	m, err := result.ParseMetric(path)
	if err != nil || m.Kind == unit.InShare {
		return plainNumber(v)
	}
	return m.Kind.Format(v)
}

// plainNumber writes v with five significant digits at most.
func plainNumber(v float64) string { return strconv.FormatFloat(v, 'g', 5, 64) }
