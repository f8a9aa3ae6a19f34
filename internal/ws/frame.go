package ws

import (
	"encoding/binary"

	gobwas "github.com/gobwas/ws"
)

// Opcodes, RFC 6455 section 5.2.
const (
	OpContinuation = byte(gobwas.OpContinuation)
	OpText         = byte(gobwas.OpText)
	OpBinary       = byte(gobwas.OpBinary)
	OpClose        = byte(gobwas.OpClose)
	OpPing         = byte(gobwas.OpPing)
	OpPong         = byte(gobwas.OpPong)
)

const (
	bitFin    = 0x80 // first byte
	bitsRSV   = 0x70 // first byte
	bitsOp    = 0x0F // first byte
	bitMask   = 0x80 // second byte
	maskSize  = 4
	maxHeader = 10 // of a frame without mask
)

// header is a frame's header, RFC 6455 section 5.2.
type header struct {
	fin    bool
	op     byte
	rsv    bool   // RSV1: the message is compressed, RFC 7692 section 6
	size   int    // bytes of the header itself; 0: more are needed
	key    uint32 // masking key, first byte lowest; 0 if the frame has none
	length int64  // of the payload; -1 while it is not known
}

func isControl(op byte) bool { return op >= OpClose }

// parseHeader reads the header at the start of b. masked says what the other
// end must do: a client masks, a server must not (section 5.1); rsv is Compressed
// where a message may be that, else 0. ok is false as soon as the bytes at hand
// break a rule that needs no memory of earlier frames.
func parseHeader(b []byte, masked bool, rsv byte) (h header, ok bool) {
	h.length = -1
	if len(b) == 0 {
		return h, true
	}
	h.fin, h.op = b[0]&bitFin != 0, b[0]&bitsOp
	h.rsv = b[0]&Compressed != 0
	if h.op == OpContinuation || isControl(h.op) {
		rsv = 0
	}
	if b[0]&bitsRSV&^rsv != 0 || gobwas.OpCode(h.op).IsReserved() || isControl(h.op) && !h.fin {
		return h, false
	}
	if len(b) == 1 {
		return h, true
	}
	short := b[1] &^ bitMask
	if (b[1]&bitMask != 0) != masked || isControl(h.op) && short > gobwas.MaxControlFramePayloadSize {
		return h, false
	}
	size := 2
	switch short {
	case 126:
		if size = 4; len(b) < size {
			return h, true
		}
		h.length = int64(binary.BigEndian.Uint16(b[2:]))
		ok = h.length > 125
	case 127:
		if size = maxHeader; len(b) < size {
			return h, true
		}
		n := binary.BigEndian.Uint64(b[2:])
		h.length = int64(n)
		ok = n>>63 == 0 && n > 0xFFFF
	default:
		h.length, ok = int64(short), true
	}
	if masked {
		if len(b) < size+maskSize {
			return h, ok
		}
		h.key = binary.LittleEndian.Uint32(b[size:])
		size += maskSize
	}
	h.size = size
	return h, ok
}

// headerSize is the size of a header without mask before n bytes of payload.
func headerSize(n int) int {
	switch {
	case n <= 125:
		return 2
	case n <= 0xFFFF:
		return 4
	}
	return maxHeader
}

// putHeader writes a header of headerSize(n) bytes, the masking key apart;
// masked is bitMask or 0.
func putHeader(b []byte, first, masked byte, n int) {
	b[0] = first
	switch headerSize(n) {
	case 2:
		b[1] = masked | byte(n)
	case 4:
		b[1] = masked | 126
		binary.BigEndian.PutUint16(b[2:], uint16(n))
	default:
		b[1] = masked | 127
		binary.BigEndian.PutUint64(b[2:], uint64(n))
	}
}

// AppendFrame appends a client's frame: final, masked with key, whose lowest
// byte goes first (RFC 6455 section 5.3). Any key will do, a constant too,
// where no proxy is to be protected from the sender.
func AppendFrame(dst []byte, opcode byte, payload []byte, key uint32) []byte {
	n := headerSize(len(payload))
	at := len(dst)
	dst = grow(dst, n+maskSize+len(payload))
	putHeader(dst[at:], bitFin|opcode, bitMask, len(payload))
	binary.LittleEndian.PutUint32(dst[at+n:], key)
	mask(dst[at+n+maskSize:], payload, key)
	return dst
}

// FrameSize is the bytes of a client's frame with n bytes of payload.
func FrameSize(n int) int { return headerSize(n) + maskSize + n }

// AppendPart appends the bytes from..from+most-1, or fewer where it ends, of
// the frame that AppendFrame makes: a sender whose socket took only a part need
// not keep the rest.
func AppendPart(dst []byte, opcode byte, payload []byte, key uint32, from, most int) []byte {
	head := FrameSize(len(payload)) - len(payload)
	to := min(from+most, head+len(payload))
	if from < head {
		var h [maxHeader + maskSize]byte
		putHeader(h[:], bitFin|opcode, bitMask, len(payload))
		binary.LittleEndian.PutUint32(h[head-maskSize:], key)
		dst = append(dst, h[from:min(to, head)]...)
		from = head
	}
	if from >= to {
		return dst
	}
	at := len(dst)
	dst = grow(dst, to-from)
	mask(dst[at:], payload[from-head:to-head], rotate(key, from-head))
	return dst
}
