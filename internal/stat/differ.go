package stat

import (
	"math"
	"slices"
)

// Differ is the chance to see two samples as far apart as these if they came
// from the same source: the two-sided Mann-Whitney test, exact, by counting all
// ways to share the ranks out. It assumes nothing about how the noise is spread.
// Samples hold at most 20 values each.
func Differ(a, b []float64) (p float64) {
	// The ranks of a, doubled so that those of equal values, their mean, are
	// whole.
	all := slices.Concat(a, b)
	ranks := make([]int, len(all))
	for i, v := range all {
		below, equal := 0, 0
		for _, w := range all {
			if w < v {
				below++
			} else if w == v {
				equal++
			}
		}
		ranks[i] = 2*below + equal + 1
	}
	seen, sum := 0, 0
	for i, r := range ranks {
		sum += r
		if i < len(a) {
			seen += r
		}
	}
	// ways[k][s]: in how many ways k of the values have ranks that sum to s.
	ways := make([][]float64, len(a)+1)
	for k := range ways {
		ways[k] = make([]float64, sum+1)
	}
	ways[0][0] = 1
	for _, r := range ranks {
		for k := len(a); k > 0; k-- {
			for s := sum; s >= r; s-- {
				ways[k][s] += ways[k-1][s-r]
			}
		}
	}
	mean := float64(sum) * float64(len(a)) / float64(len(all))
	var far, total float64
	for s, n := range ways[len(a)] {
		total += n
		if math.Abs(float64(s)-mean) >= math.Abs(float64(seen)-mean)-1e-9 {
			far += n
		}
	}
	return far / total
}
