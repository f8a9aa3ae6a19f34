package unit

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// MaxCount is the largest count that is taken: more sockets than any kernel has
// file descriptors for (fs.nr_open is at most 2^30 on 64 bit).
const MaxCount = 1 << 40

// decimal are the suffixes of counts and rates.
var decimal = map[string]int64{"": 1, "k": 1e3, "K": 1e3, "m": 1e6, "M": 1e6, "g": 1e9, "G": 1e9, "t": 1e12, "T": 1e12}

// ParseCount reads a whole number written the way people write large ones:
// 10000000, 10_000_000, 10M, 4.1M, 500k. Suffixes are decimal (k = 10^3,
// M = 10^6, G = 10^9). The value must be whole and within 0..MaxCount.
func ParseCount(s string) (int64, error) {
	number, suffix := split(s)
	v, ok := exact(number)
	factor, known := decimal[suffix]
	if !ok || !known {
		return 0, fmt.Errorf("%q is not a count: want a whole number like 10000000, 10_000_000, 4.1M or 500k", s)
	}
	v = times(v, factor)
	switch {
	case !v.IsInt():
		return 0, fmt.Errorf("%q is not a whole number", s)
	case exceeds(v, MaxCount):
		return 0, fmt.Errorf("%q is too large: the legal range is 0..%d", s, int64(MaxCount))
	}
	return floor(v), nil
}

// Count is the value of a flag for a number of things: "auto" or what ParseCount
// takes, from 1. Auto is true until a number is set.
type Count struct {
	N    int64
	Auto bool
}

// String writes the count so that Set reads it back.
func (c *Count) String() string {
	if c == nil || c.Auto {
		return "auto"
	}
	return strconv.FormatInt(c.N, 10)
}

// Set reads "auto" or a count of at least 1.
func (c *Count) Set(s string) error {
	if s == "auto" {
		*c = Count{Auto: true}
		return nil
	}
	n, err := ParseCount(s)
	if err != nil {
		return err
	}
	if n < 1 {
		return fmt.Errorf("%q: the legal range is 1..%d or auto", s, int64(MaxCount))
	}
	*c = Count{N: n}
	return nil
}

// Type names the kind of value in a program's help.
func (*Count) Type() string { return "count" }

// Int is the value of a flag for a number of things that may be 0 and has no
// "auto".
type Int int

// NewInt is the flag of a number that is kept in p, which gets the default.
func NewInt(p *int, value int) *Int {
	*p = value
	return (*Int)(p)
}

// String writes the number so that Set reads it back.
func (i *Int) String() string {
	if i == nil {
		return "0"
	}
	return strconv.Itoa(int(*i))
}

// Set reads a count.
func (i *Int) Set(s string) error {
	n, err := ParseCount(s)
	if err == nil {
		*i = Int(n)
	}
	return err
}

// Type names the kind of value in a program's help.
func (*Int) Type() string { return "count" }

// Commas writes a whole number with thousands apart: 64,512.
func Commas[T int | int64 | uint64 | uint32](n T) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Number writes a number of anything: whole ones with thousands apart, others
// with three significant digits.
func Number(v float64) string {
	if v < 0 {
		return signed(v, Number)
	}
	if v == float64(int64(v)) && v < 1e15 {
		return Commas(int64(v))
	}
	return Significant(v)
}

// Significant writes a number with three significant digits, and whole where that
// takes more: 0.87, 1.00, 41.3, 27,645.
func Significant(v float64) string { return signed(v, three) }

// three writes v, which is not negative, with three significant digits, and whole
// where that takes more.
func three(v float64) string {
	decimals := 0
	switch {
	case v < 9.995:
		decimals = 2
	case v < 99.95:
		decimals = 1
	case v >= 1e15: // beyond what a person reads, and what int64 holds
		return strconv.FormatFloat(v, 'g', 3, 64)
	case v >= 999.5:
		return Commas(int64(v + 0.5))
	}
	return strconv.FormatFloat(v, 'f', decimals, 64)
}

// signed writes the sign before what write makes of the rest. What is rounded to
// nothing has none.
func signed(v float64, write func(float64) string) string {
	text := write(math.Abs(v))
	if v < 0 && strings.ContainsAny(text, "123456789") {
		return "-" + text
	}
	return text
}
