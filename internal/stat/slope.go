package stat

import (
	"math"
	"slices"
)

// Slope is the least-squares slope of ys over xs (see Line) with its 95 %
// confidence interval, by Student's t with n - 2 degrees of freedom. ok is false for fewer
// than 4 points or where all xs are equal.
func Slope(xs, ys []float64) (b, low, high float64, ok bool) {
	n := len(xs)
	if n < 4 || n != len(ys) {
		return 0, 0, 0, false
	}
	if slices.Min(xs) == slices.Max(xs) {
		return 0, 0, 0, false
	}
	b, at0, _, _ := Line(xs, ys)
	mean, sxx, rest := 0.0, 0.0, 0.0
	for _, x := range xs {
		mean += x / float64(n)
	}
	for i, x := range xs {
		e := ys[i] - at0 - b*x
		sxx, rest = sxx+(x-mean)*(x-mean), rest+e*e
	}
	half := student(n-2) * math.Sqrt(rest/float64(n-2)/sxx)
	return b, b - half, b + half, true
}

// studentTable is the 97.5 % quantile of Student's t for 1 to 10 degrees of
// freedom (Abramowitz and Stegun, table 26.10).
var studentTable = []float64{12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228}

// student is the 97.5 % quantile of Student's t; above the table by the first
// terms of its expansion (Abramowitz and Stegun, 26.7.5).
func student(df int) float64 {
	if df <= len(studentTable) {
		return studentTable[df-1]
	}
	const z = 1.959964
	n := float64(df)
	return z + (z*z*z+z)/(4*n) + (5*math.Pow(z, 5)+16*z*z*z+3*z)/(96*n*n)
}

// Blocks averages neighbours, so that n points at most are left: samples that
// follow each other closely are not independent, and would make an interval too
// narrow.
func Blocks(xs, ys []float64, n int) (bx, by []float64) {
	if len(xs) <= n {
		return xs, ys
	}
	for k := range n {
		from, to := k*len(xs)/n, (k+1)*len(xs)/n
		var x, y float64
		for i := from; i < to; i++ {
			x += xs[i] / float64(to-from)
			y += ys[i] / float64(to-from)
		}
		bx, by = append(bx, x), append(by, y)
	}
	return bx, by
}
