package stat

import (
	"math"
	"slices"
)

// Median is the middle of the values, the mean of the two in the middle if their
// number is even; NaN of none.
func Median(values []float64) float64 {
	n := len(values)
	if n == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
