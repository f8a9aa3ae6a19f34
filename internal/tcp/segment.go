package tcp

import "strings"

// Flags are the control bits of a segment, RFC 9293 section 3.1.
type Flags uint8

// The control bits that matter here. URG and its pointer are ignored: urgent
// data is data, as RFC 6093 recommends.
const (
	FIN Flags = 1 << iota
	SYN
	RST
	PSH
	ACK
	URG
)

func (f Flags) String() string {
	var b strings.Builder
	for i, name := range []string{"F", "S", "R", "P", ".", "U"} {
		if f&(1<<i) != 0 {
			b.WriteString(name)
		}
	}
	return b.String()
}

// Segment is one TCP segment that came from the network.
type Segment struct {
	Seq, Ack uint32
	Flags    Flags
	Window   uint16
	MSS      uint16 // option of a SYN, RFC 9293 section 3.7.1; 0: not given
	Payload  []byte
}

// size is what a segment takes of the sequence space.
func (s *Segment) size() uint32 {
	n := uint32(len(s.Payload))
	if s.Flags&SYN != 0 {
		n++
	}
	if s.Flags&FIN != 0 {
		n++
	}
	return n
}

// Out is one segment to send. Its payload is Len bytes of the connection's
// stream from byte Offset on, counted from the first one that was ever sent.
type Out struct {
	Seq, Ack uint32
	Flags    Flags
	Window   uint16
	MSS      uint16 // 0: no option
	Offset   uint32
	Len      int
}
