package plot

import (
	"math"
	"strconv"

	"github.com/c10m/c10m/internal/unit"
)

// Heat is a heat map: in which row the values of each column lie, such as latencies
// over time. The darker a cell, the larger its share of its column; the scale is
// logarithmic, so that one in a thousand can still be seen. A cell shows its share when
// the pointer is over it.
type Heat struct {
	Frame
	X Axis // linear, from 0
	Y Axis
	// Step is the width of a column, in the unit of X.
	Step float64
	// Bounds are the upper ends of the rows, ascending, in the unit of Y; one more row has
	// no upper end. Counts[column][row] is how many values lie there; rows beyond that one
	// are left out.
	Bounds []float64
	Counts [][]int64
}

const (
	cellWidth   = 4.0  // least width of a column in pixels; narrower ones are merged
	faintest    = 1e-3 // the share that is drawn faintest
	faintInk    = 0.12
	labelsInAll = 7
)

// SVG draws the plot as an svg element.
func (h Heat) SVG() string {
	h.X.Log, h.X.Tight = false, false
	c, top := begin(h.Frame, "heat", plotHeight, nil)
	top = c.shades(top)
	low, high := h.used()
	if !(h.Step > 0 && h.Step <= largest) || high < low {
		x, y := newScale(h.X, nil, 4, false), newScale(Axis{Title: h.Y.Title}, nil, 4, true)
		c.noData(c.axes(&x, &y, top))
		return c.close()
	}
	x := newScale(h.X, []float64{h.Step * float64(len(h.Counts))}, ticksFor(c.width, 75), false)
	y := scale{lo: float64(low), hi: float64(high + 1), title: h.Y.Title}
	every := (high - low + labelsInAll) / labelsInAll
	for row := low; row <= high; row += every {
		label := "longer"
		if row < len(h.Bounds) && h.Y.drawable(h.Bounds[row]) {
			label = "≤ " + h.Y.Unit.Label(h.Bounds[row])
		}
		y.ticks = append(y.ticks, tick{float64(row + 1), label})
	}
	p := c.axes(&x, &y, top)
	together := max(1, int(math.Ceil(float64(len(h.Counts))*cellWidth/(p.right-p.left))))
	for first := 0; first < len(h.Counts); first += together {
		h.column(c, x, y, first, min(first+together, len(h.Counts)), low, high)
	}
	return c.close()
}

// used returns the lowest and the highest row that has values.
func (h Heat) used() (low, high int) {
	low, high = len(h.Bounds), -1
	for _, column := range h.Counts {
		for row, n := range column {
			if n > 0 && row <= len(h.Bounds) {
				low, high = min(low, row), max(high, row)
			}
		}
	}
	return low, high
}

// column draws the columns first..end-1 as one.
func (h Heat) column(c *canvas, x, y scale, first, end, low, high int) {
	sum, rows := 0.0, make([]float64, high+1)
	for _, column := range h.Counts[first:end] {
		for row, n := range column {
			if n > 0 && row <= high {
				rows[row] += float64(n)
				sum += float64(n)
			}
		}
	}
	left, right := x.at(h.Step*float64(first)), x.at(h.Step*float64(end))
	for row := low; row <= high; row++ {
		if rows[row] == 0 {
			continue
		}
		upper, lower := y.at(float64(row+1)), y.at(float64(row))
		share := rows[row] / sum
		c.titled("rect", h.X.Unit.Label(h.Step*float64(first))+": "+unit.PercentScale.Label(share),
			attr{"class", "plot-cell plot-s1"}, attr{"fill-opacity", ink(share)},
			attr{"x", left}, attr{"y", upper}, attr{"width", right - left}, attr{"height", lower - upper})
	}
}

// ink is the opacity of a share's cell.
func ink(share float64) string {
	dark := 1 - math.Log10(max(share, faintest))/math.Log10(faintest)
	return strconv.FormatFloat(faintInk+(1-faintInk)*dark, 'f', 2, 64)
}

// shades draws the legend, which says how dark which share is.
func (c *canvas) shades(top float64) float64 {
	at, middle := 4.0, top+lineHigh/2
	for _, share := range []float64{0.001, 0.01, 0.1, 1} {
		label := unit.PercentScale.Label(share)
		if at+sampleWidth+textWidth(label) > c.width {
			break
		}
		c.shape("rect", attr{"class", "plot-cell plot-s1"}, attr{"fill-opacity", ink(share)}, attr{"x", at},
			attr{"y", middle - 7}, attr{"width", 20.0}, attr{"height", 14.0})
		c.text("text", label, attr{"class", "plot-label"}, attr{"x", at + sampleWidth}, attr{"y", middle + 4})
		at += sampleWidth + textWidth(label) + entryGap/2
	}
	return top + lineHigh
}
