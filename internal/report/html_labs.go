package report

import (
	"fmt"
	"math"
	"slices"

	"github.com/c10m/c10m/internal/plot"
	"github.com/c10m/c10m/internal/unit"
)

// onPage sets what a section has in its own way as tables and figures. Latency over
// time is among the plots.
func (s section) onPage() section {
	if s.Lab != nil {
		s.Tables = filled(labTable(*s.Lab))
		if s.Lab.Note != "" {
			s.Notes = []string{s.Lab.Note}
		}
		if f, ok := labPlot(*s.Lab); ok {
			s.Figures = append([]figure{f}, s.Figures...)
		}
	}
	if len(s.Findings) > 0 {
		s.Tables, s.Class = filled(findingTable(s.Findings)), "full"
	}
	if len(s.Verdicts) > 0 {
		s.Tables, s.Class = filled(verdictTable(s.Verdicts)), "full"
	}
	return s
}

// first says whether a page begins with a section: it is what a reader looks for.
func (s section) first() bool { return s.Answer || len(s.Findings)+len(s.Verdicts)+len(s.Warnings) > 0 }

// labTable names its rows by the first column.
func labTable(t Table) table {
	all := table{Title: t.Title}
	if len(t.Columns) > 0 {
		all.First = t.Columns[0].Name
	}
	for i, c := range t.Columns {
		if i > 0 {
			all.Head, all.Texts = append(all.Head, c.Name), append(all.Texts, c.Unit == unit.InText)
		}
	}
	if last := len(all.Head) - 1; t.Words && last >= 0 {
		all.Head, all.Words = all.Head[:last], all.Head[last]
	}
	for n, row := range t.Rows {
		if left := len(t.Rows) - 2*shownRows; left > 1 && n >= shownRows && n < shownRows+left {
			if n == shownRows {
				all.add("…", fmt.Sprintf("%s more in the result file", Plural(left, "row")))
			}
			continue
		}
		cells := make([]string, min(len(row), len(t.Columns)))
		for i := range cells {
			cells[i] = Cell(row[i], t.Columns[i].Unit)
		}
		switch last := len(cells) - 1; {
		case t.Words && last > 0:
			all.Rows = append(all.Rows, line{Name: cells[0], Values: cells[1:last], Note: cells[last]})
		case last >= 0:
			all.add(cells[0], cells[1:]...)
		}
	}
	return all
}

// shownRows is how many rows of a long table a page shows at either end.
const shownRows = 30

// labPlot draws the column that a table wants drawn: over the first column where
// that is a number and rises, a bar a row otherwise.
func labPlot(t Table) (figure, bool) {
	at := slices.IndexFunc(t.Columns, func(c Column) bool { return t.Plot != "" && c.Name == t.Plot })
	if at < 0 || len(t.Rows) < 2 {
		return figure{}, false
	}
	axis := func(c Column) plot.Axis {
		return plot.Axis{Title: c.Name, Unit: c.Unit.Scale()}
	}
	y := axis(t.Columns[at])
	if len(t.curves) > 0 {
		return drawn(t.Plot, "", func(f plot.Frame) string {
			return plot.Line{Frame: f, X: axis(t.Columns[0]), Y: y, Series: t.curves}.SVG()
		}), true
	}
	if points, over := labCurve(t, at); points != nil {
		return drawn(t.Plot, "", func(f plot.Frame) string {
			return plot.Line{Frame: f, X: axis(t.Columns[over]), Y: y, Series: []plot.Series{{Points: points}}}.SVG()
		}), true
	}
	var bars []plot.Bar
	for _, row := range t.Rows {
		bar := plot.Bar{Name: rowLabel(t, row, at)}
		if n, ok := row[at].(float64); ok {
			bar.Parts = []plot.Part{{Name: t.Plot, Value: n}}
		}
		bars = append(bars, bar)
	}
	return drawn(t.Plot, "", func(f plot.Frame) string { return plot.Bars{Frame: f, X: y, Bars: bars}.SVG() }),
		len(bars) <= 2*shownRows
}

// fewRows of a table that does not say what to draw over are better seen as bars.
const fewRows = 8

// labCurve is a column over the one that the table names, or in a table of many
// rows over the first; nil if that does not rise.
func labCurve(t Table, at int) (points []plot.Point, over int) {
	over = slices.IndexFunc(t.Columns, func(c Column) bool { return t.Over != "" && c.Name == t.Over })
	if over < 0 && len(t.Rows) > fewRows {
		over = 0
	}
	if over < 0 || at == over {
		return nil, 0
	}
	last := math.Inf(-1)
	for _, row := range t.Rows {
		x, isNumber := row[over].(float64)
		if !isNumber || x < last || x == last && t.Over == "" {
			return nil, 0
		}
		last = x
		if y, ok := row[at].(float64); ok {
			points = append(points, plot.Point{X: x, Y: y})
		}
	}
	return points, over
}

// findingTable is what limits, severest first.
func findingTable(list []told) table {
	t := table{Title: "Severest first", First: "finding", Head: []string{"how much"},
		Words: "what was seen, what it means, what helps"}
	for _, f := range list {
		word, class := f.matters()
		t.Rows = append(t.Rows, line{Name: f.Name, Values: []string{word}, Note: f.because(), Class: class})
	}
	return t
}
