package loadgen

import (
	"math/rand/v2"

	"github.com/c10m/c10m/internal/plan"
)

// patternSize is how many different messages a pattern has: an answer that belongs
// to another connection or message passes for the right one once in a million
// times.
const patternSize = 1 << 20

// pattern holds the payloads of all messages: message seq of connection number id
// is size bytes from an offset that both determine. Nothing is copied to send and
// nothing is kept to verify, and all threads share it, read-only.
type pattern []byte

// newPattern makes the payloads for messages of up to size bytes. Those of text
// are printable ASCII, which is UTF-8 wherever a message begins and ends.
func newPattern(size int, text bool) pattern {
	p := make(pattern, patternSize+size)
	r := rand.NewChaCha8([32]byte{'c', '1', '0', 'm'})
	_, _ = r.Read(p[:patternSize]) // never fails
	for i, b := range p[:patternSize] {
		switch {
		case text:
			p[i] = ' ' + b%('~'-' '+1)
		case b == plan.EndOfTransmission:
			p[i]++
		}
	}
	for n := patternSize; n < len(p); n *= 2 {
		copy(p[n:], p[:n])
	}
	return p
}

// message is the payload of message seq of connection id.
func (p pattern) message(id int64, seq uint32, size int) []byte {
	at := scatter(id, seq) >> 44 // the top 20 bits
	return p[at : at+uint64(size)]
}

// scatter is a hash of message seq and connection id; its high bits are the better
// ones.
func scatter(id int64, seq uint32) uint64 {
	h := uint64(id)*0x9E3779B97F4A7C15 + uint64(seq)*0xD6E8FEB86659FD93
	return (h ^ h>>32) * 0xD6E8FEB86659FD93
}
