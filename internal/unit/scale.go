package unit

import (
	"math"
	"strconv"
	"strings"
)

// Scale is the units of a plot's axis, from small to large. A linear axis takes
// the step that suits its largest value and names it in its title; a logarithmic
// one writes each label with a step of its own.
type Scale []Step

// Step is one unit of a Scale: its size in base units, and its name ("KiB").
type Step struct {
	Size float64
	Name string
}

// The scales.
var (
	CountScale      = Scale{{1, ""}, {1e6, "million"}, {1e9, "billion"}}
	BytesScale      = Scale{{1, "B"}, {1 << 10, "KiB"}, {1 << 20, "MiB"}, {1 << 30, "GiB"}, {1 << 40, "TiB"}}
	PlainBytesScale = Scale{{1, "B"}} // where 8,283 B must not become 8.1 KiB
	SecondsScale    = Scale{{1e-9, "ns"}, {1e-6, "µs"}, {1e-3, "ms"}, {1, "s"}}
	NanosScale      = Scale{{1, "ns"}, {1e3, "µs"}, {1e6, "ms"}, {1e9, "s"}}
	PercentScale    = Scale{{1e-2, "%"}} // of shares: 0.5 is 50 %
)

// Scale is that of an axis with numbers of the kind; nil for plain numbers.
func (k Kind) Scale() Scale {
	return map[Kind]Scale{InCount: CountScale, InPerSecond: CountScale, InNanos: NanosScale, InSeconds: SecondsScale,
		InBytes: BytesScale, InShare: PercentScale}[k]
}

// Step is the largest one that is not above v; the smallest if none is.
func (s Scale) Step(v float64) Step {
	step := Step{Size: 1}
	for i, next := range s {
		if next.Size > 0 && (i == 0 || math.Abs(v) >= next.Size*0.999999) {
			step = next
		}
	}
	return step
}

// Label writes a value with its unit, to three significant digits at most: 8,283 B,
// 1.25 ms, 1 ms.
func (s Scale) Label(v float64) string {
	step := s.Step(v)
	n := v / step.Size
	decimals := 0
	if size := math.Abs(n); n != math.Trunc(n) && size < 99.95 {
		decimals = 2 - int(max(0, math.Floor(math.Log10(max(size, 0.01))))) // 0.05, 1.25, 12.5
	}
	text := Tick(n, decimals)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	if step.Name == "" {
		return text
	}
	return text + " " + step.Name
}

// Tick writes the number beside the mark of an axis, with thousands apart and a
// minus that is as wide as a plus; beyond 15 digits as a power of ten.
func Tick(v float64, decimals int) string {
	if v == 0 {
		return "0" // also for -0
	}
	if math.Abs(v) >= 1e15 || math.Abs(v) < 1e-9 {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	text := strconv.FormatFloat(math.Abs(v), 'f', decimals, 64)
	whole, rest, _ := strings.Cut(text, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return text
	}
	whole = Commas(n)
	if rest != "" {
		whole += "." + rest
	}
	if v < 0 {
		return "−" + whole
	}
	return whole
}
