package report

import (
	"fmt"
	"strings"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

// shades are for the share of a column's messages: none, any, 1 %, 10 %, 33 %.
var shades = []rune(" ·░▒█")

// heat draws latency over time: a column a piece of the run, a row a range of
// latency, the darker the more of its messages.
func (t *text) heat(h *result.Heat) {
	if h == nil || len(h.Counts) == 0 {
		return
	}
	low, high := rowsUsed(h)
	if low > high {
		return
	}
	t.title("Latency over time")
	const lead = 12
	width := min(len(h.Counts), t.width-lead-1)
	for row := high; row >= low; row-- {
		label := "longer"
		if row < len(h.Bounds) {
			label = "<= " + unit.Nanos(h.Bounds[row])
		}
		var b strings.Builder
		for col := range width {
			b.WriteRune(shadeOf(h, col*len(h.Counts)/width, row))
		}
		t.printf("%s\n", strings.TrimRight(fmt.Sprintf("%*s %s", lead-1, label, "│"+b.String()), " "))
	}
	t.printf("%s\n", strings.Repeat(" ", lead)+"└"+strings.Repeat("─", width-1))
	t.printf("%s\n", wrap(strings.Repeat(" ", lead), "0 to "+unit.Seconds(h.Seconds*float64(len(h.Counts)))+
		"; of the messages then · are some, ░ 1 %, ▒ 10 %, █ a third", t.width))
}

func rowsUsed(h *result.Heat) (low, high int) {
	low, high = len(h.Bounds), 0
	for _, column := range h.Counts {
		for row, n := range column {
			if n > 0 {
				low, high = min(low, row), max(high, row)
			}
		}
	}
	return low, high
}

func shadeOf(h *result.Heat, col, row int) rune {
	sum := int64(0)
	for _, n := range h.Counts[col] {
		sum += n
	}
	n := h.Counts[col][row]
	switch {
	case n == 0:
		return shades[0]
	case 3*n >= sum:
		return shades[4]
	case 10*n >= sum:
		return shades[3]
	case 100*n >= sum:
		return shades[2]
	}
	return shades[1]
}
