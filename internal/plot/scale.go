package plot

import (
	"math"

	"github.com/c10m/c10m/internal/unit"
)

// scale maps values to pixels along one axis, and holds its ticks.
type scale struct {
	lo, hi   float64 // values; lo < hi
	from, to float64 // pixels
	log      bool
	ticks    []tick
	title    string // with the unit
}

// tick is one labelled value of an axis.
type tick struct {
	at    float64 // value
	label string
}

// at is the pixel of a value, never outside the axis.
func (s scale) at(v float64) float64 {
	share := 0.0
	if s.log {
		share = (math.Log10(max(v, 1/largest)) - math.Log10(s.lo)) / (math.Log10(s.hi) - math.Log10(s.lo))
	} else {
		share = (v - s.lo) / (s.hi - s.lo)
	}
	return s.from + min(max(share, 0), 1)*(s.to-s.from)
}

// newScale makes a scale that spans the drawable values, with about n ticks. With whole
// its ends are round numbers, otherwise the lowest and highest value.
func newScale(a Axis, values []float64, n int, whole bool) scale {
	lo, hi := extent(values)
	if a.Log {
		return logScale(a, lo, hi)
	}
	if !a.Tight {
		lo, hi = min(lo, 0), max(hi, 0)
	}
	if !(hi-lo > max(math.Abs(lo), math.Abs(hi))*1e-9) || hi-lo < 1/largest { // one value
		lo, hi = lo-math.Abs(lo)/2, hi+math.Abs(hi)/2
		if hi-lo < 1/largest {
			lo, hi = 0, 1
		}
	}
	of := a.Unit.Step(max(math.Abs(lo), math.Abs(hi)))
	step := roundStep((hi - lo) / of.Size / float64(max(1, n)))
	lo, hi = lo/of.Size, hi/of.Size
	first, last := math.Ceil(lo/step-1e-6), math.Floor(hi/step+1e-6)
	if whole {
		first, last = math.Floor(lo/step+1e-6), math.Ceil(hi/step-1e-6)
		lo, hi = first*step, last*step
	}
	s := scale{lo: lo * of.Size, hi: hi * of.Size, title: withUnit(a.Title, of.Name)}
	for i := range int(min(last-first, 50)) + 1 {
		v := (first + float64(i)) * step
		s.ticks = append(s.ticks, tick{v * of.Size, unit.Tick(v, decimalsOf(step))})
	}
	return s
}

func withUnit(title, name string) string {
	if name == "" {
		return title
	}
	if title == "" {
		return name
	}
	return title + " (" + name + ")"
}

// extent is the lowest and highest of the values; 0 and 0 of none.
func extent(values []float64) (lo, hi float64) {
	for i, v := range values {
		if i == 0 {
			lo, hi = v, v
		}
		lo, hi = min(lo, v), max(hi, v)
	}
	return lo, hi
}

// roundStep is the next of 1, 2, 2.5, 5 times a power of ten.
func roundStep(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, f := range []float64{1, 2, 2.5, 5} {
		if f*power >= v*0.999999 {
			return f * power
		}
	}
	return 10 * power
}

// decimalsOf is how many decimals multiples of a round step need.
func decimalsOf(step float64) int {
	for d := range 9 {
		scaled := step * math.Pow10(d)
		if math.Abs(scaled-math.Round(scaled)) < 1e-6*scaled {
			return d
		}
	}
	return 9
}

// logScale spans whole decades; within few of them 2 and 5 are labelled, too.
func logScale(a Axis, lo, hi float64) scale {
	if lo <= 0 || hi <= 0 { // nothing to draw
		lo, hi = 1, 10
	}
	from, to := math.Floor(math.Log10(lo)+1e-9), math.Ceil(math.Log10(hi)-1e-9)
	if to <= from {
		to = from + 1
	}
	s := scale{lo: math.Pow(10, from), hi: math.Pow(10, to), log: true, title: a.Title}
	between := []float64{1}
	if to-from <= 2 {
		between = []float64{1, 2, 5}
	}
	every := math.Ceil((to - from) / 8)
	for d := from; d <= to; d += every {
		for _, f := range between {
			if v := f * math.Pow(10, d); v <= s.hi*1.000001 {
				s.ticks = append(s.ticks, tick{v, a.Unit.Label(v)})
			}
		}
	}
	return s
}
