package plan

import (
	"net/netip"
	"slices"

	"github.com/c10m/c10m/internal/unit"
)

// Target is where a run goes to, and what it speaks there.
type Target struct {
	Scenario  string    // hold, echo, churn, ...
	Proto     string    // TCP, WS or Mixed
	Places    []Place   // used in turn
	URLs      []string  // as the user gave them; nil: the places come from flags
	WebSocket WebSocket // its opening handshake
	TLS       TLS
	Lines     Payload // contents of the file that {line} is taken from, see package fill
	Seed      uint64  // of {rand} and {uuid}
}

// Place is an address and ports of it. A name that has three addresses is three
// places.
type Place struct {
	Host  netip.Addr
	Name  string // what the user called it; "": by its address
	Ports []int
	WS    bool   // of a Mixed target: WebSocket is spoken there
	Plain bool   // without TLS, where Target.TLS is on: others are secured
	Path  string // of the opening handshake; "": that of Target.WebSocket
}

// Dest is one destination: a port of a place.
type Dest struct {
	At   netip.AddrPort
	Name string // of its place
	WS   bool   // WebSocket is spoken there
	TLS  bool   // and secured
	Path string // of the opening handshake; "/" where nobody says otherwise
}

// MaxDests bounds the destinations of a target.
const MaxDests = 1 << 20

// At is a place with ports, and nothing else.
func At(host netip.Addr, ports ...int) []Place { return []Place{{Host: host, Ports: ports}} }

// Dests is how many destinations there are.
func (t *Target) Dests() (n int) {
	for i := range t.Places {
		n += len(t.Places[i].Ports)
	}
	return n
}

// List are the destinations by number: the places in turn, each with its next port,
// so that a few connections reach all places as well, and both protocols of a Mixed
// target.
func (t *Target) List() []Dest {
	all := make([]Dest, 0, t.Dests())
	for k := 0; len(all) < cap(all); k++ {
		for i := range t.Places {
			p := &t.Places[i]
			if k >= len(p.Ports) {
				continue
			}
			d := Dest{At: netip.AddrPortFrom(p.Host, uint16(p.Ports[k])), Name: p.Name, Path: p.Path}
			d.WS, d.TLS = t.Speaks(p)
			if d.Path == "" {
				d.Path = t.WebSocket.Path
			}
			if d.Path == "" {
				d.Path = "/"
			}
			all = append(all, d)
		}
	}
	return all
}

// Speaks says what is spoken at a place.
func (t *Target) Speaks(p *Place) (isWS, secured bool) {
	return t.Proto == WS || t.Proto == Mixed && p.WS, t.TLS.On && !p.Plain
}

// MixesTLS says whether some connections are secured and others are not.
func (t *Target) MixesTLS() bool {
	return t.TLS.On && slices.ContainsFunc(t.Places, func(p Place) bool { return p.Plain })
}

// SecuredShare is the share of the destinations that are secured.
func (t *Target) SecuredShare() float64 {
	secured := 0
	for i := range t.Places {
		if _, is := t.Speaks(&t.Places[i]); is {
			secured += len(t.Places[i].Ports)
		}
	}
	return float64(secured) / float64(max(1, t.Dests()))
}

// Host is the address of the first place.
func (t *Target) Host() netip.Addr {
	if len(t.Places) == 0 {
		return netip.Addr{}
	}
	return t.Places[0].Host
}

// Hosts are the addresses, each once.
func (t *Target) Hosts() (all []netip.Addr) {
	seen := map[netip.Addr]bool{}
	for i := range t.Places {
		if host := t.Places[i].Host; !seen[host] {
			seen[host] = true
			all = append(all, host)
		}
	}
	return all
}

// AllHosts says whether something is true of every address.
func (t *Target) AllHosts(is func(netip.Addr) bool) bool {
	return !slices.ContainsFunc(t.Places, func(p Place) bool { return !is(p.Host) })
}

// OnLoopback says whether every address is one of the loopback interface.
func (t *Target) OnLoopback() bool { return t.AllHosts(netip.Addr.IsLoopback) }

// TwoFamilies says whether there are IPv4 and IPv6 addresses.
func (t *Target) TwoFamilies() bool {
	return !t.AllHosts(netip.Addr.Is4) && !t.AllHosts(netip.Addr.Is6)
}

// Ports are the destination ports, each once, in order.
func (t *Target) Ports() (all []int) {
	for i := range t.Places {
		all = append(all, t.Places[i].Ports...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Ranges are the destination ports as ranges.
func (t *Target) Ranges() (all []unit.Ports) {
	for _, port := range t.Ports() {
		if last := len(all) - 1; last >= 0 && all[last].First+all[last].N == port {
			all[last].N++
			continue
		}
		all = append(all, unit.Ports{First: port, N: 1})
	}
	return all
}

// Overlap is the most destinations that are one port of one address, as two names of
// one server are: they share the 4-tuples.
func (t *Target) Overlap() (most int64) {
	if len(t.Places) <= 1 {
		return 1
	}
	n := make(map[netip.AddrPort]int64, t.Dests())
	for _, d := range t.List() {
		n[d.At]++
		most = max(most, n[d.At])
	}
	return most
}
