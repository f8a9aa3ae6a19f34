package scenario

import "net/netip"

// portSet is the ports of a run by number, for checks of a hundred thousand
// sockets.
type portSet [1 << 16]bool

func newPortSet(ports []int) *portSet {
	var s portSet
	for _, p := range ports {
		s[uint16(p)] = true
	}
	return &s
}

// has says whether a socket's end is at one of them.
func (s *portSet) has(end netip.AddrPort) bool { return s[end.Port()] }
