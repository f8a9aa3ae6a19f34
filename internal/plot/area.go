package plot

import (
	"cmp"
	"slices"
	"sort"
	"strconv"
)

// Area is layers stacked over a common axis, the first at the bottom. Layers may have
// samples at different X: between two samples a layer is a straight line, before the
// first and after the last it is level. Values below 0 count as 0.
type Area struct {
	Frame
	X, Y   Axis // linear
	Layers []Series
}

// SVG draws the plot as an svg element.
func (a Area) SVG() string {
	a.X.Log, a.Y.Log, a.Y.Tight = false, false, false
	layers := make([][]Point, len(a.Layers))
	var xs []float64
	var entries []entry
	for i, l := range a.Layers {
		layers[i] = kept(l.Points, a.X, a.Y)
		slices.SortStableFunc(layers[i], func(p, q Point) int { return cmp.Compare(p.X, q.X) })
		for _, p := range layers[i] {
			xs = append(xs, p.X)
		}
		entries = append(entries, entry{l.Name, i, boxSample})
	}
	slices.Sort(xs)
	xs = slices.Compact(xs)
	c, top := begin(a.Frame, "area", plotHeight, entries)
	tops := stack(layers, xs)
	var ys []float64
	if len(tops) > 0 {
		ys = tops[len(tops)-1]
	}
	x := newScale(a.X, xs, ticksFor(c.width, 75), false)
	y := newScale(a.Y, ys, 5, true)
	p := c.axes(&x, &y, top)
	if len(xs) == 0 {
		c.noData(p)
		return c.close()
	}
	below := make([]float64, len(xs))
	for i, above := range tops {
		c.layer(i, a.Layers[i].Name, xs, below, above, x, y)
		below = above
	}
	return c.close()
}

// stack is the upper edge of each layer at each x.
func stack(layers [][]Point, xs []float64) (tops [][]float64) {
	below := make([]float64, len(xs))
	for _, l := range layers {
		above := make([]float64, len(xs))
		for i, x := range xs {
			above[i] = below[i] + max(0, valueAt(l, x))
		}
		tops, below = append(tops, above), above
	}
	return tops
}

// valueAt is a layer's height at x, by linear interpolation.
func valueAt(points []Point, x float64) float64 {
	i := sort.Search(len(points), func(i int) bool { return points[i].X >= x })
	switch {
	case len(points) == 0:
		return 0
	case i == len(points):
		return points[i-1].Y
	case i == 0 || points[i].X == x:
		return points[i].Y
	}
	p, q := points[i-1], points[i]
	return p.Y + (x-p.X)/(q.X-p.X)*(q.Y-p.Y)
}

// layer draws one layer, with its number where it is thick enough.
func (c *canvas) layer(index int, name string, xs, below, above []float64, x, y scale) {
	outline := make([][2]float64, 0, 2*len(xs))
	for i := range xs {
		outline = append(outline, [2]float64{x.at(xs[i]), y.at(above[i])})
	}
	for i := len(xs) - 1; i >= 0; i-- {
		outline = append(outline, [2]float64{x.at(xs[i]), y.at(below[i])})
	}
	c.titled("path", name, attr{"class", "plot-fill " + class(index)}, attr{"d", path(outline) + "Z"})
	// The number goes where the layer is thickest, of a few places in the right half.
	lower, upper := edge(xs, below), edge(xs, above)
	best, middle, thick := 0.0, 0.0, 0.0
	for _, share := range []float64{0.6, 0.7, 0.8, 0.9, 0.95} {
		v := xs[0] + share*(xs[len(xs)-1]-xs[0])
		low, high := y.at(valueAt(lower, v)), y.at(valueAt(upper, v))
		if low-high > thick && x.at(v) > x.from+10 && x.at(v) < x.to-10 {
			best, middle, thick = x.at(v), (low+high)/2, low-high
		}
	}
	if thick >= fontSize+2 {
		c.label(strconv.Itoa(index+1), "plot-number", "middle", best, middle+4)
	}
}

// edge is one edge of a layer as points.
func edge(xs, ys []float64) (points []Point) {
	for i, x := range xs {
		points = append(points, Point{x, ys[i]})
	}
	return points
}
