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
	s, err = p.Sysctl("net.ipv4.ip_local_reserved_ports")
	if err != nil || s == "" {
		return l, nil
	}
	for part := range strings.SplitSeq(s, ",") {
		first, last, isRange := strings.Cut(part, "-")
		a, err1 := strconv.Atoi(first)
		b, err2 := a, error(nil)
		if isRange {
			b, err2 = strconv.Atoi(last)
		}
		if err1 != nil || err2 != nil || a < 0 || b < a || b > 65535 {
			return l, fmt.Errorf("read net.ipv4.ip_local_reserved_ports: %q is not a port range", part)
		}
		l.Reserved = append(l.Reserved, unit.Ports{First: a, N: b - a + 1})
	}
	return l, nil
}
