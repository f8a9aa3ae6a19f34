package loadgen

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxAnswer is how much of a failing answer is kept, bytes.
const maxAnswer = 2 << 10

// Answer is what a peer said that made a connection fail.
type Answer struct {
	Cause string // as in Tally.Errors
	From  netip.AddrPort
	Lines []string // without control characters; bytes that are no text are \xNN
}

// keepFirst keeps the answer that made the first connection of all threads fail.
func (cs *conns) keepFirst(slot int64, why cause, prefix string, answer []byte) {
	if cs.shared.answer.Load() != nil {
		return
	}
	from := cs.shared.to[cs.plan.Tuple(cs.plan.Offset+slot).Dest].At
	cs.shared.answer.CompareAndSwap(nil, &Answer{
		Cause: why.String(), From: from, Lines: printable(prefix, answer),
	})
}

// printable returns what a peer sent as lines that are safe to print on a
// terminal: control characters (ECMA-48) are dropped, and so are invisible ones
// that change the direction of text (Unicode category Cf).
func printable(prefix string, b []byte) []string {
	more := len(b) > maxAnswer
	b = b[:min(len(b), maxAnswer)]
	var s strings.Builder
	s.WriteString(prefix)
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&s, `\x%02x`, b[0])
		case r == '\n':
			s.WriteByte('\n')
		case r == '\t':
			s.WriteByte(' ')
		case !unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp):
			s.WriteRune(r)
		}
		b = b[n:]
	}
	lines := strings.Split(strings.TrimRight(s.String(), "\n"), "\n")
	if more {
		lines = append(lines, "...")
	}
	return lines
}

// isTLS says whether b begins a TLS record, RFC 8446 section 5.1: an alert or a
// handshake message, of SSL 3.0 to TLS 1.3.
func isTLS(b []byte) bool {
	const alert, handshake = 21, 22
	return len(b) >= 3 && (b[0] == alert || b[0] == handshake) && b[1] == 3 && b[2] <= 4
}

// isHTTP says whether b begins an HTTP/1 answer.
func isHTTP(b []byte) bool { return bytes.HasPrefix(b, []byte("HTTP/1.")) }

// isHTTPForTLS says whether b is what an HTTPS server answers to plain HTTP:
// status 400, with a sentence for people. nginx and Go's net/http mention HTTPS,
// Apache httpd an "SSL-enabled server port", ours says that the port speaks TLS.
func isHTTPForTLS(b []byte) bool {
	if !isHTTP(b) || !bytes.HasPrefix(b[min(len(b), len("HTTP/1.x ")):], []byte("400")) {
		return false
	}
	for _, words := range []string{"HTTPS port", "HTTPS server", "SSL-enabled server", "port speaks TLS"} {
		if bytes.Contains(b, []byte(words)) {
			return true
		}
	}
	return false
}

// isRequest says whether b begins with our own opening handshake: then a TCP echo
// server sent it back.
func isRequest(b []byte) bool { return bytes.HasPrefix(b, []byte("GET ")) }

// foreignCause is the cause for bytes that are not the awaited echo, at the
// beginning of a message: the peer may be no echo server at all.
func foreignCause(b []byte) cause {
	switch {
	case isTLS(b) || isHTTPForTLS(b):
		return echoTLS
	case isHTTP(b):
		return echoHTTP
	}
	return echoMismatch
}
