package ws

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
)

const (
	keySize    = 24 // base64 of 16 bytes
	acceptSize = 28 // base64 of a SHA-1
	guid       = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
)

// appendAccept appends the Sec-WebSocket-Accept to a key, RFC 6455 section
// 4.2.2 step 5.4.
func appendAccept(dst, key []byte) []byte {
	var text [keySize + len(guid)]byte
	copy(text[copy(text[:], key):], guid)
	sum := sha1.Sum(text[:])
	return base64.StdEncoding.AppendEncode(dst, sum[:])
}

var endOfBlock = []byte("\r\n\r\n")

// blockEnd is the length of the header block at the start of b with the empty
// line, 0 if its end is not there yet; tooLong: it is not within most bytes.
func blockEnd(b []byte, most int) (n int, tooLong bool) {
	i := bytes.Index(b[:min(len(b), most)], endOfBlock)
	if i < 0 {
		return 0, len(b) >= most
	}
	return i + len(endOfBlock), false
}

// cutLine splits off the first line of b, which ends with CRLF (RFC 9112
// section 2.2; a bare LF does not end a line here).
func cutLine(b []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(b, endOfBlock[:2])
	return line, rest
}

// parseField splits a field line, RFC 9112 section 5. There is no folding and
// no space before the colon, and values hold no control character but tab.
func parseField(line []byte) (name, value []byte, ok bool) {
	i := bytes.IndexByte(line, ':')
	if i < 0 || !isToken(line[:i]) {
		return nil, nil, false
	}
	value = bytes.Trim(line[i+1:], " \t")
	return line[:i], value, isText(value)
}

// isText says whether b may stand in a field value.
func isText[T []byte | string](b T) bool {
	for i := range len(b) {
		if c := b[i]; c < ' ' && c != '\t' || c == 0x7F {
			return false
		}
	}
	return true
}

// isVisible says whether b has bytes, but no space or control character.
func isVisible[T []byte | string](b T) bool {
	for i := range len(b) {
		if b[i] <= ' ' || b[i] == 0x7F {
			return false
		}
	}
	return len(b) > 0
}

// isToken says whether b is a token, RFC 9110 section 5.6.2.
func isToken[T []byte | string](b T) bool {
	for i := range len(b) {
		if !tokenByte[b[i]] {
			return false
		}
	}
	return len(b) > 0
}

// isHost says whether b may stand in a Host field: a name or an address and a
// port (RFC 3986 section 3.2.2), or nothing. Anything else is to be refused, RFC
// 9112 section 3.2.
func isHost(b []byte) bool {
	for _, c := range b {
		if !hostByte[c] {
			return false
		}
	}
	return true
}

var (
	tokenByte = alphanumericAnd("!#$%&'*+-.^_`|~")
	hostByte  = alphanumericAnd("-._~%!$&'()*+,;=:[]")
)

func alphanumericAnd(more string) (t [256]bool) {
	for _, c := range "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" + more {
		t[c] = true
	}
	return t
}

// equalFold compares ASCII without case; lower is lower case.
func equalFold[T []byte | string](b T, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i := range len(b) {
		c := b[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// cutElement takes the first element off a comma-separated list, RFC 9110
// section 5.6.1.
func cutElement(list []byte) (element, rest []byte) {
	element, rest, _ = bytes.Cut(list, []byte(","))
	return bytes.Trim(element, " \t"), rest
}

// hasElement says whether a list contains a token, in any case.
func hasElement(list []byte, lower string) bool {
	for len(list) > 0 {
		var el []byte
		if el, list = cutElement(list); equalFold(el, lower) {
			return true
		}
	}
	return false
}
