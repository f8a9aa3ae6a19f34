package unit

import (
	"fmt"
	"strconv"
	"strings"
)

// Rate is the value of a flag for events per second: "max" (as fast as possible,
// the zero value), "50000", "50k" or "50k/s".
type Rate float64

// String writes the rate so that Set reads it back.
func (r *Rate) String() string {
	if r == nil || *r == 0 {
		return "max"
	}
	return strconv.FormatFloat(float64(*r), 'f', -1, 64) + "/s"
}

// Set reads "max", a count of at least 1, or a decimal, with or without "/s".
func (r *Rate) Set(s string) error {
	if s == "max" {
		*r = 0
		return nil
	}
	number := strings.TrimSuffix(s, "/s")
	if n, err := ParseCount(number); err == nil && n >= 1 {
		*r = Rate(n)
		return nil
	}
	// A part of a rate need not be a whole number.
	v, err := strconv.ParseFloat(number, 64)
	if err != nil || v < leastRate || v > MaxCount || strings.Trim(number, "0123456789.") != "" {
		return fmt.Errorf("%q is not a rate: want max or a number per second from 0.001, like 50000, 50k/s or 2.5", s)
	}
	*r = Rate(v)
	return nil
}

// leastRate is once in a quarter of an hour.
const leastRate = 0.001

// Type names the kind of value in a program's help.
func (*Rate) Type() string { return "rate" }

// PerSecond writes a rate: 0.25/s, 41.3/s, 27,645/s.
func PerSecond(r float64) string { return signed(r, three) + "/s" }
