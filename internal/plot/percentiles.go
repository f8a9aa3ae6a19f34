package plot

import (
	"math"
	"strconv"

	"github.com/c10m/c10m/internal/unit"
)

// Percentiles is a percentile plot, as HdrHistogram draws latencies: at share X the
// value Y that a share X of all values does not exceed. Both axes are logarithmic, the
// horizontal one in 1/(1-X): 90%, 99% and 99.9% are equally far apart.
type Percentiles struct {
	Frame
	Y      Axis     // always logarithmic
	Series []Series // X: shares 0..1, Y: values
}

// rarest is the smallest 1-X that is drawn.
const rarest = 1e-9

// SVG draws the plot as an svg element.
func (q Percentiles) SVG() string {
	q.Y.Log = true
	end := 10.0 // of the horizontal axis, as 1/(1-share)
	for _, s := range q.Series {
		for _, p := range s.Points {
			if p.X >= 0 && p.X < 1 && q.Y.drawable(p.Y) {
				end = max(end, 1/max(1-p.X, rarest))
			}
		}
	}
	l := Line{Frame: q.Frame, Y: q.Y, X: Axis{Title: "percentile", Log: true}}
	var ys []float64
	var entries []entry
	for i, s := range q.Series {
		line := Series{Name: s.Name}
		for _, p := range s.Points {
			if !(p.X >= 0 && p.X <= 1) || !q.Y.drawable(p.Y) {
				continue
			}
			// The maximum, at share 1, would be infinitely far right: it goes to the end.
			line.Points = append(line.Points, Point{min(1/max(1-p.X, rarest), end*1.3), p.Y})
			ys = append(ys, p.Y)
		}
		l.Series = append(l.Series, line)
		entries = append(entries, entry{s.Name, i, lineSample})
	}
	c, top := begin(l.Frame, "percentiles", plotHeight, entries)
	x := scale{lo: 1, hi: end * 1.3, log: true, title: l.X.Title}
	for _, t := range []float64{1, 2} {
		x.ticks = append(x.ticks, tick{t, nines(t)})
	}
	for t := 10.0; t <= x.hi; t *= 10 {
		x.ticks = append(x.ticks, tick{t, nines(t)})
	}
	y := newScale(l.Y, ys, 5, true)
	p := c.axes(&x, &y, top)
	if len(ys) == 0 {
		c.noData(p)
	}
	for i, s := range l.Series {
		c.percentile(i, s, x, y, l.Y.Unit)
	}
	return c.close()
}

// percentile draws one line with its marks, which show their percentile.
func (c *canvas) percentile(index int, s Series, x, y scale, u unit.Scale) {
	at := make([][2]float64, len(s.Points))
	for i, p := range s.Points {
		at[i] = [2]float64{x.at(p.X), y.at(p.Y)}
	}
	if len(at) > 1 {
		c.line(index, at)
	}
	last := -marksEach
	for i, p := range s.Points {
		if at[i][0]-last >= marksEach/2 || i == len(at)-1 {
			last = at[i][0]
			c.mark(index, at[i][0], at[i][1], nines(p.X)+": "+u.Label(p.Y))
		}
	}
}

// nines writes 1/(1-share) as a percentage: 100 is 99%.
func nines(x float64) string {
	digits := max(0, int(math.Floor(math.Log10(x)+1e-9))-2)
	return strconv.FormatFloat(math.Floor((1-1/x)*math.Pow10(digits+2)+1e-6)/math.Pow10(digits), 'f', digits, 64) + "%"
}
