package result

import "math"

// Quantile is a share of all values, 0..1, and what none of them is above, ns.
type Quantile struct {
	Share float64
	Nanos int64
}

// stepsPerHalf is how many steps a halving of what is left is cut into, for a smooth curve.
const stepsPerHalf = 4

// Distribution is the latency over the share of all: from the histogram where
// the file holds it, otherwise the five numbers of the summary. The last one is
// the longest.
func (l *Latency) Distribution() []Quantile {
	if l == nil {
		return nil
	}
	h, err := l.Histogram()
	if err != nil || l.Count < 1 {
		return []Quantile{{0.5, l.P50}, {0.9, l.P90}, {0.99, l.P99}, {0.999, l.P999}, {1, l.Max}}
	}
	var list []Quantile
	for i := 0; ; i++ {
		left := math.Pow(2, -float64(i)/stepsPerHalf)
		if left*float64(l.Count) < 1 { // beyond the last value
			break
		}
		ns := min(h.h.ValueAtQuantile(100*(1-left))*1000, l.Max)
		if n := len(list); n > 0 && i%stepsPerHalf != 0 && list[n-1].Nanos == ns {
			continue
		}
		list = append(list, Quantile{1 - left, ns})
	}
	return append(list, Quantile{1, l.Max})
}
