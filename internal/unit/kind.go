package unit

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Kind is what the numbers of a metric or of a column measure, in base units.
type Kind string

// The kinds. Their names stand in result files.
const (
	InText      Kind = "text"
	InCount     Kind = "count"
	InNumber    Kind = "number" // with a fraction, and no unit: a ratio, a slope
	InPerSecond Kind = "per_second"
	InNanos     Kind = "ns"
	InSeconds   Kind = "seconds"
	InBytes     Kind = "bytes"
	InShare     Kind = "share" // 0..1
)

// Format writes a number of the kind for people. One style serves tables,
// sentences and thresholds.
func (k Kind) Format(v float64) string {
	if math.IsInf(v, 1) {
		return "never" // the time of what does not come
	}
	switch k {
	case InNanos:
		return Seconds(v / 1e9)
	case InSeconds:
		return Seconds(v)
	case InBytes:
		if math.Abs(v) < 1e5 { // where two costs of a connection still differ
			return PerConn(v)
		}
		return Bytes(v)
	case InShare:
		return signed(v, Percent)
	case InPerSecond:
		return PerSecond(v)
	case InNumber:
		return Significant(v)
	}
	return Number(v)
}

// units are the suffixes of a kind and their size in base units; legal names
// them for an error. A number without a suffix is in base units.
func (k Kind) units() (units map[string]float64, legal string) {
	seconds := map[string]float64{"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600,
		"d": 86400}
	units = map[string]float64{}
	switch k {
	case InNanos:
		for name, s := range seconds {
			units[name] = s * 1e9
		}
		return units, "ns, us, ms, s, m, h, d (without: ns)"
	case InSeconds:
		return seconds, "ns, us, ms, s, m, h, d (without: s)"
	case InBytes:
		for name, size := range octets {
			units[name] = float64(size)
		}
		return units, "B, k, M, G, KiB, MiB, GiB (binary), kB, MB, GB (decimal)"
	case InShare:
		return map[string]float64{"%": 0.01}, "%"
	}
	for name, size := range decimal {
		units[name], units[name+"/s"] = float64(size), float64(size)
	}
	return units, "k, M, G, /s"
}

// Parse reads a number of the kind, with a sign, in base units or with a unit:
// 30k, -1.5, 5ms, 8KiB, 99%. Unlike the values of flags it may be negative, have
// an exponent, and lie beyond what a flag takes.
func (k Kind) Parse(text string) (float64, error) {
	units, legal := k.units()
	end := len(text)
	for end > 0 && !isDigit(text[end-1]) && text[end-1] != '.' {
		end--
	}
	digits, name := text[:end], strings.TrimSpace(text[end:])
	if strings.Trim(digits, "+-0123456789._eE") != "" {
		return 0, fmt.Errorf("%q is not a value: want a number with a unit of %s", text, legal)
	}
	v, err := strconv.ParseFloat(strings.ReplaceAll(digits, "_", ""), 64)
	if err != nil || math.Abs(v) > 1e300 {
		return 0, fmt.Errorf("%q is not a value: want a number with a unit of %s", text, legal)
	}
	factor, known := units[name]
	switch {
	case name == "":
		return v, nil
	case !known:
		return 0, fmt.Errorf("%q: %q is no unit of it: legal are %s", text, name, legal)
	}
	return v * factor, nil
}
