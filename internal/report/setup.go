package report

import (
	"fmt"
	"math"
	"strings"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

// minPoints is how many samples a curve takes to be worth a look.
const minPoints = 5

// rates cuts a curve into n equal spans of time and gives the rate over each.
func rates(c []result.Point, n int) []float64 {
	start, end := c[0].T, c[len(c)-1].T
	list := make([]float64, n)
	width := (end - start) / float64(n)
	next, before := 1, float64(c[0].Conns)
	for k := range list {
		at := start + width*float64(k+1)
		for next < len(c)-1 && c[next].T < at {
			next++
		}
		a, b := c[next-1], c[next]
		held := float64(b.Conns)
		if b.T > a.T {
			held = float64(a.Conns) + float64(b.Conns-a.Conns)*(at-a.T)/(b.T-a.T)
		}
		list[k], before = max(0, (held-before)/width), held
	}
	return list
}

const (
	chartRows = 4
	axisWidth = 12 // left of the chart, with the scale
)

// chart draws the setup rate over time in columns of eighths, from 0 to a round
// number above the peak.
func (t *text) chart(c []result.Point) {
	if len(c) < minPoints || c[len(c)-1].T <= c[0].T {
		return
	}
	n := min(60, t.width-axisWidth-2)
	list := rates(c, n)
	peak := 0.0
	for _, r := range list {
		peak = max(peak, r)
	}
	if peak <= 0 {
		return
	}
	top := roundUp(peak)
	for row := chartRows - 1; row >= 0; row-- {
		label := ""
		if row == chartRows-1 {
			label = unit.PerSecond(top)
		}
		t.printf("%*s ┤%s\n", axisWidth-2, label, strings.TrimRight(bars(list, top, row), " "))
	}
	end := unit.Seconds(c[len(c)-1].T)
	t.printf("%*s └%s\n", axisWidth-2, "0", strings.Repeat("─", n))
	start := unit.Seconds(c[0].T)
	if c[0].T == 0 {
		start = "0 s"
	}
	t.printf("%s%s%s\n", strings.Repeat(" ", axisWidth), start, fmt.Sprintf("%*s", n-columns(start), end))
}

var blocks = []rune(" ▁▂▃▄▅▆▇█")

// bars is one row of the chart; row 0 is the lowest.
func bars(list []float64, top float64, row int) string {
	var b strings.Builder
	for _, r := range list {
		eighths := int(math.Round(r / top * chartRows * 8))
		if eighths == 0 && r > 0 {
			eighths = 1 // little is not nothing
		}
		b.WriteRune(blocks[min(max(eighths-8*row, 0), 8)])
	}
	return b.String()
}

// roundUp is the next round number: 41,234 becomes 50,000.
func roundUp(v float64) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	for _, f := range []float64{1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8} {
		if f*unit >= v {
			return f * unit
		}
	}
	return 10 * unit
}
