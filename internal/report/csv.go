package report

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/c10m/c10m/internal/result"
)

// ErrNoSeries is of a result that has nothing to write as CSV: a diagnosis, or a
// run that ended before its first sample.
var ErrNoSeries = errors.New("the result has no series: see --json")

// WriteCSV writes the series of a result, RFC 4180, in base units, with the names
// of the result file as a header: the curve of a ramp, latency over the time of an
// echo, what a churn and a soak saw over time, the steps of a peak, the cells of a
// matrix, the variants of a sweep. What was not measured is empty.
func WriteCSV(w io.Writer, r *result.Result) error {
	head, rows := series(r)
	if len(rows) == 0 {
		return ErrNoSeries
	}
	var b bytes.Buffer
	out := csv.NewWriter(&b)
	_ = out.Write(head) // to memory
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, v := range row {
			cells[i] = csvCell(v)
		}
		_ = out.Write(cells)
	}
	out.Flush()
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write series: %w", err)
	}
	return nil
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

// series are the rows of a result's CSV, with a header.
func series(r *result.Result) (head []string, rows [][]any) {
	switch {
	case r.Churn != nil:
		for _, s := range r.Churn.Series {
			rows = append(rows, []any{s.T, float64(s.TimeWait.Client), known(s.TimeWait.Server),
				known(s.TimeWait.Others), float64(s.LocalPortsUsed), s.Rate})
		}
		return []string{"t", "time_wait_client", "time_wait_server", "time_wait_others", "local_ports_used", "rate"},
			rows
	case r.ChurnMatrix != nil:
		for _, c := range r.ChurnMatrix.Cells {
			rows = append(rows, []any{c.Mode, c.ClosedFirst, known(c.TWReuse), c.Rate, known(c.P50), known(c.P99),
				c.ConnRate, float64(c.TimeWait.Client),
				known(c.TimeWait.Server), float64(c.LocalPortsUsed), float64(c.NoPort), known(c.ExhaustedAfter)})
		}
		return []string{"mode", "closed_first", "tcp_tw_reuse", "rate", "p50_ns", "p99_ns", "conn_rate",
			"time_wait_client", "time_wait_server",
			"local_ports_used", "no_port", "exhausted_after_seconds"}, rows
	case r.Peak != nil:
		for _, s := range r.Peak.Steps {
			rows = append(rows, []any{float64(s.Users), s.Rate, known(s.P50), known(s.P99), s.ErrorShare, s.Broke})
		}
		return []string{"users", "rate", "p50_ns", "p99_ns", "error_share", "broke"}, rows
	case r.Soak != nil:
		for _, s := range r.Soak.Series {
			rows = append(rows, []any{s.T, known(s.Server), known(s.Kernel), known(s.FDs), known(s.CloseWait)})
		}
		return []string{"t", "server_bytes", "kernel_bytes", "fds", "close_wait"}, rows
	case r.Sweep != nil:
		return sweepSeries(r.Sweep)
	case r.Diagnosis != nil:
		return nil, nil
	case r.Heat != nil:
		return heatSeries(r.Heat)
	case r.Setup != nil:
		for _, p := range r.Setup.Curve {
			rows = append(rows, []any{p.T, float64(p.Conns), p.Rate})
		}
	}
	return []string{"t", "conns", "rate"}, rows
}

// sweepSeries has a row for every run of every variant.
func sweepSeries(s *result.Sweep) (head []string, rows [][]any) {
	if len(s.Variants) == 0 {
		return nil, nil
	}
	for _, c := range s.Variants[0].Choices {
		head = append(head, c.Name)
	}
	for _, v := range s.Variants {
		for i, value := range v.Values {
			var row []any
			for _, c := range v.Choices {
				row = append(row, c.Value)
			}
			rows = append(rows, append(row, float64(i+1), value))
		}
	}
	return append(head, "run", s.Metric), rows
}

// heatSeries is latency over time: from when on, how many echoes came in each
// piece, and below what half and 99 % of them were.
func heatSeries(h *result.Heat) (head []string, rows [][]any) {
	for i, column := range h.Counts {
		n := int64(0)
		for _, count := range column {
			n += count
		}
		row := []any{float64(i) * h.Seconds, float64(n), nil, nil}
		if n > 0 {
			row[2], row[3] = float64(h.Quantile(i, 0.5)), float64(h.Quantile(i, 0.99))
		}
		rows = append(rows, row)
	}
	return []string{"t", "echoes", "p50_ns", "p99_ns"}, rows
}
