package stat

// Line is the least-squares line through points: y = slope x + intercept, and
// r2, the share of y's variance that it explains (1 if y does not vary). n is
// how many points there are. Where all xs are equal there is no line: slope 0,
// r2 0, and the mean for an intercept.
func Line(xs, ys []float64) (slope, intercept, r2 float64, n int) {
	n = min(len(xs), len(ys))
	if n == 0 {
		return 0, 0, 0, 0
	}
	var mx, my float64
	for i := range n {
		mx += xs[i] / float64(n)
		my += ys[i] / float64(n)
	}
	var sxx, sxy, syy float64 // about the means: no cancellation of large sums
	for i := range n {
		dx, dy := xs[i]-mx, ys[i]-my
		sxx += dx * dx
		sxy += dx * dy
		syy += dy * dy
	}
	if Distinct(xs[:n]) < 2 || sxx == 0 {
		return 0, my, 0, n
	}
	slope = sxy / sxx
	if syy == 0 {
		return slope, my - slope*mx, 1, n
	}
	return slope, my - slope*mx, min(1, sxy*sxy/(sxx*syy)), n
}

// Distinct is how many different numbers there are. Equal xs need not give
// sxx = 0, as their mean is rounded.
func Distinct(xs []float64) int {
	seen := make(map[float64]bool, len(xs))
	for _, x := range xs {
		seen[x] = true
	}
	return len(seen)
}
