package tcp

import "math/bits"

// Secret keys initial sequence numbers, so that nobody who does not know it can
// guess one: RFC 6528. Fill it from crypto/rand, once a run.
type Secret [2]uint64

// ISN is the initial sequence number of a connection, by its number in the run
// and how often that has been opened before. The same ones give the same
// number, so none need be kept.
func (s Secret) ISN(conn int64, generation uint32) uint32 {
	h, l := bits.Mul64(uint64(conn)^s[0], 0x9E3779B97F4A7C15^uint64(generation)<<32)
	h, l = bits.Mul64(h^l^s[1], 0xD6E8FEB86659FD93)
	return uint32((h ^ l) >> 32)
}
