package plot

import (
	"math"
	"strconv"

	"github.com/c10m/c10m/internal/unit"
)

// Heat is how many of a column's things lie in which row: latencies over time,
// for example. The darker a cell, the larger its share of its column; the
// scale is logarithmic, so that one in a thousand is still seen. Cells say their
// share when they are pointed at.
type Heat struct {
	Frame
	X Axis // linear, from 0
	Y Axis
	// Step is how much of X a column takes.
	Step float64
	// Bounds are the upper ends of the rows, rising; a last row beyond them has
	// none. Counts are by column, then by row; what has no row is left out.
	Bounds []float64
	Counts [][]int64
}

const (
	cellWidth   = 4.0  // pixels that a column takes at least: more are put together
	faintest    = 1e-3 // share that is drawn faintest
	faintInk    = 0.12
	labelsInAll = 7
)

// SVG draws it.
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

// used is the lowest and the highest row with anything in it.
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
		c.titled("rect", h.X.Unit.Label(h.Step*float64(first))+": "+unit.PercentScale.Label(share), attr{"class", "plot-cell plot-s1"}, attr{"fill-opacity", ink(share)},
			attr{"x", left}, attr{"y", upper}, attr{"width", right - left}, attr{"height", lower - upper})
	}
}

// ink is how dark a share is.
func ink(share float64) string {
	dark := 1 - math.Log10(max(share, faintest))/math.Log10(faintest)
	return strconv.FormatFloat(faintInk+(1-faintInk)*dark, 'f', 2, 64)
}

// shades is the legend: what darkness means which share.
func (c *canvas) shades(top float64) float64 {
	at, middle := 4.0, top+lineHigh/2
	for _, share := range []float64{0.001, 0.01, 0.1, 1} {
		label := unit.PercentScale.Label(share)
		if at+sampleWidth+textWidth(label) > c.width {
			break
		}
		c.shape("rect", attr{"class", "plot-cell plot-s1"}, attr{"fill-opacity", ink(share)}, attr{"x", at}, attr{"y", middle - 7}, attr{"width", 20.0}, attr{"height", 14.0})
		c.text("text", label, attr{"class", "plot-label"}, attr{"x", at + sampleWidth}, attr{"y", middle + 4})
		at += sampleWidth + textWidth(label) + entryGap/2
	}
	return top + lineHigh
}
