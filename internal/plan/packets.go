package plan

import (
	"fmt"
	"math/bits"
	"net/netip"

	"github.com/c10m/c10m/internal/unit"
)

// Packets is what a client that speaks TCP itself, over a TUN device a thread,
// needs to know beside the rest of the plan.
type Packets struct {
	Prefix netip.Prefix // source addresses of this part, and of nobody else
	MTU    int          // of the way to the host, in bytes
}

// The local ports of such a client: all that need no privilege. No sockets use
// them, so neither the kernel's range nor what it reserves matters.
const (
	FirstPacketPort = 1024
	PacketPorts     = 65536 - FirstPacketPort
)

// DefaultPacketSources are set aside for tests like ours: RFC 2544 appendix
// C.2.2 and RFC 5735; for IPv6 a unique local prefix, RFC 4193.
var (
	DefaultPacketSources   = netip.MustParsePrefix("198.18.0.0/15")
	DefaultPacketSourcesV6 = netip.MustParsePrefix("fd00:c10:198:18::/64")
)

// On says whether the client speaks TCP itself.
func (p Packets) On() bool { return p.Prefix.IsValid() }

// Sources is how many source addresses a prefix has: all but the first, which
// names the network, unless there are only one or two.
func (p Packets) Sources() int64 {
	switch host := p.hostBits(); {
	case host <= 1:
		return 1 << host
	case host > 31:
		return 1<<31 - 1
	default:
		return 1<<host - 1
	}
}

func (p Packets) hostBits() int { return p.Prefix.Addr().BitLen() - p.Prefix.Bits() }

// Capacity is how many connections to so many destinations fit, shared out over
// n threads.
func (p Packets) Capacity(n, dests int) int64 {
	return int64(n) * p.split(0, n).Sources() * PacketPorts * int64(dests)
}

// Parts deals the source addresses to n, each of whom has a prefix of its own: the
// agents of a fleet, in their order.
func (p Packets) Parts(n int) ([]Packets, error) {
	if bits.Len(uint(n-1)) > p.hostBits() {
		return nil, fmt.Errorf("%s has addresses of its own for %d agents at most, and there are %d", p.Prefix,
			1<<p.hostBits(), n)
	}
	parts := make([]Packets, n)
	for k := range parts {
		parts[k] = p.split(k, n)
	}
	return parts, nil
}

// PacketSources are what such a client takes that was told of none: for IPv4, or for
// IPv6.
func PacketSources(v6 bool) netip.Prefix {
	if v6 {
		return DefaultPacketSourcesV6
	}
	return DefaultPacketSources
}

// MaxThreads is how many threads can have a prefix of their own.
func (p Packets) MaxThreads() int { return 1 << min(10, p.hostBits()) }

// split is part k of n: a prefix of its own for each, so that the kernel's
// routes tell their packets apart.
func (p Packets) split(k, n int) Packets {
	if !p.On() {
		return p
	}
	more := min(bits.Len(uint(n-1)), p.hostBits())
	b := p.Prefix.Masked().Addr().AsSlice()
	for i := range more { // k in the bits behind the prefix
		at := p.Prefix.Bits() + more - 1 - i
		b[at/8] |= byte(k>>i&1) << (7 - at%8)
	}
	a, _ := netip.AddrFromSlice(b)
	p.Prefix = netip.PrefixFrom(a, p.Prefix.Bits()+more)
	return p
}

// checkPackets is Check for a client that speaks TCP itself.
func (p *Plan) checkPackets() error {
	if p.Overlap() > 1 {
		return fmt.Errorf("--engine packets: two targets are one port of one address, whose answers it could not " +
			"tell apart")
	}
	if p.Threads > p.Packets.MaxThreads() {
		return fmt.Errorf("--threads %d: --sources %s has addresses of its own for %d threads at most", p.Threads,
			p.Packets.Prefix, p.Packets.MaxThreads())
	}
	if most := p.Packets.Capacity(p.Threads, p.Dests()); p.Total > most {
		return fmt.Errorf("--conns %d: the addresses of --sources %s hold %s connections to %d destinations: give a "+
			"larger prefix or more --ports",
			p.Total, p.Packets.Prefix, unit.Commas(most), p.Dests())
	}
	return nil
}
