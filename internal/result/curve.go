package result

// minCurve is how many samples a curve takes for its tenths to mean something.
const minCurve = 10

// Tenths is the setup rate over the first and over the last tenth of the
// connections, per second; not ok for a curve of too few samples.
func (s *Setup) Tenths() (first, last float64, ok bool) {
	c := s.Curve
	if len(c) < minCurve {
		return 0, 0, false
	}
	n := float64(c[len(c)-1].Conns)
	dFirst, dLast := timeOf(c, n/10)-c[0].T, timeOf(c, n)-timeOf(c, n*0.9)
	if n <= 0 || dFirst <= 0 || dLast <= 0 {
		return 0, 0, false
	}
	return n / 10 / dFirst, n / 10 / dLast, true
}

// timeOf is when a curve first held so many connections, straight between
// samples.
func timeOf(c []Point, conns float64) float64 {
	for i := 1; i < len(c); i++ {
		a, b := c[i-1], c[i]
		if float64(b.Conns) < conns {
			continue
		}
		if b.Conns <= a.Conns {
			return b.T
		}
		return a.T + (conns-float64(a.Conns))/float64(b.Conns-a.Conns)*(b.T-a.T)
	}
	return c[len(c)-1].T
}
