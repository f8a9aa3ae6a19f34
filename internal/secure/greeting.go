package secure

import "encoding/binary"

// Greeting is what the first bytes of a peer are.
type Greeting uint8

// What the first bytes of a peer can be.
const (
	Partial Greeting = iota // the beginning of a ClientHello
	Whole                   // enough for a handshake to begin: a whole ClientHello, or what it will refuse
	Plain                   // no TLS
)

// MaxGreeting is how many bytes a server waits for before it begins the handshake: the
// handshake itself reads the rest of a larger ClientHello.
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

// GreetingOf looks at all that a peer has sent so far. A server that begins a handshake
// only with a whole ClientHello spends no goroutine on peers that send none.
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
			return Whole // an empty record is not legal here: the handshake says so
		}
		rest = rest[recordHeader:]
		body := rest[:min(n, len(rest))]
		head = append(head, body[:min(len(body), messageHeader-len(head))]...)
		if len(head) == messageHeader {
			if head[0] != clientHello {
				return Whole // no ClientHello: likewise
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
