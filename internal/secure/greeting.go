package secure

import "encoding/binary"

// Greeting is what a server knows of what its peer has said so far.
type Greeting uint8

// What a peer has said.
const (
	Partial Greeting = iota // the beginning of a ClientHello: more is to come
	Whole                   // all that a handshake wants to begin with
	Plain                   // no TLS
)

// MaxGreeting is what is waited for at most: a larger ClientHello is read by the
// handshake itself.
const MaxGreeting = 16 << 10

// RFC 8446 sections 4 and 5.1.
const (
	handshakeRecord  = 22
	clientHello      = 1
	recordHeader     = 5
	maxRecord        = MaxPlaintext + 256 + 5 // what any version may add
	messageHeader    = 4
	maxMessageOfType = 1 << 24
)

// GreetingOf looks at all that a peer has said. A handshake that is begun with a
// whole ClientHello does not have to wait for one that never comes.
func GreetingOf(said []byte) Greeting {
	want, have := messageHeader, 0 // of the message
	head := make([]byte, 0, messageHeader)
	for rest := said; ; {
		if len(rest) > 0 && rest[0] != handshakeRecord || len(rest) > 1 && rest[1] != 3 {
			return Plain
		}
		if len(rest) < recordHeader {
			break
		}
		n := int(binary.BigEndian.Uint16(rest[3:]))
		switch {
		case n > maxRecord:
			return Plain
		case n == 0:
			return Whole // that is not legal: the handshake says so
		}
		rest = rest[recordHeader:]
		body := rest[:min(n, len(rest))]
		head = append(head, body[:min(len(body), messageHeader-len(head))]...)
		if len(head) == messageHeader {
			if head[0] != clientHello {
				return Whole // the same
			}
			want = messageHeader + int(binary.BigEndian.Uint32(head)%maxMessageOfType)
		}
		if have += len(body); have >= want {
			return Whole
		}
		if len(body) < n {
			break
		}
		rest = rest[n:]
	}
	if len(said) >= MaxGreeting {
		return Whole
	}
	return Partial
}
