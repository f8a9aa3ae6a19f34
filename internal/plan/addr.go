package plan

import (
	"fmt"
	"net/netip"
)

// ParseAddr reads an IP address to listen on or to connect to. An IPv4-mapped one
// (::ffff:127.0.0.1) is IPv4 everywhere from here on. A zone (fe80::1%eth0) is
// refused: what makes socket addresses here carries no scope, RFC 4007.
func ParseAddr(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	switch {
	case err != nil:
		return a, fmt.Errorf("%q is not an IP address", s)
	case a.Zone() != "":
		return a, fmt.Errorf("%q has a zone: want an IP address without one", s)
	}
	return a.Unmap(), nil
}
