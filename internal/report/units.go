// Package report renders results for people and machines: each function writes
// to an io.Writer. Values are in base units everywhere else; only here are they
// scaled.
package report

import (
	"fmt"
	"time"

	"github.com/c10m/c10m/internal/plan"
)

// Bytes writes n with a binary unit: 512 B, 1.5 KiB, 84.0 GiB.
func Bytes(n float64) string {
	sign := ""
	if n < 0 {
		sign, n = "-", -n
	}
	if n < 1024 {
		return fmt.Sprintf("%s%.0f B", sign, n)
	}
	for _, u := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if n /= 1024; n < 1024 || u == "TiB" {
			return fmt.Sprintf("%s%.1f %s", sign, n, u)
		}
	}
	return ""
}

// Count writes n with commas.
func Count[T int | int64 | uint64](n T) string { return plan.Group(int64(n)) }

// perConn writes bytes per connection: 8,283 B or 23.9 B.
func perConn(b float64) string {
	if b < 100 && b > -100 {
		return fmt.Sprintf("%.1f B", b)
	}
	return plan.Group(int64(b+0.5)) + " B"
}

// Nanos writes a duration with three significant digits or so: 87 µs, 1.25 ms.
func Nanos(ns int64) string {
	d := time.Duration(ns)
	switch {
	case d < 10*time.Microsecond:
		return fmt.Sprintf("%.1f µs", float64(d)/1e3)
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d/time.Microsecond)
	case d < 100*time.Millisecond:
		return fmt.Sprintf("%.2f ms", float64(d)/1e6)
	case d < time.Second:
		return fmt.Sprintf("%d ms", d/time.Millisecond)
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
}

// rate writes events per second.
func rate(r float64) string {
	if r < 100 {
		return fmt.Sprintf("%.1f/s", r)
	}
	return plan.Group(int64(r+0.5)) + "/s"
}
