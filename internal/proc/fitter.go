package proc

import (
	"math"
	"slices"

	"github.com/c10m/c10m/internal/stat"
)

// fitter fits values of the snapshots over the client's count of connections.
type fitter struct {
	all     []Snapshot // at least two: before and held
	xs      []float64
	samples int // different counts
}

func newFitter(all []Snapshot) fitter {
	f := fitter{all: all}
	for _, p := range all {
		f.xs = append(f.xs, float64(p.Conns))
	}
	f.samples = stat.Distinct(f.xs)
	return f
}

// span is how many connections the snapshots are apart.
func (f fitter) span() int64 { return int64(slices.Max(f.xs) - slices.Min(f.xs)) }

// over is the same with another count of connections. It takes no more different
// counts for a fit than the client's has: what is not fitted over one is not fitted
// over the other.
func (f fitter) over(count func(Snapshot) float64) fitter {
	g := fitter{all: f.all}
	for _, p := range f.all {
		g.xs = append(g.xs, count(p))
	}
	g.samples = min(f.samples, stat.Distinct(g.xs))
	return g
}

// slope is the value's growth per connection and how well a line fits it; with
// too few samples the plain difference, and 0.
func (f fitter) slope(value func(Snapshot) float64) (slope, r2 float64) {
	last := len(f.all) - 1
	if f.samples < minPoints {
		return (value(f.all[last]) - value(f.all[0])) / (f.xs[last] - f.xs[0]), 0
	}
	ys := make([]float64, len(f.all))
	for i, p := range f.all {
		ys[i] = value(p)
	}
	slope, _, r2, _ = stat.Line(f.xs, ys)
	return slope, r2
}

// scatter is the standard deviation of the value about its line; 0 with too few
// samples for one.
func (f fitter) scatter(value func(Snapshot) float64) float64 {
	ys := make([]float64, len(f.all))
	for i, p := range f.all {
		ys[i] = value(p)
	}
	slope, at0, _, n := stat.Line(f.xs, ys)
	if f.samples < minPoints || n < minPoints {
		return 0
	}
	sum := 0.0
	for i := range ys {
		off := ys[i] - at0 - slope*f.xs[i]
		sum += off * off
	}
	return math.Sqrt(sum / float64(n-2))
}
