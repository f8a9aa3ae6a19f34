package tune

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/unit"
)

// Raise compares now, the value that a setting has, with want. It returns next, the
// value to write, which lowers, narrows or drops nothing of now, and whether now is
// enough already; then next means the same as now. A value that is not of the kind is
// an error.
func Raise(k Kind, now, want string) (next string, enough bool, err error) {
	now, want = clean(now), clean(want)
	switch k {
	case AtLeast, Magnitude, AtMost:
		return raiseNumber(k, now, want)
	case Triple:
		return raiseTriple(now, want)
	case Range:
		return raiseRange(now, want)
	case PortSet:
		return raiseSet(now, want)
	case Choice:
		if now == "" {
			return "", false, fmt.Errorf("%q is not one word", now)
		}
		options := strings.Split(want, "|")
		if slices.Contains(options, now) {
			return now, true, nil
		}
		return options[0], false, nil
	case AsIs:
		return now, true, nil
	}
	return "", false, fmt.Errorf("unknown kind %d", k)
}

// clean turns the tabs and newlines that the kernel puts between numbers into spaces.
func clean(s string) string { return strings.Join(strings.Fields(s), " ") }

// parseNumber reads one number as the kernel prints it. Larger than an int64,
// or "unlimited", is the largest int64.
func parseNumber(s string) (int64, error) {
	if s == "unlimited" {
		return math.MaxInt64, nil
	}
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, fmt.Errorf("%q is not a whole number", s)
	}
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil && s[0] == '-' {
		return 0, fmt.Errorf("%q is below the least whole number", s)
	}
	return v, nil // out of range above: ParseInt gives the largest
}

func raiseNumber(k Kind, now, want string) (string, bool, error) {
	a, err := parseNumber(now)
	if err != nil {
		return "", false, err
	}
	b, err := parseNumber(want)
	if err != nil {
		return "", false, err
	}
	size := a
	if k == Magnitude && a < 0 && a != math.MinInt64 {
		size = -a
	}
	enough := size >= b
	if k == AtMost {
		enough = size <= b
	}
	if enough {
		return now, true, nil
	}
	return strconv.FormatInt(b, 10), false, nil
}

func parseTriple(s string) (v [3]int64, err error) {
	f := strings.Fields(s)
	if len(f) != 3 {
		return v, fmt.Errorf("%q is not three whole numbers", s)
	}
	for i := range v {
		if v[i], err = parseNumber(f[i]); err != nil {
			return v, err
		}
	}
	if v[0] < 0 || v[0] > v[1] || v[1] > v[2] {
		return v, fmt.Errorf("%q does not ascend from 0", s)
	}
	return v, nil
}

func raiseTriple(now, want string) (string, bool, error) {
	a, err := parseTriple(now)
	if err != nil {
		return "", false, err
	}
	b, err := parseTriple(want)
	if err != nil {
		return "", false, err
	}
	enough := true
	for i := range a {
		enough = enough && a[i] >= b[i]
		b[i] = max(a[i], b[i])
	}
	if enough {
		return now, true, nil
	}
	return fmt.Sprintf("%d %d %d", b[0], b[1], b[2]), false, nil
}

// parseRange reads net.ipv4.ip_local_port_range.
func parseRange(s string) (low, high int64, err error) {
	f := strings.Fields(s)
	if len(f) != 2 {
		return 0, 0, fmt.Errorf("%q is not two ports", s)
	}
	if low, err = parseNumber(f[0]); err != nil {
		return 0, 0, err
	}
	if high, err = parseNumber(f[1]); err != nil {
		return 0, 0, err
	}
	if low < 1 || high > 65535 || low > high {
		return 0, 0, fmt.Errorf("%q leaves the legal range 1 65535", s)
	}
	return low, high, nil
}

func raiseRange(now, want string) (string, bool, error) {
	lo, hi, err := parseRange(now)
	if err != nil {
		return "", false, err
	}
	wlo, whi, err := parseRange(want)
	if err != nil {
		return "", false, err
	}
	if lo <= wlo && hi >= whi {
		return now, true, nil
	}
	return fmt.Sprintf("%d %d", min(lo, wlo), max(hi, whi)), false, nil
}

// ParsePorts reads a list of ports as in net.ipv4.ip_local_reserved_ports; the
// result is sorted and joined.
func ParsePorts(s string) ([]unit.Ports, error) {
	all, err := proc.ParsePorts(s)
	return joinPorts(all), err
}

// joinPorts sorts ranges and joins those that touch.
func joinPorts(in []unit.Ports) []unit.Ports {
	all := slices.DeleteFunc(slices.Clone(in), func(p unit.Ports) bool { return p.N == 0 })
	slices.SortFunc(all, func(a, b unit.Ports) int { return a.First - b.First })
	var out []unit.Ports
	for _, p := range all {
		if n := len(out); n > 0 && p.First <= out[n-1].Last()+1 {
			out[n-1].N = max(out[n-1].Last(), p.Last()) - out[n-1].First + 1
			continue
		}
		out = append(out, p)
	}
	return out
}

// FormatPorts writes ranges so that ParsePorts and the kernel read them back.
func FormatPorts(all []unit.Ports) string {
	var parts []string
	for _, p := range joinPorts(all) {
		if p.N == 1 {
			parts = append(parts, strconv.Itoa(p.First))
			continue
		}
		parts = append(parts, fmt.Sprintf("%d-%d", p.First, p.Last()))
	}
	return strings.Join(parts, ",")
}

func raiseSet(now, want string) (string, bool, error) {
	a, err := ParsePorts(now)
	if err != nil {
		return "", false, err
	}
	b, err := ParsePorts(want)
	if err != nil {
		return "", false, err
	}
	have := FormatPorts(a)
	next := FormatPorts(append(a, b...))
	if next == have {
		return now, true, nil
	}
	return next, false, nil
}
