package packets

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// burst is how many consecutive slots go to the same port: enough that the
// server's accept loop finds several at once.
const burst = 64

// The local ports of a source address: all that need no privilege. They are no
// sockets' ports, so neither the kernel's range nor what it reserves matters.
const (
	FirstLocal = 1024
	locals     = 65536 - FirstLocal
)

// tuples maps slots to 4-tuples and back, without a table: slots go in bursts
// over the destination ports, then over the local ports, then over the sources.
type tuples struct {
	first  netip.Addr // source address 0
	base   uint32     // its last four bytes
	ports  []int
	index  map[uint16]int // destination port -> place in ports
	burst  int
	conns  int
	dest   []netip.AddrPort
	source int // how many source addresses are used
}

// Sources is how many source addresses a prefix has for connections: all but
// the first, which names the network, unless it is the only one or there are two.
func Sources(p netip.Prefix) int64 {
	host := p.Addr().BitLen() - p.Bits()
	switch {
	case host <= 1:
		return 1 << host
	case host > 31:
		return 1<<31 - 1
	}
	return 1<<host - 1
}

// Capacity is how many connections to so many ports the sources of a prefix
// hold.
func Capacity(p netip.Prefix, ports int) int64 { return Sources(p) * locals * int64(ports) }

func newTuples(prefix netip.Prefix, host netip.Addr, ports []int, conns int) (tuples, error) {
	if most := Capacity(prefix, len(ports)); int64(conns) > most {
		return tuples{}, fmt.Errorf("%d source addresses of %s hold %d connections to %d ports, not %d: give more with --sources",
			Sources(prefix), prefix, most, len(ports), conns)
	}
	t := tuples{first: prefix.Masked().Addr(), ports: ports, index: map[uint16]int{}, conns: conns}
	if prefix.Addr().BitLen()-prefix.Bits() > 1 {
		t.first = t.first.Next()
	}
	b := t.first.AsSlice()
	t.base = binary.BigEndian.Uint32(b[len(b)-4:])
	// Small runs still touch every port.
	t.burst = max(1, min(burst, conns/len(ports)))
	for i, p := range ports {
		t.index[uint16(p)] = i
		t.dest = append(t.dest, netip.AddrPortFrom(host, uint16(p)))
	}
	if conns > 0 {
		// The last slot need not have the highest number within its port.
		rounds := (conns + t.burst*len(ports) - 1) / (t.burst * len(ports))
		t.source = (rounds*t.burst + locals - 1) / locals
	}
	return t, nil
}

// port is the place of a slot's destination port in ports.
func (t *tuples) port(slot int) int { return slot / t.burst % len(t.ports) }

// of is a slot's 4-tuple.
func (t *tuples) of(slot int) (src, dst netip.AddrPort) {
	block := slot / t.burst
	nth := block/len(t.ports)*t.burst + slot%t.burst
	return netip.AddrPortFrom(t.addr(nth/locals), uint16(FirstLocal+nth%locals)), t.dest[block%len(t.ports)]
}

// addr is source address i.
func (t *tuples) addr(i int) netip.Addr {
	if t.first.Is4() {
		return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, t.base+uint32(i))))
	}
	b := t.first.As16()
	binary.BigEndian.PutUint32(b[12:], t.base+uint32(i))
	return netip.AddrFrom16(b)
}

// slot is whose 4-tuple this is, seen from us; -1: nobody's.
func (t *tuples) slot(src, dst netip.AddrPort) int {
	port, is := t.index[dst.Port()]
	if !is || t.dest[port] != dst || src.Port() < FirstLocal {
		return -1
	}
	i, is := t.place(src.Addr())
	if !is {
		return -1
	}
	nth := i*locals + int(src.Port()) - FirstLocal
	slot := (nth/t.burst*len(t.ports)+port)*t.burst + nth%t.burst
	if slot >= t.conns {
		return -1
	}
	return slot
}

// place is which source address this is.
func (t *tuples) place(a netip.Addr) (int, bool) {
	if a.BitLen() != t.first.BitLen() {
		return 0, false
	}
	if a.Is4() {
		b := a.As4()
		i := binary.BigEndian.Uint32(b[:]) - t.base
		return int(i), int64(i) < int64(t.source)
	}
	b, first := a.As16(), t.first.As16()
	i := binary.BigEndian.Uint32(b[12:]) - t.base
	return int(i), [12]byte(b[:12]) == [12]byte(first[:12]) && int64(i) < int64(t.source)
}
