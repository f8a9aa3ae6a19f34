package stat

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func near(a, b float64) bool { return math.Abs(a-b) < 1e-3*(1+math.Abs(b)) }

func TestSlope(t *testing.T) {
	b, low, high, ok := Slope([]float64{0, 1, 2, 3, 4}, []float64{1, 3, 5, 7, 9})
	if !ok || !near(b, 2) || !near(low, 2) || !near(high, 2) {
		t.Errorf("a straight line: %g (%g to %g), %v", b, low, high, ok)
	}
	// A worked example: y = 1.2, 1.9, 3.2, 3.8, 5.1 over 1..5 has slope 0.97,
	// standard error 0.0640, t(3) = 3.182.
	b, low, high, _ = Slope([]float64{1, 2, 3, 4, 5}, []float64{1.2, 1.9, 3.2, 3.8, 5.1})
	if !near(b, 0.97) || math.Abs(high-low-2*3.182*0.0640) > 0.002 {
		t.Errorf("with noise: %g (%g to %g)", b, low, high)
	}
	for _, xs := range [][]float64{{1, 2, 3}, {5, 5, 5, 5}} {
		if _, _, _, ok := Slope(xs, make([]float64, len(xs))); ok {
			t.Errorf("a slope over %v", xs)
		}
	}
}

// The interval must hold the truth 95 times of 100.
func TestSlopeCovers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	held := 0
	for range 2000 {
		var xs, ys []float64
		for i := range 20 {
			xs, ys = append(xs, float64(i)), append(ys, 3*float64(i)+10*r.NormFloat64())
		}
		if _, low, high, _ := Slope(xs, ys); low <= 3 && 3 <= high {
			held++
		}
	}
	if held < 1860 || held > 1940 {
		t.Errorf("the interval held the truth %d times of 2000, want about 1900", held)
	}
}

func TestStudent(t *testing.T) {
	for df, want := range map[int]float64{1: 12.706, 10: 2.228, 11: 2.201, 18: 2.101, 60: 2.000, 1000: 1.962} {
		if got := student(df); math.Abs(got-want) > 0.003 {
			t.Errorf("student(%d) = %g, want %g", df, got, want)
		}
	}
}

func TestDiffer(t *testing.T) {
	for _, tt := range []struct {
		name string
		a, b []float64
		want float64
	}{
		{"apart, three each", []float64{1, 2, 3}, []float64{4, 5, 6}, 2. / 20},
		{"apart, five each", []float64{1, 2, 3, 4, 5}, []float64{6, 7, 8, 9, 10}, 2. / 252},
		{"one out of order", []float64{1, 2, 4}, []float64{3, 5, 6}, 4. / 20},
		{"equal", []float64{7, 7, 7}, []float64{7, 7, 7}, 1},
		{"the same", []float64{1, 4, 5}, []float64{2, 3, 6}, 1},
		{"one against one", []float64{1}, []float64{2}, 1},
	} {
		if p := Differ(tt.a, tt.b); !near(p, tt.want) {
			t.Errorf("%s: p = %g, want %g", tt.name, p, tt.want)
		}
		if p, q := Differ(tt.a, tt.b), Differ(tt.b, tt.a); !near(p, q) {
			t.Errorf("%s: %g one way and %g the other", tt.name, p, q)
		}
	}
}

// Noise alone must not win: of many pairs from one source few differ.
func TestDifferIsNotFooled(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	wins := 0
	for range 1000 {
		var a, b []float64
		for range 5 {
			a, b = append(a, r.ExpFloat64()), append(b, r.ExpFloat64())
		}
		if Differ(a, b) < 0.05 {
			wins++
		}
	}
	if wins > 70 {
		t.Errorf("%d of 1000 pairs from one source differ at 5 %%", wins)
	}
}

func TestBlocks(t *testing.T) {
	var xs []float64
	for i := range 100 {
		xs = append(xs, float64(i))
	}
	bx, by := Blocks(xs, xs, 10)
	if len(bx) != 10 || !near(bx[0], 4.5) || !near(by[9], 94.5) {
		t.Errorf("blocks %v", bx)
	}
}

func TestMedian(t *testing.T) {
	for _, tt := range []struct {
		in   []float64
		want float64
	}{
		{[]float64{3}, 3},
		{[]float64{9, 1, 5}, 5},
		{[]float64{4, 1, 3, 2}, 2.5},
		{[]float64{-1, 1}, 0},
	} {
		in := slices.Clone(tt.in)
		if got := Median(in); got != tt.want || !slices.Equal(in, tt.in) {
			t.Errorf("Median(%v) = %v, want %v; left %v", tt.in, got, tt.want, in)
		}
	}
	if !math.IsNaN(Median(nil)) {
		t.Error("the median of nothing is a number")
	}
}
