package report

import (
	"fmt"

	"github.com/c10m/c10m/internal/plot"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

// stageTables are the stages of a run, if it had any.
func stageTables(r *result.Result) []Table {
	if len(r.Stages) == 0 {
		return nil
	}
	t := Table{Title: "Stages", Columns: []Column{{"stage", unit.InText}, {"asked", unit.InCount},
		{"reached", unit.InCount}, {"rate", unit.InPerSecond}, {"took", unit.InSeconds}, {"lost", unit.InCount},
		{"server", unit.InBytes}, {"machine", unit.InBytes}}, Note: stageNote(r)}
	for _, s := range r.Stages {
		row := []any{s.Name + " " + string(s.Kind), float64(s.Asked), float64(s.Reached), nil, s.Seconds,
			float64(s.Lost), nil, nil}
		if s.Rate > 0 {
			row[3] = s.Rate
		}
		if s.Memory != nil {
			row[6], row[7] = known(s.Memory.Server), float64(s.Memory.System)
		}
		t.Rows = append(t.Rows, row)
	}
	return []Table{t}
}

// stageNote says what the columns are of, and to what the cost of a connection is
// fitted.
func stageNote(r *result.Result) string {
	note := "Memory in use is that at the end of a stage. On a way down the newest connections close first."
	if m := r.Memory; m.Measured() && r.Reconcile != nil {
		note += fmt.Sprintf(" Memory per connection is of the first way up, to %s.",
			Plural(r.Reconcile.Client, "connection"))
	}
	return note
}

// coursePlot is how many connections were open over all stages, beside what was
// asked for.
func coursePlot(r *result.Result) (figure, bool) {
	if len(r.Course) < 2 {
		return figure{}, false
	}
	var open []plot.Point
	for _, p := range r.Course {
		open = append(open, plot.Point{X: p.T, Y: float64(p.Conns)})
	}
	return drawn("Connections over the stages",
		fmt.Sprintf("Open at this end, over %s.", Plural(len(r.Stages), "stage")),
		func(f plot.Frame) string {
			return plot.Line{Frame: f, X: timeAxis, Y: connAxis,
				Series: []plot.Series{{Name: "open", Points: open}}}.SVG()
		}), true
}
