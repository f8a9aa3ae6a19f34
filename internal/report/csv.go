package report

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/c10m/c10m/internal/result"
)

// ErrNoSeries is of a result that has nothing to write as CSV: a diagnosis, or a
// run that ended before its first sample.
var ErrNoSeries = errors.New("the result has no series: see --json")

// rows are figures over time or over cases, in base units: what CSV has of a
// section, and the page as a plot.
type rows struct {
	head []string // names as in the result file
	list [][]any  // float64, string, or nil for what was not measured
}

func (r *rows) add(cells ...any) { r.list = append(r.list, cells) }

// WriteCSV writes the rows of a report's last section that has any: what a lab found
// out before latency over the time of an echo, and that before the curve of the ramp.
func WriteCSV(w io.Writer, r *result.Result) error {
	if r.Diagnosis != nil {
		return ErrNoSeries
	}
	return sheet{Sections: append(openedSections(r), foundSections(r)...)}.csv(w)
}

func csvCell(v any) string {
	switch v := v.(type) {
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case string:
		return v
	}
	return ""
}

// labCSV are those of a lab's outcome.
func labCSV(r *result.Result) rows {
	if series := outcomeOf(r).csv; series != nil {
		return series(r)
	}
	return rows{}
}

func churnCSV(c *result.Churn) rows {
	r := rows{head: []string{"t", "time_wait_client", "time_wait_server", "time_wait_others", "local_ports_used",
		"rate"}}
	for _, s := range c.Series {
		r.add(s.T, float64(s.TimeWait.Client), known(s.TimeWait.Server), known(s.TimeWait.Others),
			float64(s.LocalPortsUsed), s.Rate)
	}
	return r
}

func matrixCSV(m *result.ChurnMatrix) rows {
	r := rows{head: []string{"mode", "closed_first", "tcp_tw_reuse", "rate", "p50_ns", "p99_ns", "conn_rate",
		"time_wait_client", "time_wait_server", "local_ports_used", "no_port", "exhausted_after_seconds"}}
	for _, c := range m.Cells {
		r.add(c.Mode, c.ClosedFirst, known(c.TWReuse), c.Rate, known(c.P50), known(c.P99), c.ConnRate,
			float64(c.TimeWait.Client), known(c.TimeWait.Server), float64(c.LocalPortsUsed),
			float64(c.NoPort), known(c.ExhaustedAfter))
	}
	return r
}

func peakCSV(p *result.Peak) rows {
	r := rows{head: []string{"users", "rate", "p50_ns", "p99_ns", "error_share", "broke"}}
	for _, s := range p.Steps {
		r.add(float64(s.Users), s.Rate, known(s.P50), known(s.P99), s.ErrorShare, s.Broke)
	}
	return r
}

func soakCSV(s *result.Soak) rows {
	r := rows{head: []string{"t", "server_bytes", "kernel_bytes", "fds", "close_wait"}}
	workers := workersOf(s)
	for _, w := range workers {
		r.head = append(r.head, fmt.Sprintf("worker_%d_bytes", w))
	}
	for _, s := range s.Series {
		row := []any{s.T, known(s.Server), known(s.Kernel), known(s.FDs), known(s.CloseWait)}
		for _, w := range workers {
			row = append(row, workerMemory(s, w))
		}
		r.add(row...)
	}
	return r
}

// sweepCSV has a row for every run of every variant.
func sweepCSV(s *result.Sweep) (r rows) {
	if len(s.Variants) == 0 {
		return r
	}
	for _, c := range s.Variants[0].Choices {
		r.head = append(r.head, c.Name)
	}
	r.head = append(r.head, "run", s.Metric)
	for _, v := range s.Variants {
		for i, value := range v.Values {
			var row []any
			for _, c := range v.Choices {
				row = append(row, c.Value)
			}
			r.add(append(row, float64(i+1), value)...)
		}
	}
	return r
}

// rampCSV are the curve of a ramp.
func rampCSV(s *result.Setup) (r rows) {
	r.head = []string{"t", "conns", "rate"}
	for _, p := range s.Curve {
		r.add(p.T, float64(p.Conns), p.Rate)
	}
	return r
}

// heatCSV is latency over time: from when on, how many echoes came in each piece,
// and below what half and 99 % of them were.
func heatCSV(h *result.Heat) (r rows) {
	if h == nil {
		return r
	}
	r.head = []string{"t", "echoes", "p50_ns", "p99_ns"}
	for i, column := range h.Counts {
		n := int64(0)
		for _, count := range column {
			n += count
		}
		if n == 0 {
			r.add(float64(i)*h.Seconds, 0.0, nil, nil)
			continue
		}
		r.add(float64(i)*h.Seconds, float64(n), float64(h.Quantile(i, 0.5)), float64(h.Quantile(i, 0.99)))
	}
	return r
}
