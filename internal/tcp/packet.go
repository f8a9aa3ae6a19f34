package tcp

import (
	"encoding/binary"
	"errors"
	"net/netip"
)

// Sizes of headers, in bytes.
const (
	ipv4Header = 20
	ipv6Header = 40
	tcpHeader  = 20
	mssOption  = 4
	// MaxHeader is the longest that AppendPacket writes before a payload.
	MaxHeader = ipv6Header + tcpHeader + mssOption
)

// Protocol numbers of IP, and the options of TCP that are read.
const (
	protoICMP   = 1
	protoTCP    = 6
	protoICMPv6 = 58

	optionEnd = 0
	optionNop = 1
	optionMSS = 2
)

// MSS is what fits into one segment on a link with this MTU, without options:
// RFC 9293 section 3.7.1.
func MSS(mtu int, v6 bool) int {
	if v6 {
		return mtu - ipv6Header - tcpHeader
	}
	return mtu - ipv4Header - tcpHeader
}

// AppendPacket appends the IP and TCP headers of a segment from src to dst with
// o.Len bytes of payload, which the caller appends. The TCP checksum is that of
// the pseudo-header only: whoever takes the packet must finish it from Start on
// (virtio's VIRTIO_NET_HDR_F_NEEDS_CSUM), or Finish does.
func AppendPacket(b []byte, src, dst netip.AddrPort, o Out) []byte {
	options := 0
	if o.MSS != 0 {
		options = mssOption
	}
	n := tcpHeader + options + o.Len
	at := len(b)
	var pseudo uint32
	if src.Addr().Is4() {
		b = appendIPv4(b, src.Addr(), dst.Addr(), n)
		pseudo = sum(0, b[at+12:at+20])
	} else {
		b = appendIPv6(b, src.Addr(), dst.Addr(), n)
		pseudo = sum(0, b[at+8:at+40])
	}
	b = binary.BigEndian.AppendUint16(b, src.Port())
	b = binary.BigEndian.AppendUint16(b, dst.Port())
	b = binary.BigEndian.AppendUint32(b, o.Seq)
	b = binary.BigEndian.AppendUint32(b, o.Ack)
	b = append(b, byte(tcpHeader+options)<<2, byte(o.Flags))
	b = binary.BigEndian.AppendUint16(b, o.Window)
	b = binary.BigEndian.AppendUint16(b, fold(pseudo+protoTCP+uint32(n)))
	b = append(b, 0, 0) // urgent pointer
	if options > 0 {
		b = append(b, optionMSS, mssOption)
		b = binary.BigEndian.AppendUint16(b, o.MSS)
	}
	return b
}

// appendIPv4 appends a header of RFC 791 with DF set, for n bytes of TCP.
func appendIPv4(b []byte, src, dst netip.Addr, n int) []byte {
	at := len(b)
	from, to := src.As4(), dst.As4()
	b = append(b, 4<<4|ipv4Header/4, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(ipv4Header+n))
	b = append(b, 0, 0, 0x40, 0, 64, protoTCP, 0, 0) // no ID is needed with DF: RFC 6864
	b = append(b, from[:]...)
	b = append(b, to[:]...)
	binary.BigEndian.PutUint16(b[at+10:], ^fold(sum(0, b[at:at+ipv4Header])))
	return b
}

// appendIPv6 appends a header of RFC 8200 for n bytes of TCP.
func appendIPv6(b []byte, src, dst netip.Addr, n int) []byte {
	from, to := src.As16(), dst.As16()
	b = append(b, 6<<4, 0, 0, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(n))
	b = append(b, protoTCP, 64)
	b = append(b, from[:]...)
	return append(b, to[:]...)
}

// Start is where the TCP header of a packet of ours begins, and with it what
// its checksum covers; ChecksumAt is how far from there the checksum is.
func Start(packet []byte) int {
	if packet[0]>>4 == 6 {
		return ipv6Header
	}
	return ipv4Header
}

// ChecksumAt is where the checksum lies in a TCP header.
const ChecksumAt = 16

// Finish completes the checksum of a packet that AppendPacket began, payload
// included.
func Finish(packet []byte) {
	at := Start(packet)
	binary.BigEndian.PutUint16(packet[at+ChecksumAt:], ^fold(sum(0, packet[at:])))
}

// Packet is a TCP segment, or an ICMP error about one of ours, with where it
// came from and went to.
type Packet struct {
	Src, Dst netip.AddrPort // of an error: Src is ours, as in the packet it quotes
	Segment  Segment
	Error    Error
	MTU      int // of TooBig
}

// Error is what an ICMP message says.
type Error uint8

// The errors. NoError is a TCP segment.
const (
	NoError Error = iota
	NotReached
	PacketTooBig
)

// What Parse refuses.
var (
	ErrNotTCP   = errors.New("neither TCP nor an ICMP error about it")
	ErrFragment = errors.New("IP fragment")
	ErrShort    = errors.New("packet is cut off")
	ErrChecksum = errors.New("wrong checksum")
)

// Parse reads an IP packet. The payload of the segment is part of b. Checksums
// are checked unless whoever brought the packet has vouched for it.
func Parse(b []byte, trusted bool) (Packet, error) {
	if len(b) < ipv4Header {
		return Packet{}, ErrShort
	}
	switch b[0] >> 4 {
	case 4:
		return parseIPv4(b, trusted)
	case 6:
		return parseIPv6(b, trusted)
	}
	return Packet{}, ErrNotTCP
}

func parseIPv4(b []byte, trusted bool) (Packet, error) {
	header, total := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
	switch {
	case header < ipv4Header || total < header || total > len(b):
		return Packet{}, ErrShort
	case binary.BigEndian.Uint16(b[6:])&0x3fff != 0:
		return Packet{}, ErrFragment
	case !trusted && fold(sum(0, b[:header])) != 0xffff:
		return Packet{}, ErrChecksum
	}
	src, dst := netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
	body := b[header:total]
	switch b[9] {
	case protoTCP:
		if !trusted && fold(sum(uint32(protoTCP+len(body)), b[12:20], body)) != 0xffff {
			return Packet{}, ErrChecksum
		}
		return parseTCP(src, dst, body)
	case protoICMP:
		if fold(sum(0, body)) != 0xffff {
			return Packet{}, ErrChecksum
		}
		return parseICMP(body)
	}
	return Packet{}, ErrNotTCP
}

func parseIPv6(b []byte, trusted bool) (Packet, error) {
	if len(b) < ipv6Header {
		return Packet{}, ErrShort
	}
	n := int(binary.BigEndian.Uint16(b[4:]))
	if ipv6Header+n > len(b) {
		return Packet{}, ErrShort
	}
	src, dst := netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40]))
	body := b[ipv6Header : ipv6Header+n]
	next := b[6]
	if next != protoTCP && next != protoICMPv6 {
		return Packet{}, ErrNotTCP
	}
	if (next == protoICMPv6 || !trusted) && fold(sum(uint32(int(next)+n), b[8:40], body)) != 0xffff {
		return Packet{}, ErrChecksum
	}
	if next == protoTCP {
		return parseTCP(src, dst, body)
	}
	return parseICMPv6(body)
}

func parseTCP(src, dst netip.Addr, b []byte) (Packet, error) {
	if len(b) < tcpHeader {
		return Packet{}, ErrShort
	}
	header := int(b[12]>>4) * 4
	if header < tcpHeader || header > len(b) {
		return Packet{}, ErrShort
	}
	s := Segment{
		Seq: binary.BigEndian.Uint32(b[4:]), Ack: binary.BigEndian.Uint32(b[8:]),
		Flags: Flags(b[13] & 0x3f), Window: binary.BigEndian.Uint16(b[14:]), Payload: b[header:],
	}
	if s.Flags&SYN != 0 {
		s.MSS = readMSS(b[tcpHeader:header])
	}
	return Packet{
		Src:     netip.AddrPortFrom(src, binary.BigEndian.Uint16(b)),
		Dst:     netip.AddrPortFrom(dst, binary.BigEndian.Uint16(b[2:])),
		Segment: s,
	}, nil
}

// readMSS finds the MSS among the options of a SYN; 0: it is not there.
func readMSS(b []byte) uint16 {
	for len(b) > 0 && b[0] != optionEnd {
		if b[0] == optionNop {
			b = b[1:]
			continue
		}
		if len(b) < 2 || b[1] < 2 || int(b[1]) > len(b) {
			return 0
		}
		if b[0] == optionMSS && b[1] == mssOption {
			return binary.BigEndian.Uint16(b[2:])
		}
		b = b[b[1]:]
	}
	return 0
}

// icmpHeader is type, code, checksum and four bytes more; what the error is
// about follows.
const icmpHeader = 8

// parseICMP reads Destination Unreachable, RFC 792 and RFC 1191.
func parseICMP(b []byte) (Packet, error) {
	const unreachable, fragmentationNeeded = 3, 4
	if len(b) < icmpHeader {
		return Packet{}, ErrShort
	}
	if b[0] != unreachable {
		return Packet{}, ErrNotTCP
	}
	p, err := parseQuote(b[icmpHeader:])
	p.Error = NotReached
	if b[1] == fragmentationNeeded {
		p.Error, p.MTU = PacketTooBig, int(binary.BigEndian.Uint16(b[6:]))
	}
	return p, err
}

// parseICMPv6 reads Destination Unreachable and Packet Too Big, RFC 4443.
func parseICMPv6(b []byte) (Packet, error) {
	const unreachable, tooBig = 1, 2
	if len(b) < icmpHeader {
		return Packet{}, ErrShort
	}
	if b[0] != unreachable && b[0] != tooBig {
		return Packet{}, ErrNotTCP
	}
	p, err := parseQuote(b[icmpHeader:])
	p.Error = NotReached
	if b[0] == tooBig {
		p.Error, p.MTU = PacketTooBig, int(min(65535, binary.BigEndian.Uint32(b[4:])))
	}
	return p, err
}

// parseQuote reads what an error quotes of a packet of ours: at least the ports
// and the sequence number.
func parseQuote(b []byte) (p Packet, err error) {
	if len(b) < ipv4Header {
		return p, ErrShort
	}
	var src, dst netip.Addr
	var next byte
	var header int
	switch b[0] >> 4 {
	case 4:
		header, next = int(b[0]&15)*4, b[9]
		src, dst = netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
	case 6:
		if len(b) < ipv6Header {
			return p, ErrShort
		}
		header, next = ipv6Header, b[6]
		src, dst = netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40]))
	}
	switch {
	case next != protoTCP:
		return p, ErrNotTCP
	case header < ipv4Header || len(b) < header+8:
		return p, ErrShort
	}
	b = b[header:]
	p.Src = netip.AddrPortFrom(src, binary.BigEndian.Uint16(b))
	p.Dst = netip.AddrPortFrom(dst, binary.BigEndian.Uint16(b[2:]))
	p.Segment.Seq = binary.BigEndian.Uint32(b[4:])
	return p, nil
}

// sum adds 16-bit words in ones' complement, RFC 1071. Each of the pieces but
// the last has an even number of bytes.
func sum(s uint32, pieces ...[]byte) uint32 {
	acc := uint64(s)
	for _, b := range pieces {
		for ; len(b) >= 4; b = b[4:] {
			acc += uint64(binary.BigEndian.Uint32(b))
		}
		if len(b) >= 2 {
			acc += uint64(binary.BigEndian.Uint16(b))
			b = b[2:]
		}
		if len(b) == 1 {
			acc += uint64(b[0]) << 8
		}
	}
	for acc>>32 != 0 {
		acc = acc>>32 + acc&0xffffffff
	}
	return uint32(acc>>16 + acc&0xffff)
}

// fold makes 16 bits of a sum.
func fold(s uint32) uint16 {
	s = s>>16 + s&0xffff
	return uint16(s>>16 + s)
}
