package unit

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Ports is an inclusive range of TCP ports, First..First+N-1. As the value of a
// flag it is written FIRST:COUNT or FIRST-LAST. N = 0 means none.
type Ports struct{ First, N int }

var errNoRange = errors.New("is not a range of ports: want FIRST:COUNT or FIRST-LAST, like 10000:200 or " +
	"10000-10199, or none")

// String writes the range so that Set reads it back.
func (p *Ports) String() string {
	if p == nil || p.N == 0 {
		return "none"
	}
	return fmt.Sprintf("%d:%d", p.First, p.N)
}

// Set reads FIRST:COUNT, FIRST-LAST or "none". Both ends must lie within 1..65535.
func (p *Ports) Set(s string) error {
	if s == "none" {
		*p = Ports{}
		return nil
	}
	first, count, byCount := strings.Cut(s, ":")
	if !byCount {
		first, count, _ = strings.Cut(s, "-")
	}
	a, err1 := strconv.ParseUint(first, 10, 31)
	b, err2 := strconv.ParseUint(count, 10, 31)
	if err1 != nil || err2 != nil {
		return fmt.Errorf("%q %w", s, errNoRange)
	}
	r := Ports{First: int(a), N: int(b)}
	if !byCount {
		if b < a {
			return fmt.Errorf("%q: the last port is below the first", s)
		}
		r.N = int(b-a) + 1
	}
	if err := r.Check(); err != nil {
		return fmt.Errorf("%q: %w", s, err)
	}
	*p = r
	return nil
}

// Type names the kind of value in a program's help.
func (*Ports) Type() string { return "ports" }

// Check says whether the range has a port, and all of them within 1..65535.
func (p Ports) Check() error {
	if p.N < 1 {
		return fmt.Errorf("%d ports: the legal range is 1..65535", p.N)
	}
	if p.First < 1 || p.First > 65535 || p.N > 65535 || p.Last() > 65535 {
		return fmt.Errorf("ports %d..%d leave the legal range 1..65535", p.First, p.Last())
	}
	return nil
}

// Last is the highest port of the range.
func (p Ports) Last() int { return p.First + p.N - 1 }

// Contains says whether port lies in the range.
func (p Ports) Contains(port int) bool { return p.N > 0 && port >= p.First && port <= p.Last() }

// Overlaps says whether the two ranges share a port.
func (p Ports) Overlaps(q Ports) bool {
	return p.N > 0 && q.N > 0 && p.First <= q.Last() && q.First <= p.Last()
}

// On is the ports' addresses on ip.
func (p Ports) On(ip netip.Addr) []netip.AddrPort {
	all := make([]netip.AddrPort, p.N)
	for i := range all {
		all[i] = netip.AddrPortFrom(ip, uint16(p.First+i))
	}
	return all
}

// PortCount is the value of a flag for how many ports, from a first one that is
// said elsewhere (First 0), or for which: 200, 10000-10199, 10000:200.
type PortCount Ports

// String writes it so that Set reads it back.
func (p *PortCount) String() string {
	if p == nil || p.First == 0 {
		return strconv.Itoa((*Ports)(p).count())
	}
	return (*Ports)(p).String()
}

func (p *Ports) count() int {
	if p == nil {
		return 0
	}
	return p.N
}

// Set reads a number or a range of ports.
func (p *PortCount) Set(s string) error {
	if n, err := strconv.ParseUint(s, 10, 31); err == nil {
		if n < 1 || n > 65535 {
			return fmt.Errorf("%q: the legal range is 1..65535", s)
		}
		*p = PortCount{N: int(n)}
		return nil
	}
	var r Ports
	switch err := r.Set(s); {
	case errors.Is(err, errNoRange) || err == nil && r.N == 0:
		return fmt.Errorf("%q is no number of ports and no range: want one like 200, 10000-10199 or 10000:200", s)
	case err != nil:
		return err
	}
	*p = PortCount(r)
	return nil
}

// Type names the kind of value in a program's help.
func (*PortCount) Type() string { return "number or ports" }
