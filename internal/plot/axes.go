package plot

// area is where the values are drawn, in pixels.
type area struct{ left, right, top, bottom float64 }

// begin opens a picture and draws its legend. It returns the place below it.
func begin(f Frame, kind string, height int, entries []entry) (*canvas, float64) {
	c := &canvas{width: float64(f.Width), height: float64(f.Height)}
	if f.Width <= 0 {
		c.width = Wide
	}
	c.width = max(c.width, 200)
	rows := legendRows(entries, c.width)
	if f.Height <= 0 {
		c.height = float64(height) + lineHigh*float64(len(rows))
		if f.Standalone {
			c.height += lineHigh + 8
		}
	}
	c.height = max(c.height, 160+lineHigh*float64(len(rows)))
	c.open(f, kind)
	top := 4.0
	if f.Standalone {
		top += lineHigh + 8
	}
	for _, row := range rows {
		c.legend(row, top)
		top += lineHigh
	}
	return c, top
}

// axes draws both axes with their grid and titles, and returns the place between them.
// It also sets the pixels of the scales.
func (c *canvas) axes(x, y *scale, top float64) area {
	widest := 0.0
	for _, t := range y.ticks {
		widest = max(widest, textWidth(t.label))
	}
	p := area{left: min(widest+14, c.width/2), right: c.width - 16, top: top + lineHigh + 12,
		bottom: c.height - 2*lineHigh - 8}
	x.from, x.to = p.left, p.right
	y.from, y.to = p.bottom, p.top
	c.text("text", y.title, attr{"class", "plot-axis"}, attr{"x", 4.0}, attr{"y", top + fontSize + 2})
	for _, t := range y.ticks {
		at := y.at(t.at)
		c.rule("plot-grid", p.left, p.right, at, at)
		c.label(t.label, "plot-tick", "end", p.left-6, at+4)
	}
	c.xAxis(*x, p)
	return p
}

// xAxis draws the ticks below, leaving out labels that would touch.
func (c *canvas) xAxis(x scale, p area) {
	c.rule("plot-base", p.left, p.right, p.bottom, p.bottom)
	end := -c.width
	for _, t := range x.ticks {
		at, half := x.at(t.at), textWidth(t.label)/2
		c.rule("plot-base", at, at, p.bottom, p.bottom+4)
		middle := max(half, min(at, c.width-half))
		if middle-half < end+8 {
			continue
		}
		end = middle + half
		c.label(t.label, "plot-tick", "middle", middle, p.bottom+lineHigh)
	}
	c.label(x.title, "plot-axis", "end", p.right, p.bottom+2*lineHigh)
}

// noData writes "no data" in the middle of an empty plot.
func (c *canvas) noData(p area) {
	c.label("no data", "plot-empty", "middle", (p.left+p.right)/2, (p.top+p.bottom)/2)
}

// ticksFor is how many labels of each pixels have room along px pixels, at least 2.
func ticksFor(px, each float64) int { return int(max(2, px/each)) }
