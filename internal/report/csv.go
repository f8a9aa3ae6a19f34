package report

import (
	"bytes"
	"fmt"
	"io"
	"strconv"

	"github.com/c10m/c10m/internal/result"
)

// WriteCSV writes the curve of the ramp: a header, and per sample the seconds,
// the connections held and the rate per second since the one before.
// A run without a curve has only the header.
func WriteCSV(w io.Writer, r *result.Result) error {
	b := bytes.NewBufferString("t,conns,rate\n")
	if r.Setup != nil {
		for _, p := range r.Setup.Curve {
			number := func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
			_, _ = fmt.Fprintf(b, "%s,%d,%s\n", number(p.T), p.Conns, number(p.Rate))
		}
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write curve: %w", err)
	}
	return nil
}
