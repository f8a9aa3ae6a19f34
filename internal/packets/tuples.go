package packets

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"

	"github.com/c10m/c10m/internal/plan"
)

// tuples maps the slots of a part of a plan to 4-tuples and back by arithmetic, without
// a table of connections. The plan says to which destination a connection goes and
// which one of that destination it is (plan.Tuple.Nth); source address and local port
// follow from the latter.
type tuples struct {
	plan  plan.Plan      // without Sources
	nth   int64          // the lowest Nth of this part
	first netip.Addr     // source address 0
	base  uint32         // its last four bytes
	used  int64          // source addresses that are used
	index map[uint16]int // destination port -> its index among all
	hosts []netip.Addr
	at    []int32 // index in dest of the destination with port i and host h, at i*len(hosts)+h; -1: none
	dest  []netip.AddrPort
}

func newTuples(part plan.Plan) (*tuples, error) {
	prefix := part.Packets.Prefix
	part.Sources = nil
	t := &tuples{plan: part, first: prefix.Masked().Addr(), index: map[uint16]int{}}
	if part.Conns > 0 {
		// Ports take turns, so the first of each port have nearly the same Nth.
		t.nth = part.Tuple(part.Offset).Nth
		last := t.nth
		for i := range min(part.Conns, int64(part.Round())) {
			t.nth = min(t.nth, part.Tuple(part.Offset+i).Nth)
			last = max(last, part.Tuple(part.Offset+part.Conns-1-i).Nth)
		}
		t.used = (last-t.nth)/plan.PacketPorts + 1
	}
	if most := part.Packets.Sources(); t.used > most {
		return nil, fmt.Errorf("%d connections to %d destinations need %d source addresses, and %s has %d: give more "+
			"with --sources",
			part.Conns, part.Dests(), t.used, prefix, most)
	}
	if prefix.Addr().BitLen()-prefix.Bits() > 1 {
		t.first = t.first.Next()
	}
	b := t.first.AsSlice()
	t.base = binary.BigEndian.Uint32(b[len(b)-4:])
	t.listDests()
	return t, nil
}

// listDests fills in index, hosts, at and dest.
func (t *tuples) listDests() {
	ports := t.plan.Ports()
	for i, p := range ports {
		t.index[uint16(p)] = i
	}
	t.hosts = t.plan.Hosts()
	t.at = slices.Repeat([]int32{-1}, len(ports)*len(t.hosts))
	for i, d := range t.plan.List() {
		t.dest = append(t.dest, d.At)
		t.at[t.index[d.At.Port()]*len(t.hosts)+slices.Index(t.hosts, d.At.Addr())] = int32(i)
	}
}

// of is a slot's 4-tuple.
func (t *tuples) of(slot int) (src, dst netip.AddrPort) {
	tuple := t.plan.Tuple(t.plan.Offset + int64(slot))
	n := tuple.Nth - t.nth
	return netip.AddrPortFrom(t.addr(uint32(n/plan.PacketPorts)), uint16(plan.FirstPacketPort+n%plan.PacketPorts)),
		t.dest[tuple.Dest]
}

// addr is source address i.
func (t *tuples) addr(i uint32) netip.Addr {
	if t.first.Is4() {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], t.base+i)
		return netip.AddrFrom4(b)
	}
	b := t.first.As16()
	binary.BigEndian.PutUint32(b[12:], t.base+i)
	return netip.AddrFrom16(b)
}

// slot is the slot that has this 4-tuple, src being ours; -1 if none has.
func (t *tuples) slot(src, dst netip.AddrPort) int {
	port, is := t.index[dst.Port()]
	host := slices.Index(t.hosts, dst.Addr())
	if !is || host < 0 || src.Port() < plan.FirstPacketPort {
		return -1
	}
	dest := int(t.at[port*len(t.hosts)+host])
	i, is := t.place(src.Addr())
	if !is || dest < 0 {
		return -1
	}
	number, is := t.plan.Number(plan.Tuple{
		Dest: dest, Nth: t.nth + i*plan.PacketPorts + int64(src.Port()) - plan.FirstPacketPort,
	})
	if slot := number - t.plan.Offset; is && slot >= 0 && slot < t.plan.Conns {
		return int(slot)
	}
	return -1
}

// place is the number of a source address; false if it is none of ours.
func (t *tuples) place(a netip.Addr) (int64, bool) {
	if a.BitLen() != t.first.BitLen() {
		return 0, false
	}
	if a.Is4() {
		b := a.As4()
		i := int64(binary.BigEndian.Uint32(b[:]) - t.base)
		return i, i < t.used
	}
	b, first := a.As16(), t.first.As16()
	i := int64(binary.BigEndian.Uint32(b[12:]) - t.base)
	return i, [12]byte(b[:12]) == [12]byte(first[:12]) && i < t.used
}
