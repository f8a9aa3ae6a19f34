package plot

import "strconv"

// entry is one line of a legend.
type entry struct {
	name   string
	index  int // of the series, from 0
	sample sample
}

// sample is the sign that stands before the name.
type sample int

const (
	lineSample sample = iota
	dotSample
	fitSample
	boxSample // a box with the series' number
)

const (
	sampleWidth = 28.0
	entryGap    = 18.0
)

// legendRows breaks a legend into lines that fit. One unnamed entry needs none.
func legendRows(entries []entry, width float64) (rows [][]entry) {
	used := 0.0
	for _, e := range entries {
		if e.name == "" {
			continue
		}
		need := sampleWidth + textWidth(e.name) + entryGap
		if len(rows) == 0 || used+need > width {
			rows, used = append(rows, nil), 4
		}
		last := len(rows) - 1
		rows[last] = append(rows[last], e)
		used += need
	}
	return rows
}

// legend draws one line of a legend.
func (c *canvas) legend(row []entry, top float64) {
	x, middle := 4.0, top+lineHigh/2
	for _, e := range row {
		color := class(e.index)
		switch e.sample {
		case boxSample:
			c.shape("rect", attr{"class", "plot-fill " + color}, attr{"x", x}, attr{"y", middle - 7},
				attr{"width", 20.0}, attr{"height", 14.0})
			c.label(strconv.Itoa(e.index+1), "plot-number", "middle", x+10, middle+4)
		case dotSample:
			c.mark(e.index, x+11, middle, "")
		case fitSample:
			c.shape("path", attr{"class", "plot-fit " + color}, attr{"d", path([][2]float64{{x, middle}, {x + 22, middle}})})
		case lineSample:
			c.line(e.index, [][2]float64{{x, middle}, {x + 22, middle}})
			if e.index > 0 {
				c.mark(e.index, x+11, middle, "")
			}
		}
		c.text("text", e.name, attr{"class", "plot-label"}, attr{"x", x + sampleWidth}, attr{"y", middle + 4})
		x += sampleWidth + textWidth(e.name) + entryGap
	}
}

// class is the color of a series.
func class(index int) string { return "plot-s" + strconv.Itoa(index%palette+1) }

// dashes tell the lines apart without color.
var dashes = [palette]string{"", "7 3", "2 3", "9 3 2 3", "5 2 1 2 1 2", "12 4", "4 4", "1 2"}

func (c *canvas) line(index int, points [][2]float64) {
	attrs := []attr{{"class", "plot-line " + class(index)}, {"d", path(points)}}
	if d := dashes[index%palette]; d != "" {
		attrs = append(attrs, attr{"stroke-dasharray", d})
	}
	c.shape("path", attrs...)
}

// marks are shapes around 0,0: circle, square, triangle, diamond. Series after the
// fourth have the same four hollow.
var marks = [palette / 2][][2]float64{
	nil, // a circle
	{{-3, -3}, {3, -3}, {3, 3}, {-3, 3}},
	{{0, -4}, {4, 3}, {-4, 3}},
	{{0, -4.5}, {4.5, 0}, {0, 4.5}, {-4.5, 0}},
}

// mark draws the mark of a series at x, y; said is shown when the pointer is over it.
func (c *canvas) mark(index int, x, y float64, said string) {
	fill := "plot-mark "
	if index%palette >= len(marks) {
		fill = "plot-hollow "
	}
	name, attrs := "circle", []attr{{"class", fill + class(index)}}
	if shape := marks[index%len(marks)]; shape == nil {
		attrs = append(attrs, attr{"cx", x}, attr{"cy", y}, attr{"r", 3.0})
	} else {
		name = "path"
		at := make([][2]float64, len(shape))
		for i, p := range shape {
			at[i] = [2]float64{x + p[0], y + p[1]}
		}
		attrs = append(attrs, attr{"d", path(at) + "Z"})
	}
	if said == "" {
		c.shape(name, attrs...)
		return
	}
	c.titled(name, said, attrs...)
}
