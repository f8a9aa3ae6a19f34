// Package portrange is the flag that all peers share: which ports to listen on.
package portrange

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Range is N ports from First on. As a flag.Value it is written FIRST:COUNT.
type Range struct{ First, N int }

// String writes the range so that Set reads it back.
func (r *Range) String() string {
	if r == nil {
		return ""
	}
	return fmt.Sprintf("%d:%d", r.First, r.N)
}

// Set reads FIRST:COUNT; all ports must lie within 1..65535.
func (r *Range) Set(s string) error {
	first, count, ok := strings.Cut(s, ":")
	f, err1 := strconv.Atoi(first)
	n, err2 := strconv.Atoi(count)
	if !ok || err1 != nil || err2 != nil || f < 1 || n < 1 || f > 65535 || n > 65536-f {
		return fmt.Errorf("want FIRST:COUNT within 1..65535, like 10000:200")
	}
	*r = Range{First: f, N: n}
	return nil
}

// On returns the range's addresses on ip.
func (r Range) On(ip netip.Addr) []netip.AddrPort {
	all := make([]netip.AddrPort, r.N)
	for i := range all {
		all[i] = netip.AddrPortFrom(ip, uint16(r.First+i))
	}
	return all
}
