package footprint

// Line is the least-squares line through points: y = slope x + intercept, and
// r2, the share of y's variance that it explains (1 if y does not vary). With
// fewer than two different xs there is no line: slope 0 and n says why.
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
	if sxx == 0 {
		return 0, my, 0, n
	}
	slope = sxy / sxx
	if syy == 0 {
		return slope, my - slope*mx, 1, n
	}
	return slope, my - slope*mx, sxy * sxy / (sxx * syy), n
}
