package stat

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestLine(t *testing.T) {
	for _, tt := range []struct {
		name                 string
		xs, ys               []float64
		slope, intercept, r2 float64
		n                    int
	}{
		{"nothing", nil, nil, 0, 0, 0, 0},
		{"one point", []float64{7}, []float64{3}, 0, 3, 0, 1},
		{"one x", []float64{5, 5, 5}, []float64{1, 2, 6}, 0, 3, 0, 3},
		{"one x that has no exact mean", []float64{0.1, 0.1, 0.1}, []float64{1, 2, 6}, 0, 3, 0, 3},
		{"one y", []float64{1, 2, 3}, []float64{4, 4, 4}, 0, 4, 1, 3},
		{"two points", []float64{1, 3}, []float64{10, 20}, 5, 5, 1, 2},
		{"falling", []float64{0, 1, 2}, []float64{4, 2, 0}, -2, 4, 1, 3},
		// By hand: means 3 and 4; sxx 10, sxy 6, syy 6.
		{"textbook", []float64{1, 2, 3, 4, 5}, []float64{2, 4, 5, 4, 5}, 0.6, 2.2, 0.6, 5},
		{"no relation", []float64{1, 2, 3, 4}, []float64{1, -1, -1, 1}, 0, 0, 0, 4},
		{"the shorter one counts", []float64{1, 3, 100}, []float64{10, 20}, 5, 5, 1, 2},
		// Sums of squares without means would have lost all digits here.
		{"far from zero", []float64{1e9, 1e9 + 1, 1e9 + 2}, []float64{3e12, 3e12 + 8, 3e12 + 16}, 8, 3e12 - 8e9, 1, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			slope, intercept, r2, n := Line(tt.xs, tt.ys)
			if !exactly(slope, tt.slope) || !exactly(intercept, tt.intercept) || !exactly(r2, tt.r2) || n != tt.n {
				t.Errorf("Line = %v, %v, %v, %d, want %v, %v, %v, %d", slope, intercept, r2, n, tt.slope,
					tt.intercept, tt.r2, tt.n)
			}
		})
	}
}

func exactly(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(1, math.Abs(a), math.Abs(b)) }

// TestLineIsLeastSquares checks what makes a line the least-squares one: its
// residuals sum up to nothing and are not correlated with x. r2 is what they
// leave of the variance.
func TestLineIsLeastSquares(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		n := 2 + rng.IntN(200)
		cost, base, noise := 1e4*rng.Float64(), 1e10*rng.Float64(), 1e6*rng.Float64()
		xs, ys := make([]float64, n), make([]float64, n)
		for i := range xs {
			xs[i] = float64(i)*1e4 + 1e3*rng.Float64()
			ys[i] = base + cost*xs[i] + noise*rng.NormFloat64()
		}
		slope, intercept, r2, _ := Line(xs, ys)
		var mx, my float64
		for i := range xs {
			mx, my = mx+xs[i]/float64(n), my+ys[i]/float64(n)
		}
		var sum, moment, rest, spread, reach float64
		for i := range xs {
			e := ys[i] - slope*xs[i] - intercept
			sum += e
			moment += e * (xs[i] - mx)
			rest += e * e
			spread += (ys[i] - my) * (ys[i] - my)
			reach += math.Abs(ys[i]) * math.Abs(xs[i]-mx)
		}
		if math.Abs(sum) > 1e-9*float64(n)*my || math.Abs(moment) > 1e-9*reach {
			t.Fatalf("n %d: residuals sum up to %g, moment %g", n, sum, moment)
		}
		if math.Abs(r2-(1-rest/spread)) > 1e-6 || r2 < 0 || r2 > 1 {
			t.Fatalf("n %d: r2 %v, residuals say %v", n, r2, 1-rest/spread)
		}
	}
}
