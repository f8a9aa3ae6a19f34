package unit

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// day is what the package time has no unit for.
const day = 24 * time.Hour

// ParseDuration reads a time: 500us, 10s, 1m30s, 8h, and also 1d and 1d12h. A
// number without a unit is refused, except 0: nobody can tell whether 10 is
// meant in seconds.
func ParseDuration(s string) (time.Duration, error) {
	bad := fmt.Errorf("%q is not a time: want one like 500ms, 10s, 5m, 8h or 1d", s)
	if number, unit := split(s); unit == "" && number != "" && strings.Trim(number, "0") != "" {
		return 0, fmt.Errorf("%q has no unit: say %ss for seconds", s, number)
	}
	days, rest, hasDays := strings.Cut(s, "d")
	if !hasDays {
		d, err := time.ParseDuration(s)
		if err != nil {
			return 0, bad
		}
		return d, nil
	}
	number, negative := strings.CutPrefix(days, "-")
	v, ok := exact(number)
	if !ok || exceeds(v, int64(math.MaxInt64/day)) {
		return 0, bad
	}
	d := time.Duration(floor(times(v, int64(day))))
	if rest != "" {
		more, err := time.ParseDuration(rest)
		if err != nil || more < 0 || d+more < d {
			return 0, bad
		}
		d += more
	}
	if negative {
		d = -d
	}
	return d, nil
}

// Duration is the value of a flag for a time.
type Duration time.Duration

// NewDuration is the flag of a time that is kept in p, which gets the default.
func NewDuration(p *time.Duration, value time.Duration) *Duration {
	*p = value
	return (*Duration)(p)
}

// String writes the time so that Set reads it back: 10s, 1m30s, 8h.
func (d *Duration) String() string {
	if d == nil || *d == 0 {
		return "0s"
	}
	s := time.Duration(*d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// Set reads a time.
func (d *Duration) Set(s string) error {
	v, err := ParseDuration(s)
	if err == nil {
		*d = Duration(v)
	}
	return err
}

// Type names the kind of value in a program's help.
func (*Duration) Type() string { return "time" }

// Time writes a time with three significant digits: 87 ns, 87.0 µs, 1.25 ms,
// 120 s. From a thousand seconds on it has two units: 20 min 34 s, 8 h 0 min.
func Time(d time.Duration) string {
	if d < 0 {
		return "-" + Time(-max(d, -math.MaxInt64))
	}
	if d.Seconds() >= 999.5 {
		return long(d)
	}
	v, units := float64(d), []string{"ns", "µs", "ms", "s"}
	for v >= 999.5 && len(units) > 1 {
		v, units = v/1000, units[1:]
	}
	if units[0] == "ns" {
		return strconv.FormatInt(int64(d), 10) + " ns"
	}
	return three(v) + " " + units[0]
}

// long writes a time in its two largest units.
func long(d time.Duration) string {
	for _, u := range []struct {
		large, small         time.Duration
		largeName, smallName string
	}{
		{day, time.Hour, "d", "h"},
		{time.Hour, time.Minute, "h", "min"},
	} {
		if v := d.Round(u.small); v >= u.large {
			return fmt.Sprintf("%d %s %d %s", v/u.large, u.largeName, v%u.large/u.small, u.smallName)
		}
	}
	v := d.Round(time.Second)
	return fmt.Sprintf("%d min %d s", v/time.Minute, v%time.Minute/time.Second)
}

// Nanos writes a time given in nanoseconds, see Time.
func Nanos(ns int64) string { return Time(time.Duration(ns)) }

// Seconds writes a time given in seconds, see Time.
func Seconds(s float64) string {
	if math.Abs(s) >= math.MaxInt64/float64(time.Second) {
		return Number(s) + " s"
	}
	return Time(time.Duration(math.Round(s * float64(time.Second))))
}

// Clock writes how long something has been going on, to the second: 12 s, 185 s,
// 20 min 34 s.
func Clock(d time.Duration) string {
	if d = d.Round(time.Second); d < 1000*time.Second {
		return strconv.FormatInt(int64(d/time.Second), 10) + " s"
	}
	return long(d)
}
