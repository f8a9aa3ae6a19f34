package plot

import (
	"math"
	"strconv"
	"strings"
)

// Unit is how values are written: its steps from small to large. A linear axis
// takes the step that suits its largest value and names it in its title; a
// logarithmic one writes each label with a step of its own.
type Unit []Step

// Step is one size of a Unit: Size in base units, and its name ("KiB").
type Step struct {
	Size float64
	Name string
}

// The units.
var (
	Count       = Unit{{1, ""}, {1e6, "million"}, {1e9, "billion"}}
	Bytes       = Unit{{1, "B"}, {1 << 10, "KiB"}, {1 << 20, "MiB"}, {1 << 30, "GiB"}, {1 << 40, "TiB"}}
	PlainBytes  = Unit{{1, "B"}} // where 8,283 B must not become 8.1 KiB
	Seconds     = Unit{{1e-9, "ns"}, {1e-6, "µs"}, {1e-3, "ms"}, {1, "s"}}
	Nanoseconds = Unit{{1, "ns"}, {1e3, "µs"}, {1e6, "ms"}, {1e9, "s"}}
	Percent     = Unit{{1e-2, "%"}} // of shares: 0.5 is 50 %
)

// step is the largest one that is not above v; the smallest if none is.
func (u Unit) step(v float64) Step {
	s := Step{Size: 1}
	for i, next := range u {
		if next.Size > 0 && (i == 0 || math.Abs(v) >= next.Size*0.999999) {
			s = next
		}
	}
	return s
}

// Label writes a value with its unit, to three significant digits: 8,283 B,
// 1.25 ms.
func (u Unit) Label(v float64) string {
	s := u.step(v)
	n := v / s.Size
	decimals := 0
	if size := math.Abs(n); n != math.Trunc(n) && size < 99.95 {
		decimals = 2 - int(max(0, math.Floor(math.Log10(max(size, 0.01))))) // 0.05, 1.25, 12.5
	}
	text := number(n, decimals)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	if s.Name == "" {
		return text
	}
	return text + " " + s.Name
}

// number writes v with commas; beyond 15 digits as a power of ten.
func number(v float64, decimals int) string {
	if v == 0 {
		return "0" // also for -0
	}
	if math.Abs(v) >= 1e15 || math.Abs(v) < 1e-9 {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	text := strconv.FormatFloat(v, 'f', decimals, 64)
	whole, rest, _ := strings.Cut(text, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "−", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if rest != "" {
		whole += "." + rest
	}
	return sign + whole
}
