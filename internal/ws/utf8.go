package ws

import "unicode/utf8"

// text is how far a UTF-8 sequence has come, RFC 3629 section 4: which byte
// must follow. The zero value stands between two characters.
type text uint8

const (
	between   text = iota
	last           // one more byte 80..BF
	lastTwo        // two more
	lastThree      // three more
	afterE0        // A0..BF, then last: no overlong form
	afterED        // 80..9F, then last: no surrogate
	afterF0        // 90..BF, then lastTwo: no overlong form
	afterF4        // 80..8F, then lastTwo: nothing beyond U+10FFFF
	invalid
)

// add checks b as the continuation of what was seen before.
func (t text) add(b []byte) text {
	for t != between && len(b) > 0 {
		t, b = t.next(b[0]), b[1:]
		if t == invalid {
			return t
		}
	}
	whole := len(b) - openTail(b)
	if !utf8.Valid(b[:whole]) {
		return invalid
	}
	for _, c := range b[whole:] {
		t = t.next(c)
	}
	return t
}

// addMasked is add for bytes that must stay as they are: masked with key.
func (t text) addMasked(b []byte, key uint32) text {
	var plain [512]byte
	for len(b) > 0 && t != invalid {
		n := copy(plain[:], b)
		key = mask(plain[:n], b[:n], key)
		t, b = t.add(plain[:n]), b[n:]
	}
	return t
}

// openTail is the length of a sequence at the end of b that the end cuts off.
func openTail(b []byte) int {
	for n := 1; n <= 3 && n <= len(b); n++ {
		switch c := b[len(b)-n]; {
		case c < 0x80:
			return 0
		case c >= 0xF0 && n < 4, c >= 0xE0 && n < 3, c >= 0xC0 && n < 2:
			return n
		case c >= 0xC0:
			return 0
		}
	}
	return 0
}

// next is the state after one more byte.
func (t text) next(c byte) text {
	low, high, then := byte(0x80), byte(0xBF), between
	switch t {
	case between:
		return lead(c)
	case last:
	case lastTwo:
		then = last
	case lastThree:
		then = lastTwo
	case afterE0:
		low, then = 0xA0, last
	case afterED:
		high, then = 0x9F, last
	case afterF0:
		low, then = 0x90, lastTwo
	case afterF4:
		high, then = 0x8F, lastTwo
	default:
		return invalid
	}
	if c < low || c > high {
		return invalid
	}
	return then
}

// lead is the state after the first byte of a sequence.
func lead(c byte) text {
	switch {
	case c < 0x80:
		return between
	case c < 0xC2:
		return invalid // a continuation byte, or an overlong form
	case c < 0xE0:
		return last
	case c == 0xE0:
		return afterE0
	case c == 0xED:
		return afterED
	case c < 0xF0:
		return lastTwo
	case c == 0xF0:
		return afterF0
	case c < 0xF4:
		return lastThree
	case c == 0xF4:
		return afterF4
	}
	return invalid
}
