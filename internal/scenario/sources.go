package scenario

import (
	"net"
	"net/netip"
	"slices"

	"github.com/c10m/c10m/internal/plan"
)

// ownFinder finds up to n addresses of this machine from which a host is reached.
type ownFinder func(host netip.Addr, n int) []netip.Addr

// mostSources is how many source addresses a run may use: those that
// decideSources would take of what own finds.
func mostSources(o *Options, own ownFinder) int64 {
	if o.Sources != nil {
		return int64(len(o.Sources))
	}
	v4, v6 := sourcesTo(&o.Target, plan.MaxSources, own)
	return int64(max(1, len(v4), len(v6)))
}

// sourcesTo are up to n addresses to connect from: of IPv4, of IPv6, and for
// destinations of both as many of either.
func sourcesTo(t *plan.Target, n int, own ownFinder) (v4, v6 []netip.Addr) {
	v4 = sourcesOf(slices.DeleteFunc(t.Hosts(), netip.Addr.Is6), n, own)
	v6 = sourcesOf(slices.DeleteFunc(t.Hosts(), netip.Addr.Is4), n, own)
	if t.TwoFamilies() {
		n = min(len(v4), len(v6))
		v4, v6 = v4[:n], v6[:n]
	}
	return v4, v6
}

// sourcesOf are up to n addresses from which each of some hosts of one family can be
// reached: on loopback any of 127.0.0.0/8, elsewhere those of the interface that
// routes to them. None: the kernel is to choose.
func sourcesOf(hosts []netip.Addr, n int, own ownFinder) []netip.Addr {
	if len(hosts) == 0 {
		return nil
	}
	find := func(host netip.Addr) []netip.Addr {
		switch {
		case !host.IsLoopback():
			return own(host, n)
		case host.Is4():
			return plan.LoopbackSources(n)
		}
		return nil
	}
	all := find(hosts[0])
	for _, host := range hosts[1:] {
		if host.IsLoopback() && hosts[0].IsLoopback() {
			continue
		}
		if !slices.Equal(find(host), all) {
			return nil // another interface leads there
		}
	}
	return all
}

// decideSources decides --sources auto: as many addresses as are needed, and none at
// all if one is enough.
func (p *Prepared) decideSources(pl *plan.Plan, o Options) {
	if o.Sources != nil {
		return
	}
	need := plan.SourcesFor(pl.Total, pl.Dests()/int(pl.Overlap()), pl.Local.N())
	if need <= 1 {
		return
	}
	v4, v6 := sourcesTo(&pl.Target, int(min(need, plan.MaxSources)), ownAddresses)
	if pl.Sources = v4; v4 == nil {
		pl.Sources, v6 = v6, nil
	}
	pl.SourcesV6 = v6
}

// ownAddresses lists up to n addresses, of the same family as host and not
// link-local, of the interface that routes to host: to an address of another
// interface, like a container bridge, answers would not be routed back.
func ownAddresses(host netip.Addr, n int) (all []netip.Addr) {
	local, err := localTo(host)
	if err != nil {
		return nil
	}
	interfaces, _ := net.Interfaces()
	for _, i := range interfaces {
		addrs, _ := i.Addrs()
		all = nil
		leads := false
		for _, a := range addrs {
			ipnet, ok := a.(*net.IPNet)
			if !ok {
				continue
			}
			ip, ok := netip.AddrFromSlice(ipnet.IP)
			ip = ip.Unmap()
			leads = leads || ip == local
			if ok && ip.Is4() == local.Is4() && !ip.IsLoopback() && !ip.IsLinkLocalUnicast() && len(all) < n {
				all = append(all, ip)
			}
		}
		if leads {
			return all
		}
	}
	return nil
}

// localTo is the source address that the kernel's routes choose for host.
// Connecting a UDP socket sends nothing, connect(2).
func localTo(host netip.Addr) (netip.Addr, error) {
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(host, 9)))
	if err != nil {
		return netip.Addr{}, err
	}
	defer func() { _ = c.Close() }()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap().WithZone(""), nil
}

// interfaceAddresses are all addresses of this machine.
func interfaceAddresses() (all []netip.Addr) {
	addrs, _ := net.InterfaceAddrs()
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok {
			if ip, ok := netip.AddrFromSlice(n.IP); ok {
				all = append(all, ip.Unmap())
			}
		}
	}
	return all
}
