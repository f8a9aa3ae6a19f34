package result

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
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
		return t, errors.New("want METRIC OP VALUE with OP one of < > <= >= == !=, like setup.rate<30000 or total_bytes_per_conn>+5%")
	}
	var err error
	if t.Metric, err = ParseMetric(strings.TrimSpace(text[:at])); err != nil {
		return t, err
	}
	value := strings.TrimSpace(text[at+len(t.Op):])
	t.Value, t.Relative, err = parseValue(value, t.Metric.Dim)
	return t, err
}

// suffixes are the units of each dimension, in base units.
var suffixes = map[Dimension]map[string]float64{
	Number:  {"k": 1e3, "M": 1e6, "G": 1e9, "/s": 1, "k/s": 1e3, "M/s": 1e6},
	Nanos:   {"ns": 1, "us": 1e3, "µs": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9},
	Seconds: {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60},
	Octets: {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
		"k": 1e3, "M": 1e6, "G": 1e9},
	Share: {"%": 0.01},
}

// legalUnits names the units of a dimension for an error.
func legalUnits(d Dimension) string {
	return [...]string{Number: "k, M, G, /s", Nanos: "ns, us, ms, s, m (without: ns)", Seconds: "ns, us, ms, s, m (without: s)",
		Octets: "B, KiB, MiB, GiB, kB, MB, GB", Share: "%"}[d]
}

// parseValue reads a number with a unit of d, or a change in percent.
func parseValue(text string, d Dimension) (v float64, relative bool, err error) {
	end := len(text)
	for end > 0 && !strings.ContainsRune("0123456789.", rune(text[end-1])) {
		end--
	}
	digits, unit := text[:end], strings.TrimSpace(text[end:])
	v, err = strconv.ParseFloat(strings.ReplaceAll(digits, "_", ""), 64)
	if err != nil || strings.Trim(digits, "+-0123456789._eE") != "" || math.Abs(v) > 1e300 {
		return 0, false, fmt.Errorf("%q is not a value: want a number with a unit of %s, or a change like +5%%", text, legalUnits(d))
	}
	signed := text[0] == '+' || text[0] == '-'
	factor, known := suffixes[d][unit]
	switch {
	case unit == "%" && signed:
		return v / 100, true, nil
	case unit == "%" && d != Share:
		return 0, false, fmt.Errorf("%q: a change against the baseline has a sign, like +%s or -%s", text, text, text)
	case unit == "":
		return v, false, nil
	case !known:
		return 0, false, fmt.Errorf("%q: %q is no unit of it: legal are %s", text, unit, legalUnits(d))
	}
	return v * factor, false, nil
}

// Check holds a run's numbers against a threshold. A relative one is taken
// against baseline, the numbers of another run.
func (t Threshold) Check(numbers, baseline map[string]float64) Verdict {
	v := Verdict{Threshold: t.Text, Metric: t.Metric.Path, Failed: true}
	value, measured := t.Metric.Of(numbers)
	if measured {
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
