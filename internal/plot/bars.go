package plot

import (
	"math"
	"slices"
	"strconv"

	"github.com/c10m/c10m/internal/unit"
)

// Bars is horizontal bars of stacked parts. Parts of the same name have the
// same color and number in each bar. Values of 0 and below are left out.
type Bars struct {
	Frame
	X    Axis // linear, from 0
	Bars []Bar
}

// Bar is one row.
type Bar struct {
	Name  string
	Parts []Part
}

// Part is one piece of a bar.
type Part struct {
	Name  string
	Value float64
}

const (
	barHigh = 26.0
	barGap  = 30.0 // above a bar, for its name
)

// SVG draws the plot as an svg element.
func (b Bars) SVG() string {
	b.X.Log, b.X.Tight = false, false
	names, sums := b.gather()
	var entries []entry
	if len(names) > 1 { // one kind of part needs no legend
		for i, name := range names {
			entries = append(entries, entry{b.legend(name), i, boxSample})
		}
	}
	c, top := begin(b.Frame, "bars", int(float64(len(b.Bars))*(barHigh+barGap))+3*lineHigh, entries)
	x := newScale(b.X, sums, ticksFor(c.width, 75), true)
	p := area{left: 8, right: c.width - 16, top: top, bottom: c.height - 2*lineHigh - 8}
	x.from, x.to = p.left, p.right
	for _, t := range x.ticks {
		c.rule("plot-grid", x.at(t.at), x.at(t.at), p.top, p.bottom)
	}
	c.xAxis(x, p)
	if len(names) == 0 {
		c.noData(p)
		return c.close()
	}
	each := (p.bottom - p.top) / float64(len(b.Bars))
	for i, bar := range b.Bars {
		c.bar(bar, sums[i], names, x, b.X.Unit, p.top+float64(i)*each, each)
	}
	return c.close()
}

// drawn says whether a part has a width.
func (p Part) drawn() bool { return p.Value > 0 && p.Value <= largest }

// gather returns the names of the parts in the order in which they appear, and each
// bar's sum.
func (b Bars) gather() (names []string, sums []float64) {
	for _, bar := range b.Bars {
		sum := 0.0
		for _, p := range bar.Parts {
			if !p.drawn() {
				continue
			}
			sum = math.Min(sum+p.Value, largest)
			if !slices.Contains(names, p.Name) {
				names = append(names, p.Name)
			}
		}
		sums = append(sums, sum)
	}
	return names, sums
}

// legend is what the legend says of a part: its name, and its value where there is only
// one bar.
func (b Bars) legend(name string) string {
	if len(b.Bars) != 1 {
		return name
	}
	sum := 0.0
	for _, p := range b.Bars[0].Parts {
		if p.Name == name && p.drawn() {
			sum += p.Value
		}
	}
	return name + " " + b.X.Unit.Label(sum)
}

// bar draws one row: its name and sum above, its parts side by side.
func (c *canvas) bar(b Bar, sum float64, names []string, x scale, u unit.Scale, top, each float64) {
	high := min(barHigh, each-lineHigh)
	y := top + (each-high-lineHigh)/2 + lineHigh
	title := u.Label(sum)
	if len(b.Parts) == 0 {
		title = "no data"
	}
	if b.Name != "" {
		title = b.Name + ": " + title
	}
	c.text("text", title, attr{"class", "plot-label"}, attr{"x", x.from}, attr{"y", y - 5})
	done := 0.0
	for _, p := range b.Parts {
		if !p.drawn() {
			continue
		}
		index := slices.Index(names, p.Name)
		from, to := x.at(done), x.at(done+p.Value)
		done += p.Value
		c.titled("rect", p.Name+": "+u.Label(p.Value), attr{"class", "plot-fill " + class(index)},
			attr{"x", from}, attr{"y", y}, attr{"width", to - from}, attr{"height", max(high, 1)})
		if number := strconv.Itoa(index + 1); len(names) > 1 && to-from > textWidth(number)+4 {
			c.label(number, "plot-number", "middle", (from+to)/2, y+high/2+4)
		}
	}
}
