package loadgen

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"
)

// How much of a failing exchange is kept, bytes.
const (
	maxAnswer = 2 << 10
	maxSent   = 512 // of a message; a handshake is kept like an answer
)

// Answer is the exchange by which a connection failed. Its lines have no control
// characters, and bytes that are no text are \xNN.
type Answer struct {
	Cause string // as in Tally.Errors
	From  netip.AddrPort
	Sent  []string // what we had said; nil: nothing that it could have been the answer to
	Lines []string // what the peer said; nil: nothing
}

// keepFirst keeps the exchange that made the first connection of all threads fail.
// It is to be called before the connection's state is given up.
func (cs *conns) keepFirst(slot int64, why cause, prefix string, answer []byte) {
	if cs.shared.answer.Load() != nil {
		return
	}
	from := cs.shared.to[cs.plan.Tuple(cs.plan.Offset+slot).Dest].At
	cs.shared.answer.CompareAndSwap(nil, &Answer{
		Cause: why.String(), From: from, Sent: cs.sent(slot), Lines: printable(prefix, answer, maxAnswer),
	})
}

// sent is what a connection has said and awaits the answer of, as lines.
func (cs *conns) sent(slot int64) []string {
	c, h := &cs.list[slot], cs.msgs.hears
	switch {
	case c.state == requesting || c.state == upgrading:
		return printable("", cs.frames.template(slot).AppendRequest(nil, cs.frames.seed(slot)), maxAnswer)
	case c.state != open:
	case c.busy:
		return printable("", cs.msgs.message(slot, cs.msgs.oldest(slot)), maxSent)
	case h != nil && h.list[slot].first == firstWaiting:
		return printable("", h.said.first.Append(nil, cs.plan.Called(slot), 0, h.said.lines), maxSent)
	}
	return nil
}

// printable returns what a peer sent as lines that are safe to print on a
// terminal: control characters (ECMA-48) are dropped, and so are invisible ones
// that change the direction of text (Unicode category Cf). Of nothing there are none,
// and of more than so many bytes the rest is left out.
func printable(prefix string, b []byte, most int) []string {
	if prefix == "" && len(b) == 0 {
		return nil
	}
	more := len(b) > most
	b = b[:min(len(b), most)]
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
