package tcp

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"testing"
)

func ends(v6 bool) (src, dst netip.AddrPort) {
	if v6 {
		return netip.MustParseAddrPort("[fd00::1]:2000"), netip.MustParseAddrPort("[fd00::2]:10000")
	}
	return netip.MustParseAddrPort("198.18.0.1:2000"), netip.MustParseAddrPort("198.19.0.2:10000")
}

func packet(v6 bool, o Out, payload string) []byte {
	src, dst := ends(v6)
	o.Len = len(payload)
	b := append(AppendPacket(nil, src, dst, o), payload...)
	Finish(b)
	return b
}

func TestPacketRoundTrip(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		for _, payload := range []string{"", "x", "odd", "even"} {
			o := Out{Seq: 1 << 31, Ack: 7, Flags: ACK | SYN | PSH, Window: 1234, MSS: 1440}
			p, err := Parse(packet(v6, o, payload), false)
			if err != nil {
				t.Fatal(err)
			}
			src, dst := ends(v6)
			g := p.Segment
			if p.Src != src || p.Dst != dst || g.Seq != o.Seq || g.Ack != o.Ack || g.Flags != o.Flags ||
				g.Window != o.Window || g.MSS != o.MSS || string(g.Payload) != payload || p.Error != NoError {
				t.Errorf("v6 %v: %+v", v6, p)
			}
		}
	}
}

// A SYN as Linux sends it, with SACK, timestamps and window scale around its
// MSS, recorded on the loopback device.
func TestParseRecorded(t *testing.T) {
	b, _ := hex.DecodeString("4500003c8bf540004006b0c47f0000017f000001a3be2710e9a1bd3c00000000a002ffd7fe300000" +
		"0204ffd70402080a4f1a1f330000000001030307")
	p, err := Parse(b, true)
	if err != nil || p.Segment.MSS != 65495 || p.Segment.Flags != SYN || p.Dst.Port() != 10000 {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestParseRefuses(t *testing.T) {
	damage := func(v6 bool, at int) []byte {
		b := packet(v6, Out{Flags: ACK}, "payload")
		b[at] ^= 0x10
		return b
	}
	fragment := packet(false, Out{Flags: ACK}, "payload")
	fragment[6] = 0x20
	for _, c := range []struct {
		name string
		b    []byte
		want error
	}{
		{"empty", nil, ErrShort},
		{"no IP version", bytes.Repeat([]byte{0}, 40), ErrNotTCP},
		{"IPv4 address damaged", damage(false, 13), ErrChecksum},
		{"payload damaged", damage(false, 42), ErrChecksum},
		{"IPv6 payload damaged", damage(true, 62), ErrChecksum},
		{"IPv6 address damaged", damage(true, 30), ErrChecksum},
		{"fragment", fragment, ErrFragment},
		{"cut off", packet(false, Out{}, "payload")[:40], ErrShort},
		{"IPv6 cut off", packet(true, Out{}, "payload")[:60], ErrShort},
	} {
		if _, err := Parse(c.b, false); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// icmp is an error of a type and code about a packet of ours.
func icmp(v6 bool, kind, code byte, mtu uint32) []byte {
	quoted := packet(v6, Out{Seq: 77, Flags: SYN}, "")
	body := append([]byte{kind, code, 0, 0, 0, 0, 0, 0}, quoted...)
	binary.BigEndian.PutUint32(body[4:], mtu)
	router, us := ends(v6)
	b := AppendPacket(nil, router, us, Out{Len: len(body) - tcpHeader})[:Start(packet(v6, Out{}, ""))]
	pseudo := uint32(0)
	if v6 {
		b[6] = protoICMPv6
		pseudo = sum(uint32(protoICMPv6+len(body)), b[8:40])
	} else {
		b[9] = protoICMP
		b[10], b[11] = 0, 0
		binary.BigEndian.PutUint16(b[10:], ^fold(sum(0, b)))
	}
	binary.BigEndian.PutUint16(body[2:], ^fold(sum(pseudo, body)))
	return append(b, body...)
}

func TestParseErrors(t *testing.T) {
	for _, c := range []struct {
		name       string
		v6         bool
		kind, code byte
		want       Error
	}{
		{"host unreachable", false, 3, 1, NotReached},
		{"fragmentation needed", false, 3, 4, PacketTooBig},
		{"IPv6 no route", true, 1, 0, NotReached},
		{"IPv6 too big", true, 2, 0, PacketTooBig},
	} {
		src, dst := ends(c.v6)
		p, err := Parse(icmp(c.v6, c.kind, c.code, 1280), true)
		if err != nil || p.Error != c.want || p.Src != src || p.Dst != dst || p.Segment.Seq != 77 {
			t.Errorf("%s: %+v, %v", c.name, p, err)
		}
		if c.want == PacketTooBig && p.MTU != 1280 {
			t.Errorf("%s: MTU %d", c.name, p.MTU)
		}
	}
	if _, err := Parse(icmp(false, 8, 0, 0), true); !errors.Is(err, ErrNotTCP) {
		t.Errorf("echo request: %v", err)
	}
	forged := icmp(false, 3, 1, 0)
	forged[len(forged)-1] ^= 1
	if _, err := Parse(forged, true); !errors.Is(err, ErrChecksum) {
		t.Errorf("a damaged error: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, v6 := range []bool{false, true} {
		f.Add(packet(v6, Out{Flags: SYN, MSS: 1460}, "payload"))
		f.Add(icmp(v6, 3, 4, 1280))
		f.Add(icmp(v6, 2, 0, 1280))
	}
	f.Add([]byte(strings.Repeat("\x45", 64)))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Parse(b, true)
		if err == nil && p.Error == NoError && (!p.Src.IsValid() || len(p.Segment.Payload) > len(b)) {
			t.Errorf("%+v", p)
		}
		_, _ = Parse(b, false)
	})
}

func TestISN(t *testing.T) {
	s, again := Secret{1, 2}, Secret{1, 2}
	if s.ISN(7, 0) != again.ISN(7, 0) {
		t.Error("one connection, two numbers")
	}
	seen := map[uint32]bool{}
	for i := range int64(10_000) {
		seen[s.ISN(i, 0)] = true
		seen[s.ISN(i, 1)] = true
		seen[Secret{1, 3}.ISN(i, 0)] = true
	}
	if len(seen) < 29_990 { // of 30,000 random numbers 0.1 meet another
		t.Errorf("only %d different numbers", len(seen))
	}
}

func TestNothingIsAllocated(t *testing.T) {
	s := New(Config{Output: discard{}, Events: &quietEvents{}, MSS: 1460, ISN: func(int) uint32 { return 1 }},
		make([]Conn, 1))
	s.Open(0)
	s.Input(0, Segment{Seq: 10, Ack: 2, Flags: SYN | ACK, Window: 65535, MSS: 1460})
	seq, ack := uint32(11), uint32(2)
	payload := make([]byte, 64)
	if n := testing.AllocsPerRun(1000, func() {
		s.Send(0, 64)
		ack += 64
		s.Input(0, Segment{Seq: seq, Ack: ack, Flags: ACK, Window: 65535, Payload: payload})
		seq += 64
		s.Flush()
	}); n != 0 {
		t.Errorf("%v allocations a message", n)
	}
	src, dst := ends(false)
	b := make([]byte, 0, 2048)
	if n := testing.AllocsPerRun(1000, func() {
		b = AppendPacket(b[:0], src, dst, Out{Len: 0, Flags: ACK})
		Finish(b)
		if _, err := Parse(b, false); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
}

type discard struct{}

func (discard) Transmit(int, Out) {}
