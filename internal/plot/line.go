package plot

import (
	"github.com/c10m/c10m/internal/unit"
)

// Line is curves, dots and fitted lines over two axes.
type Line struct {
	Frame
	X, Y   Axis
	Series []Series
}

const plotHeight = 280

// SVG draws the plot as an svg element.
func (l Line) SVG() string {
	var xs, ys []float64
	var entries []entry
	points := make([][]Point, len(l.Series))
	for i, s := range l.Series {
		points[i] = kept(s.Points, l.X, l.Y)
		for _, p := range points[i] {
			xs, ys = append(xs, p.X), append(ys, p.Y)
		}
		entries = append(entries, entry{s.Name, i, sample(s.Style)})
	}
	for i := range entries {
		switch l.Series[i].Style {
		case Dots:
			entries[i].sample = dotSample
		case Dashed:
			entries[i].sample = fitSample
		default:
			entries[i].sample = lineSample
		}
	}
	c, top := begin(l.Frame, "lines", plotHeight, entries)
	x := newScale(l.X, xs, ticksFor(c.width, 75), false)
	y := newScale(l.Y, ys, 5, true)
	p := c.axes(&x, &y, top)
	if len(xs) == 0 {
		c.noData(p)
	}
	for i, s := range l.Series {
		c.series(i, s.Style, points[i], x, y, l.X.Unit, l.Y.Unit)
	}
	return c.close()
}

const (
	marksEach = 60.0 // pixels between two marks of a line
	fewPoints = 40   // lines of at most so many points have a mark at each
)

// series draws one line.
func (c *canvas) series(index int, style Style, points []Point, x, y scale, xu, yu unit.Scale) {
	at := make([][2]float64, len(points))
	for i, p := range points {
		at[i] = [2]float64{x.at(p.X), y.at(p.Y)}
	}
	if style == Dots {
		for i, p := range points {
			c.mark(index, at[i][0], at[i][1], xu.Label(p.X)+": "+yu.Label(p.Y))
		}
		return
	}
	if len(at) > 1 {
		if style == Dashed {
			c.shape("path", attr{"class", "plot-fit " + class(index)}, attr{"d", path(at)})
			return
		}
		c.line(index, at)
	}
	if index == 0 && len(at) > fewPoints {
		return // the plain line needs no marks
	}
	last := -marksEach
	for i, p := range points {
		if len(at) <= fewPoints || at[i][0]-last >= marksEach {
			last = at[i][0]
			c.mark(index, at[i][0], at[i][1], xu.Label(p.X)+": "+yu.Label(p.Y))
		}
	}
}
