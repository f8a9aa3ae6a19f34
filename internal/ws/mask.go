package ws

import (
	"encoding/binary"
	"math/bits"

	gobwas "github.com/gobwas/ws"
)

// vectored is from how many bytes on a copy, if need be, and vector instructions are
// quicker than the loop: five times with 64 KiB.
const vectored = 256

// mask writes src, masked or unmasked with key, to dst (RFC 6455 section 5.3)
// and returns the key for the byte that follows. Bit 0..7 of key are the first
// byte of the masking key. dst must be as long as src; it may be src or lie
// over it at a lower address: bytes are read before they can be overwritten.
func mask(dst, src []byte, key uint32) uint32 {
	dst = dst[:len(src)]
	if len(src) >= vectored {
		if &dst[0] != &src[0] {
			copy(dst, src)
		}
		gobwas.Cipher(dst, [maskSize]byte{byte(key), byte(key >> 8), byte(key >> 16), byte(key >> 24)}, 0)
		return rotate(key, len(src))
	}
	k := uint64(key)<<32 | uint64(key)
	le := binary.LittleEndian
	for len(src) >= 64 && len(dst) >= 64 {
		// All loads of a half before its stores: in a move to the left the
		// stores reach into bytes that were loaded already, never further.
		a, b, c, d := le.Uint64(src), le.Uint64(src[8:]), le.Uint64(src[16:]), le.Uint64(src[24:])
		le.PutUint64(dst, a^k)
		le.PutUint64(dst[8:], b^k)
		le.PutUint64(dst[16:], c^k)
		le.PutUint64(dst[24:], d^k)
		a, b, c, d = le.Uint64(src[32:]), le.Uint64(src[40:]), le.Uint64(src[48:]), le.Uint64(src[56:])
		le.PutUint64(dst[32:], a^k)
		le.PutUint64(dst[40:], b^k)
		le.PutUint64(dst[48:], c^k)
		le.PutUint64(dst[56:], d^k)
		dst, src = dst[64:], src[64:]
	}
	for len(src) >= 8 && len(dst) >= 8 {
		le.PutUint64(dst, le.Uint64(src)^k)
		dst, src = dst[8:], src[8:]
	}
	for i := range src {
		dst[i] = src[i] ^ byte(key)
		key = bits.RotateLeft32(key, -8)
	}
	return key
}

// rotate is the key for the byte n bytes on.
func rotate(key uint32, n int) uint32 { return bits.RotateLeft32(key, -8*(n&3)) }
