package proc

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/unit"
)

// LocalPorts is what the kernel may choose local ports from:
// net.ipv4.ip_local_port_range less net.ipv4.ip_local_reserved_ports, see the
// kernel's ip-sysctl.rst.
func (p FS) LocalPorts() (l plan.LocalPorts, err error) {
	s, err := p.Sysctl("net.ipv4.ip_local_port_range")
	if err != nil {
		return l, err
	}
	if _, err := fmt.Sscan(s, &l.Low, &l.High); err != nil {
		return l, fmt.Errorf("read net.ipv4.ip_local_port_range: %q is not two numbers", s)
	}
	if l.Low < 1 || l.High > 65535 || l.Low > l.High {
		return l, fmt.Errorf("read net.ipv4.ip_local_port_range: %q is not a range of ports", s)
	}
	if s, err = p.Sysctl("net.ipv4.ip_local_reserved_ports"); err != nil {
		return l, nil // a kernel without it reserves none
	}
	if l.Reserved, err = ParsePorts(s); err != nil {
		return l, fmt.Errorf("read net.ipv4.ip_local_reserved_ports: %w", err)
	}
	return l, nil
}

// ParsePorts reads a list of ports as in net.ipv4.ip_local_reserved_ports: "",
// "8080" or "8080,10000-10199".
func ParsePorts(s string) (all []unit.Ports, err error) {
	if s = strings.TrimSpace(s); s == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(s, ",") {
		first, last, isRange := strings.Cut(part, "-")
		a, err1 := strconv.Atoi(first)
		b, err2 := a, error(nil)
		if isRange {
			b, err2 = strconv.Atoi(last)
		}
		if err1 != nil || err2 != nil || a < 0 || b < a || b > 65535 {
			return nil, fmt.Errorf("%q is not a list of ports: want 0..65535, like 8080,10000-10199", s)
		}
		all = append(all, unit.Ports{First: a, N: b - a + 1})
	}
	return all, nil
}
