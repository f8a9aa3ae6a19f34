package tune

import "github.com/c10m/c10m/internal/plan"

// portSettings decide how many connections one pair of addresses can have.
func portSettings() []Setting {
	return []Setting{
		{
			Key: "net.ipv4.ip_local_reserved_ports", Scope: Namespace, Kind: PortSet,
			Want:   on(Server, func(t Target) (string, bool) { return FormatPorts(t.reserved()), true }),
			Need:   needReserved,
			Why:    "keeps outgoing connections off the listening ports; written before the range is widened over them",
			TooLow: "a server restart fails with EADDRINUSE because an ephemeral port in TIME_WAIT sits on its port",
			Source: docIP,
		},
		{
			Key: "net.ipv4.ip_local_port_range", Scope: Namespace, Kind: Range,
			Want:   on(Client, func(t Target) (string, bool) { return t.localRange(), true }),
			Need:   needLocalPorts,
			Why:    "is what local ports a source address has for each destination port: 28,232 by default, 64,512 at most",
			TooLow: "connect fails with EADDRNOTAVAIL, or searches long once the range is half full",
			Source: docIP,
		},
	}
}

// needLocalPorts: a range of which a destination port needs much is searched for
// long, unless it is the widest already; then there are --ports and --sources.
func needLocalPorts(t Target, get Reader) (string, bool) {
	low, high, err := parseRange(get("net.ipv4.ip_local_port_range"))
	if err != nil || !t.has(Client) || !t.crowds(high-low+1) {
		return "", false
	}
	return t.localRange(), true
}

// needReserved: unreserved listening ports hurt only inside the local range.
func needReserved(t Target, get Reader) (string, bool) {
	low, high, err := parseRange(get("net.ipv4.ip_local_port_range"))
	if !t.has(Server) || err != nil {
		return "", false
	}
	var inside []plan.PortRange
	for _, p := range t.Ports {
		first, last := max(p.First, int(low)), min(p.Last(), int(high))
		if p.N > 0 && first <= last {
			inside = append(inside, plan.PortRange{First: first, N: last - first + 1})
		}
	}
	return FormatPorts(inside), len(inside) > 0
}
