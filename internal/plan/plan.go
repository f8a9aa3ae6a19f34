package plan

import (
	"fmt"
	"net/netip"

	"github.com/c10m/c10m/internal/unit"
)

// Plan is a run, decided: nothing in it is "auto" any more. The connections
// are numbered; Tuple says which 4-tuple each number uses. A Plan can be Split
// into parts that together cover every number exactly once.
type Plan struct {
	Target
	Asked

	Sources   []netip.Addr // none: the kernel picks the source, and nothing is bound
	SourcesV6 []netip.Addr // of destinations of two families: those of IPv6, as many as the Sources of IPv4
	Local     LocalPorts   // what the kernel may pick local ports from

	Total  int64 // connections of the whole run
	Offset int64 // the first connection number of this part
	Conns  int64 // connections of this part: Offset..Offset+Conns-1

	Threads       int
	PrivateTables bool    // each thread takes an fd table of its own
	Verify        int64   // connections to check with one echo after the hold
	Packets       Packets // the zero value: the kernel's sockets
}

// WebSocket is what the opening handshake says, RFC 6455 section 4.1, and what
// kind of messages follow.
type WebSocket struct {
	Path        string      // "" is "/"
	Headers     [][2]string // further fields, name and value
	Subprotocol string      // comma-separated, "" for none
	Text        bool        // messages are text frames, RFC 6455 section 5.6; else binary
}

// The protocols of a plan. Places of a Mixed one speak TCP or WebSocket.
const (
	TCP   = "tcp"
	WS    = "ws"
	Mixed = "tcp,ws"
)

// What server and client listen on and connect to where nobody says otherwise.
const (
	DefaultPorts = 200 // of each protocol
	FirstTCP     = 10000
	FirstWS      = 15000
)

// EndOfTransmission, EOT in ASCII, is the last byte of the message after which a
// server that was asked to (--close-on-eot) closes a TCP connection, first. No
// other byte of any message is one. A WebSocket server closes first anyway, after
// a close frame (RFC 6455 section 7.1.1).
const EndOfTransmission = 0x04

// MemoryReservePercent of a machine's memory stays free: the OOM killer comes
// before the last page, and sockets cannot be reclaimed. MemoryReserve is the
// same as a share.
const (
	MemoryReservePercent = 5
	MemoryReserve        = MemoryReservePercent / 100.0
)

// CloseMode is how the client ends its connections.
type CloseMode string

// The close modes. FIN leaves one TIME_WAIT per connection on the client, RST
// none.
const (
	CloseRST CloseMode = "rst"
	CloseFIN CloseMode = "fin"
)

// LocalPorts is what local ports the kernel may choose from:
// net.ipv4.ip_local_port_range less net.ipv4.ip_local_reserved_ports.
type LocalPorts struct {
	Low, High int
	Reserved  []unit.Ports
}

// DefaultLocalPorts is the kernel's default range, 32768..60999.
var DefaultLocalPorts = LocalPorts{Low: 32768, High: 60999}

// N is how many local ports can be chosen. Reserved ranges may overlap each
// other and reach outside Low..High.
func (l LocalPorts) N() int {
	n := 0
	for port := l.Low; port <= l.High; port++ {
		if l.Has(port) {
			n++
		}
	}
	return n
}

// Has says whether the kernel may choose port.
func (l LocalPorts) Has(port int) bool { return port >= l.Low && port <= l.High && !l.IsReserved(port) }

// IsReserved says whether port lies in a reserved range.
func (l LocalPorts) IsReserved(port int) bool {
	for _, r := range l.Reserved {
		if r.Contains(port) {
			return true
		}
	}
	return false
}

// Tuple is where connection number i goes. The local port is the kernel's
// choice within the cell (source x destination); Nth numbers the
// connections of one cell, and the planner keeps Nth < LocalPorts.N, so that a
// free local port exists for each.
type Tuple struct {
	Dest   int // index of Target.List
	Source int // index into Plan.Sources, or SourcesV6; 0 if there are none
	Nth    int64
}

// burst is how many consecutive connections go to the same cell: enough that
// the server's accept loop finds several at once, few enough that small runs
// still touch every port.
const burst = 64

// cells is the number of (source, destination) pairs.
func (p *Plan) cells() int64 {
	return int64(max(1, len(p.Sources))) * int64(p.Dests())
}

// Tuple maps a connection number (0..Total-1) to its 4-tuple. Every cell gets
// Total/cells connections, the first Total%cells of them one more, in bursts.
func (p *Plan) Tuple(i int64) Tuple {
	cells := p.cells()
	each := p.Total / cells
	var cell, nth int64
	if full := each * cells; i >= full {
		cell, nth = i-full, each
	} else {
		pass := i / (cells * burst)
		width := min(burst, each-pass*burst) // of this pass; the last may be narrower
		in := i - pass*cells*burst
		cell, nth = in/width, pass*burst+in%width
	}
	dests := int64(p.Dests())
	return Tuple{Dest: int(cell % dests), Source: int(cell / dests), Nth: nth}
}

// Called is the number by which what is said calls a connection: {i}.
func (p *Plan) Called(slot int64) uint64 { return uint64(p.First + p.Offset + slot) }

// Number is the connection number that a 4-tuple belongs to, the inverse of
// Tuple; false: none.
func (p *Plan) Number(t Tuple) (int64, bool) {
	cells := p.cells()
	each := p.Total / cells
	cell := int64(t.Source)*int64(p.Dests()) + int64(t.Dest)
	switch {
	case t.Nth < 0 || cell < 0 || cell >= cells || t.Nth > each:
		return 0, false
	case t.Nth == each:
		return each*cells + cell, each*cells+cell < p.Total
	}
	pass := t.Nth / burst
	width := min(burst, each-pass*burst)
	return pass*cells*burst + cell*width + t.Nth%burst, true
}

// Round is how many connections in a row go to every port at least once.
func (p *Plan) Round() int { return burst * p.Dests() }

// PerCell is the most connections one cell gets.
func (p *Plan) PerCell() int64 {
	cells := p.cells()
	return (p.Total + cells - 1) / cells
}

// WidePorts says whether a cell is so full that the kernel's usual search for
// a local port (one parity of the range first, in steps of two) would turn
// slow: above 45 % of the range. IP_LOCAL_PORT_RANGE lifts that.
func (p *Plan) WidePorts() bool {
	return p.PerCell()*p.Overlap()*100 > int64(p.Local.N())*45
}

// Split cuts the plan into n parts of near equal size that cover each
// connection number of p exactly once. A part has one thread's worth of work
// when n is Threads; the rate is shared in proportion.
func (p *Plan) Split(n int) []Plan {
	parts := make([]Plan, n)
	for k := range parts {
		part := *p
		lo, hi := p.Conns*int64(k)/int64(n), p.Conns*int64(k+1)/int64(n)
		part.Offset, part.Conns = p.Offset+lo, hi-lo
		part.Threads = max(1, p.Threads/n)
		part.Rate = p.Rate / unit.Rate(n)
		part.Packets = p.Packets.split(k, n)
		part.Verify = p.Verify*int64(k+1)/int64(n) - p.Verify*int64(k)/int64(n)
		parts[k] = part
	}
	p.splitStages(parts)
	return parts
}

// Check refuses a plan whose 4-tuples cannot fit, and says what would make it
// fit.
func (p *Plan) Check() error {
	if p.Dests() == 0 || p.Total < 1 {
		return fmt.Errorf("plan has %d ports and %d connections: both must be at least 1", p.Dests(), p.Total)
	}
	if p.Packets.On() {
		return p.checkPackets()
	}
	n := int64(p.Local.N())
	if n == 0 {
		return fmt.Errorf("no local port is left: net.ipv4.ip_local_port_range %d..%d is wholly reserved by "+
			"net.ipv4.ip_local_reserved_ports", p.Local.Low, p.Local.High)
	}
	if p.PerCell()*p.Overlap() <= n {
		return nil
	}
	return p.tooFew(n)
}

// tooFew is the error of a plan whose connections do not fit into n local ports a
// cell, with what would make them fit.
func (p *Plan) tooFew(n int64) error {
	sources, dests := int64(max(1, len(p.Sources))), int64(p.Dests())
	destinations, more := fmt.Sprintf("%d ports", dests), ""
	if hosts := int64(len(p.Hosts())); hosts > 1 {
		destinations = fmt.Sprintf("%d ports of %d addresses", dests, hosts)
	}
	if need := ceilDiv(p.Total*p.Overlap(), n*sources); p.URLs != nil {
		more = fmt.Sprintf("with targets of %d ports in all", need)
	} else {
		more = fmt.Sprintf("with --ports %d", ceilDiv(need, int64(len(p.Places))))
	}
	return fmt.Errorf("--conns %d: %s local ports × %d sources × %s hold %s connections; "+
		"it would fit %s, or with --sources of %d addresses%s",
		p.Total, unit.Commas(n), sources, destinations, unit.Commas(n*sources*dests/p.Overlap()),
		more, ceilDiv(p.Total*p.Overlap(), n*dests), p.Local.hint())
}

// hint is the third way out: a wider local range, when it is not the widest.
func (l LocalPorts) hint() string {
	if l.Low <= 1024 && l.High >= 65535 {
		return ""
	}
	return fmt.Sprintf(", or with a wider net.ipv4.ip_local_port_range (now %d %d; at most 1024 65535)", l.Low, l.High)
}

func ceilDiv(a, b int64) int64 { return (a + b - 1) / b }
