package plan

import (
	"fmt"
	"net/netip"
)

// MaxSources bounds how many source addresses a plan uses.
const MaxSources = 1 << 16

// ParseSources reads --sources: a CIDR ("127.0.0.0/24": all its host
// addresses) or one address. "auto" is the caller's.
func ParseSources(s string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return []netip.Addr{a.Unmap()}, nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return nil, fmt.Errorf("%q is neither auto nor a CIDR like 127.0.0.0/24 nor an address", s)
	}
	if hostBits := p.Addr().BitLen() - p.Bits(); hostBits > 16 {
		return nil, fmt.Errorf("%q has more than %d addresses: the longest legal prefix is /%d", s, MaxSources,
			p.Addr().BitLen()-16)
	}
	var all []netip.Addr
	for a := p.Masked().Addr(); p.Contains(a); a = a.Next() {
		all = append(all, a)
	}
	if p.Addr().Is4() && len(all) > 2 { // network and broadcast addresses
		all = all[1 : len(all)-1]
	}
	return all, nil
}

// LoopbackSources gives n addresses from 127.0.0.0/8, 127.0.0.1 first, leaving
// out network and broadcast-like ends of each /24.
func LoopbackSources(n int) []netip.Addr {
	all := make([]netip.Addr, 0, n)
	for i := 0; len(all) < n; i++ {
		host := i%254 + 1
		net := i / 254
		all = append(all, netip.AddrFrom4([4]byte{127, byte(net >> 8), byte(net), byte(host)}))
	}
	return all
}

// SourcesFor is how many sources n connections over ports destination ports
// need when a cell holds local ones.
func SourcesFor(n int64, ports, local int) int64 {
	return ceilDiv(n, max(1, int64(ports)*int64(local)))
}
