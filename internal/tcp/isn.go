package tcp

import (
	"crypto/rand"
	"encoding/binary"
	"math/bits"
)

// Secret keys initial sequence numbers, so that nobody who does not know it can
// guess one: RFC 6528.
type Secret [2]uint64

// NewSecret is one that nobody knows, for one run.
func NewSecret() (s Secret) {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	for i := range s {
		s[i] = binary.NativeEndian.Uint64(b[8*i:])
	}
	return s
}

// ISN is the initial sequence number of a connection, by its number in the run
// and how often that has been opened before. The same ones give the same
// number, so none need be kept.
func (s Secret) ISN(conn int64, generation uint32) uint32 {
	h, l := bits.Mul64(uint64(conn)^s[0], 0x9E3779B97F4A7C15^uint64(generation)<<32)
	h, l = bits.Mul64(h^l^s[1], 0xD6E8FEB86659FD93)
	return uint32((h ^ l) >> 32)
}
