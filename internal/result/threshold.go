package result

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/c10m/c10m/internal/unit"
)

// Threshold is a condition under which a run fails: METRIC OP VALUE. METRIC is
// what ParseMetric takes; OP is < > <= >= == or !=; VALUE is a number with a
// unit that suits the metric (30k, 5ms, 8KiB, 99%), or a change against a
// baseline, with its sign: +5%, -3%.
type Threshold struct {
	Metric   Metric
	Op       string
	Value    float64 // base units, or the change as a share: 0.05
	Relative bool
	Text     string // as it was written
}

// Verdict is what came of a threshold. It fails if the condition holds, or if
// its metric was not measured.
type Verdict struct {
	Threshold string   `json:"fail_if"`
	Metric    string   `json:"metric"`
	Value     *float64 `json:"value,omitempty"` // absent: not measured
	Never     bool     `json:"never,omitempty"` // it was, and what it is the time of never comes
	Limit     *float64 `json:"limit,omitempty"` // of a relative one: worked out
	Failed    bool     `json:"failed"`
}

// operators are tried in this order: the long ones first.
var operators = []string{"<=", ">=", "==", "!=", "<", ">"}

// ParseThreshold reads a threshold. Its errors say in one line what is legal.
func ParseThreshold(text string) (Threshold, error) {
	t := Threshold{Text: text}
	at := strings.IndexAny(text, "<>=!")
	if at >= 0 {
		for _, op := range operators {
			if strings.HasPrefix(text[at:], op) {
				t.Op = op
				break
			}
		}
	}
	if t.Op == "" {
		return t, errors.New("want METRIC OP VALUE with OP one of < > <= >= == !=, like setup.rate<30000 or " +
			"total_bytes_per_conn>+5%")
	}
	var err error
	if t.Metric, err = ParseMetric(strings.TrimSpace(text[:at])); err != nil {
		return t, err
	}
	value := strings.TrimSpace(text[at+len(t.Op):])
	t.Value, t.Relative, err = parseValue(value, t.Metric.Kind)
	return t, err
}

// parseValue reads a number with a unit of k, or a change in percent.
func parseValue(text string, k unit.Kind) (v float64, relative bool, err error) {
	number, isPercent := strings.CutSuffix(text, "%")
	if isPercent && (strings.HasPrefix(text, "+") || strings.HasPrefix(text, "-")) {
		v, err = unit.InNumber.Parse(strings.TrimSpace(number))
		return v / 100, true, err
	}
	if isPercent && k != unit.InShare {
		return 0, false, fmt.Errorf("%q: a change against the baseline has a sign, like +%s or -%s", text, text, text)
	}
	v, err = k.Parse(text)
	return v, false, err
}

// Check holds a run's numbers against a threshold. A relative one is taken
// against baseline, the numbers of another run.
func (t Threshold) Check(numbers, baseline map[string]float64) Verdict {
	v := Verdict{Threshold: t.Text, Metric: t.Metric.Path, Failed: true}
	value, measured := t.Metric.Of(numbers)
	switch {
	case math.IsInf(value, 0):
		v.Never = true
	case measured:
		v.Value = &value
	}
	limit := t.Value
	if t.Relative {
		base, known := t.Metric.Of(baseline)
		if !known {
			return v
		}
		limit = base + math.Abs(base)*t.Value
	}
	v.Limit = &limit
	if measured {
		v.Failed = t.holds(value, limit)
	}
	return v
}

func (t Threshold) holds(value, limit float64) bool {
	switch t.Op {
	case "<":
		return value < limit
	case ">":
		return value > limit
	case "<=":
		return value <= limit
	case ">=":
		return value >= limit
	case "==":
		return value == limit
	}
	return value != limit
}

// Judge holds the run against thresholds, says whether any of them failed, and
// keeps what came of each. A threshold that the run has been held against
// before is replaced.
func (r *Result) Judge(list []Threshold) (failed bool, err error) {
	if len(list) == 0 {
		return false, nil
	}
	numbers, err := r.Numbers()
	if err != nil {
		return false, fmt.Errorf("check thresholds: %w", err)
	}
	for _, t := range list {
		r.Thresholds = slices.DeleteFunc(r.Thresholds, func(v Verdict) bool { return v.Threshold == t.Text })
		v := t.Check(numbers, nil)
		r.Thresholds, failed = append(r.Thresholds, v), failed || v.Failed
	}
	return failed, nil
}

// Failed says whether any threshold failed.
func Failed(list []Verdict) bool {
	return slices.ContainsFunc(list, func(v Verdict) bool { return v.Failed })
}
