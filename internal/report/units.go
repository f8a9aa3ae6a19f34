// Package report renders results for people and machines: each function writes
// to an io.Writer. Values are in base units everywhere else; only here are they
// scaled.
package report

import (
	"strconv"
	"time"

	"github.com/c10m/c10m/internal/plan"
)

// Bytes writes n with a binary unit (KiB = 2^10): 512 B, 1.5 KiB, 84.0 GiB.
func Bytes(n float64) string {
	if n < 0 {
		return "-" + Bytes(-n)
	}
	if n < 1023.5 {
		return strconv.FormatFloat(n, 'f', 0, 64) + " B"
	}
	units := []string{"KiB", "MiB", "GiB", "TiB", "PiB"}
	n /= 1024
	for n >= 1023.95 && len(units) > 1 { // 1023.95 would be rounded to 1024.0
		n, units = n/1024, units[1:]
	}
	return strconv.FormatFloat(n, 'f', 1, 64) + " " + units[0]
}

// Count writes n with commas: 1,000,000.
func Count[T int | int64 | uint64](n T) string { return plan.Group(int64(n)) }

// Nanos writes a duration in nanoseconds with three significant digits: 87 ns,
// 87.0 µs, 1.25 ms, 120 s.
func Nanos(ns int64) string {
	v, units := float64(ns), []string{"ns", "µs", "ms", "s"}
	for v >= 999.5 && len(units) > 1 {
		v, units = v/1000, units[1:]
	}
	if units[0] == "ns" {
		return strconv.FormatInt(ns, 10) + " ns"
	}
	return three(v) + " " + units[0]
}

// three writes v with three significant digits, and whole where that takes more.
func three(v float64) string {
	decimals := 0
	switch {
	case v < 9.995:
		decimals = 2
	case v < 99.95:
		decimals = 1
	case v >= 999.5:
		return plan.Group(int64(v + 0.5))
	}
	return strconv.FormatFloat(v, 'f', decimals, 64)
}

// seconds writes a time span in seconds: 36.2 s.
func seconds(s float64) string { return three(s) + " s" }

// clock writes how long something takes for the live line: 12s, 3m5s.
func clock(d time.Duration) string { return d.Round(time.Second).String() }

// perSecond writes a rate: 0.25/s, 41.3/s, 27,645/s.
func perSecond(r float64) string { return three(r) + "/s" }

// perConn writes bytes per connection: 23.9 B or 8,283 B.
func perConn(b float64) string {
	if b < 0 {
		return "-" + perConn(-b)
	}
	if b < 99.95 {
		return strconv.FormatFloat(b, 'f', 1, 64) + " B"
	}
	return plan.Group(int64(b+0.5)) + " B"
}

// percent writes a share: 99.7 %. It rounds neither up to all nor down to none.
func percent(share float64) string {
	switch p := 100 * share; {
	case p > 99.9 && p < 100:
		return "> 99.9 %"
	case p > 0 && p < 0.1:
		return "< 0.1 %"
	default:
		return strconv.FormatFloat(p, 'f', 1, 64) + " %"
	}
}

// plainNumber writes v with five significant digits at most.
func plainNumber(v float64) string { return strconv.FormatFloat(v, 'g', 5, 64) }
