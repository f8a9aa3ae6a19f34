package scenario

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/c10m/c10m/internal/plan"
)

// mostSources is how many source addresses a run may use: those that
// decideSources would take of what own finds.
func mostSources(o *Options, own func(netip.Addr, int) []netip.Addr) int64 {
	switch {
	case o.Sources != nil:
		return int64(len(o.Sources))
	case o.Host.IsLoopback() && o.Host.Is4():
		return plan.MaxSources
	case o.Host.IsLoopback():
		return 1
	}
	return int64(max(1, len(own(o.Host, plan.MaxSources))))
}

// decideSources decides --sources auto: on loopback as many addresses as are
// needed, elsewhere those of the interface that routes to the host, and none at
// all if one is enough.
func (p *Prepared) decideSources(pl *plan.Plan, o Options) {
	if o.Sources != nil {
		return
	}
	need := plan.SourcesFor(pl.Total, pl.Dests(), pl.Local.N())
	if need <= 1 {
		return
	}
	if o.Host.IsLoopback() {
		if o.Host.Is4() {
			pl.Sources = plan.LoopbackSources(int(min(need, plan.MaxSources)))
		}
		return
	}
	pl.Sources = ownAddresses(o.Host, int(need))
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
		return netip.Addr{}, fmt.Errorf("find route: %w", err)
	}
	defer func() { _ = c.Close() }()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap().WithZone(""), nil
}

// isOwn says whether an interface of this machine has the address.
func isOwn(ip netip.Addr) bool { return slices.Contains(interfaceAddresses(), ip.Unmap()) }

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
