package tune

const keyForward = "net.ipv4.ip_forward"

const docTun = "kernel Documentation/networking/tuntap.rst"

// packetSettings are what a client without sockets needs (client --engine packets): TUN
// devices, and forwarding to a server on another machine.
func packetSettings() []Setting {
	return []Setting{
		{
			Key: KeyTun, Scope: Boot, Kind: Choice, Want: packets(constant("there")),
			Need:   needing(packets(constant("there"))),
			Why:    "is what TUN devices are made with, by root or CAP_NET_ADMIN",
			TooLow: "the run is refused before it begins",
			Source: docTun,
			Cure:   func(Target) string { return "modprobe tun; of a container: --device /dev/net/tun --cap-add NET_ADMIN" },
		},
		{
			Key: keyForward, Scope: Namespace, Kind: Choice, Want: packets(forward(false)),
			Need:   needing(packets(forward(false))),
			Why:    "passes packets on between the card and our devices; not needed where the server is on this machine",
			TooLow: "0: answers are dropped here, and no connection is ever established",
			Source: docIP,
		},
		{
			// Never written: with it the kernel ignores router advertisements, and may lose its
			// default route.
			Key: "net.ipv6.conf.all.forwarding", Scope: Namespace, Kind: Choice, Want: packets(forward(true)), Advice: true,
			Need:   needing(packets(forward(true))),
			Why:    "is the same for IPv6; left to you, as it switches off router advertisements and with them a default route",
			TooLow: "0: answers are dropped here, and no connection is ever established",
			Source: docIP,
			Cure: func(Target) string {
				return "sysctl -w net.ipv6.conf.CARD.accept_ra=2 (the card by its name), then sysctl -w " +
					"net.ipv6.conf.all.forwarding=1"
			},
		},
		{
			Key: "net.ipv4.conf.all.rp_filter", Scope: Namespace, Kind: AsIs, Want: packets(constant("as it is")),
			Why: "drops what comes from where its sender is not routed to; our addresses are routed to the devices they " +
				"come from",
			TooLow: "nothing here",
			Source: docIP,
		},
	}
}

// packets narrows a Want to the client without sockets.
func packets(want func(Target) (string, bool)) func(Target) (string, bool) {
	return func(t Target) (string, bool) {
		if t.Role != Packets {
			return "", false
		}
		return want(t)
	}
}

// needing makes a Need from a Want: all that is wanted is needed.
func needing(want func(Target) (string, bool)) func(Target, Reader) (string, bool) {
	return func(t Target, _ Reader) (string, bool) { return want(t) }
}

// forward wants forwarding of IPv4, or of IPv6 (v6), where the server is on another
// machine and has such an address.
func forward(v6 bool) func(Target) (string, bool) {
	return func(t Target) (string, bool) { return "1", !t.Here && t.V6 == v6 }
}
