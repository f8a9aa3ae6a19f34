// Package plan decides a run before the first socket: how many connections,
// over which 4-tuples, at which rate. It is pure: it touches no kernel.
package plan

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// MaxCount is the largest count ParseCount takes: more sockets than any kernel
// has file descriptors for (fs.nr_open is at most 2^30 on 64 bit).
const MaxCount = 1 << 40

// ParseCount reads a whole number written the way people write large ones:
// 10000000, 10_000_000, 10M, 500k, 1.5M. Suffixes are decimal (k = 10^3,
// M = 10^6, G = 10^9). The value must be whole and within 0..MaxCount.
func ParseCount(s string) (int64, error) {
	digits, factor := s, 1.0
	if n := len(s); n > 0 {
		switch s[n-1] {
		case 'k', 'K':
			digits, factor = s[:n-1], 1e3
		case 'm', 'M':
			digits, factor = s[:n-1], 1e6
		case 'g', 'G':
			digits, factor = s[:n-1], 1e9
		}
	}
	bad := fmt.Errorf("%q is not a count: want a whole number like 10000000, 10_000_000, 10M or 500k", s)
	if digits == "" || strings.Trim(digits, "0123456789._") != "" || digits[0] == '_' || digits[0] == '.' {
		return 0, bad
	}
	v, err := strconv.ParseFloat(strings.ReplaceAll(digits, "_", ""), 64)
	if err != nil {
		return 0, bad
	}
	v *= factor
	if v != math.Trunc(v) || v < 0 {
		return 0, bad
	}
	if v > MaxCount {
		return 0, fmt.Errorf("%q is too large: the legal range is 0..%d", s, int64(MaxCount))
	}
	return int64(v), nil
}

// OneLine is a message as the one line that a terminal may see of it: what a user
// typed may have control characters in it.
func OneLine(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c >= 0x7f && c < 0xa0 {
			return '\uFFFD'
		}
		return c
	}, s)
}

// Count is a flag.Value for a number of things: "auto" or what ParseCount
// takes. Auto is true until a number is set.
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

// Rate is a flag.Value for events per second: "max" (as fast as possible, the
// zero value), "50000", "50k" or "50k/s".
type Rate struct{ PerSecond float64 }

// String writes the rate so that Set reads it back.
func (r *Rate) String() string {
	if r == nil || r.PerSecond == 0 {
		return "max"
	}
	return strconv.FormatFloat(r.PerSecond, 'f', -1, 64) + "/s"
}

// Set reads "max" or a count of at least 1, with or without "/s".
func (r *Rate) Set(s string) error {
	if s == "max" {
		*r = Rate{}
		return nil
	}
	n, err := ParseCount(strings.TrimSuffix(s, "/s"))
	if err != nil || n < 1 {
		return fmt.Errorf("%q is not a rate: want max or a number per second from 1, like 50000, 50k or 50k/s", s)
	}
	*r = Rate{PerSecond: float64(n)}
	return nil
}

// PortRange is an inclusive range of TCP ports, First..First+N-1. As a
// flag.Value it is written FIRST:COUNT. N = 0 means none.
type PortRange struct{ First, N int }

// String writes the range so that Set reads it back.
func (p *PortRange) String() string {
	if p == nil || p.N == 0 {
		return "none"
	}
	return fmt.Sprintf("%d:%d", p.First, p.N)
}

// Set reads FIRST:COUNT or "none". Both ends must lie within 1..65535.
func (p *PortRange) Set(s string) error {
	if s == "none" {
		*p = PortRange{}
		return nil
	}
	first, count, ok := strings.Cut(s, ":")
	f, err1 := strconv.Atoi(first)
	n, err2 := strconv.Atoi(count)
	if !ok || err1 != nil || err2 != nil {
		return fmt.Errorf("%q is not a port range: want FIRST:COUNT, for example 10000:200", s)
	}
	r := PortRange{First: f, N: n}
	if err := r.Check(); err != nil {
		return err
	}
	*p = r
	return nil
}

// Check says whether the range lies within 1..65535.
func (p PortRange) Check() error {
	if p.First < 1 || p.First > 65535 || p.N < 1 || p.N > 65535 || p.Last() > 65535 {
		return fmt.Errorf("%d:%d: ports %d..%d leave the legal range 1..65535", p.First, p.N, p.First, p.Last())
	}
	return nil
}

// Last is the highest port of the range.
func (p PortRange) Last() int { return p.First + p.N - 1 }

// Contains says whether port lies in the range.
func (p PortRange) Contains(port int) bool { return p.N > 0 && port >= p.First && port <= p.Last() }

// Overlaps says whether the two ranges share a port.
func (p PortRange) Overlaps(q PortRange) bool {
	return p.N > 0 && q.N > 0 && p.First <= q.Last() && q.First <= p.Last()
}
