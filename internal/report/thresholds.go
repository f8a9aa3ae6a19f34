package report

import (
	"math"

	"github.com/c10m/c10m/internal/result"
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

// thresholds is what came of each --fail-if.
func (t *text) thresholds(list []result.Verdict) {
	for i, v := range list {
		if i == 0 {
			t.title("Thresholds (--fail-if)")
		}
		t.judged("", v)
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
	case v.Value == nil:
		return name + "was not measured"
	case v.Limit == nil:
		return name + "is " + measure(v.Metric, *v.Value) + ", the baseline's was not measured"
	}
	said := name + "is " + measure(v.Metric, *v.Value)
	if limit := measure(v.Metric, *v.Limit); limit != measure(v.Metric, *v.Value) {
		return said + ", the limit " + limit
	}
	return said + ", the limit differs by less than that shows"
}

// measure writes a number of a result file with the unit that its name says.
func measure(path string, v float64) string {
	m, err := result.ParseMetric(path)
	if err != nil {
		return plainNumber(v)
	}
	switch m.Dim {
	case result.Nanos:
		return signed(v, func(v float64) string { return Nanos(int64(v)) })
	case result.Seconds:
		return signed(v, func(v float64) string { return Nanos(int64(v * 1e9)) })
	case result.Octets:
		if math.Abs(v) < 1<<20 {
			return perConn(v)
		}
		return Bytes(v)
	case result.Share:
		return plainNumber(v)
	}
	return signed(v, func(v float64) string {
		if v == math.Trunc(v) && v < 1e15 {
			return Count(int64(v))
		}
		return three(v)
	})
}

// signed writes the sign before what write makes of the rest.
func signed(v float64, write func(float64) string) string {
	if v < 0 {
		return "-" + write(-v)
	}
	return write(v)
}
