package ws

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/c10m/c10m/internal/fill"
)

// MaxResponse is the largest header block that CheckResponse takes.
const MaxResponse = 8 << 10

// Why an answer to the opening handshake is refused, RFC 6455 section 4.1.
var (
	ErrResponseTooLong = errors.New("response header block exceeds 8192 bytes")
	ErrNotHTTP         = errors.New("response is not HTTP/1")
	ErrVersion         = errors.New("response is HTTP/1.0")
	ErrResponse        = errors.New("response has a malformed status line or header field")
	ErrUpgrade         = errors.New("response lacks Upgrade: websocket")
	ErrConnection      = errors.New("response lacks Connection: Upgrade")
	ErrAccept          = errors.New("Sec-WebSocket-Accept does not fit the key")
	ErrExtension       = errors.New("server chose an extension that was not offered")
	ErrSubprotocol     = errors.New("server did not choose one of the subprotocols offered")
)

// StatusError is an answer to the opening handshake with another status than 101.
type StatusError int

func (e StatusError) Error() string { return fmt.Sprintf("response has status %d, not 101", int(e)) }

// Template is a client's opening handshake, all but the key. Its path and its header
// fields may have placeholders, see package fill: then each connection's request is
// rendered, and nothing of it is kept.
type Template struct {
	head, tail   piece // around the key
	lines        *fill.Lines
	subprotocols []string
	offer        string // of an extension, behind the key; "": none
}

// piece is a part of a request.
type piece struct {
	same string     // for all, where fill is nil
	fill *fill.Text // rendered for each
}

// newPiece reads the placeholders of a part.
func newPiece(text string) (p piece, err error) {
	if p.fill, err = fill.ParseStrict(text); err == nil && p.fill.Static() {
		p.same, p.fill = string(p.fill.Append(nil, 0, 0, nil)), nil
	}
	return p, err
}

func (p *piece) append(dst []byte, conn uint64, lines *fill.Lines) []byte {
	if p.fill == nil {
		return append(dst, p.same...)
	}
	return p.fill.Append(dst, conn, 0, lines)
}

func (p *piece) max(lines *fill.Lines) int {
	if p.fill == nil {
		return len(p.same)
	}
	return p.fill.Max(lines)
}

func (p *piece) needsLines() bool { return p.fill != nil && p.fill.NeedsLines() }

// owned are the fields that NewTemplate writes itself, and those that would
// promise what is not kept. Host may be replaced.
var owned = []string{
	"upgrade", "connection", "sec-websocket-key", "sec-websocket-version", "sec-websocket-accept",
	"sec-websocket-extensions", "sec-websocket-protocol", "content-length", "transfer-encoding",
}

// NewTemplate makes the request of RFC 6455 section 4.1 for a host (with its
// port unless that is 80), a path with its query, further header fields, and a
// comma-separated list of subprotocols, "" for none. Where it has {line}, Fill must
// say which lines.
func NewTemplate(host, path string, headers [][2]string, subprotocol string) (*Template, error) {
	if !isVisible(host) {
		return nil, fmt.Errorf("host %q is not legal: want one without spaces and control characters", host)
	}
	if !isVisible(path) || path[0] != '/' || !isPath(path) {
		return nil, fmt.Errorf("path %q is not legal: want /..., printable ASCII without spaces and #", path)
	}
	t := &Template{}
	var more strings.Builder
	var replaced bool // one Host and no more, RFC 9112 section 3.2
	for _, h := range headers {
		name, value := h[0], strings.Trim(h[1], " \t")
		switch {
		case !isToken(name) || !isText(value):
			return nil, fmt.Errorf("header %q: %q is not legal: want a token, and a value on one line", name, value)
		case slices.Contains(owned, strings.ToLower(name)):
			return nil, fmt.Errorf("header %q is not legal: the handshake decides it", name)
		case equalFold(name, "host"):
			switch {
			case !isVisible(value):
				return nil, fmt.Errorf("header %q: %q is not a host", name, value)
			case replaced:
				return nil, fmt.Errorf("header %q: %q is a second one: want one at most", name, value)
			}
			host, replaced = value, true
		default:
			fmt.Fprintf(&more, "%s: %s\r\n", name, value)
		}
	}
	if subprotocol != "" {
		for p := range strings.SplitSeq(subprotocol, ",") {
			if p = strings.Trim(p, " \t"); !isToken(p) || slices.Contains(t.subprotocols, p) {
				return nil, fmt.Errorf("subprotocol %q is not legal: want different tokens separated by commas",
					subprotocol)
			}
			t.subprotocols = append(t.subprotocols, p)
		}
		fmt.Fprintf(&more, "Sec-WebSocket-Protocol: %s\r\n", strings.Join(t.subprotocols, ", "))
	}
	var err error
	if t.head, err = newPiece("GET " + path + " HTTP/1.1\r\nHost: " + host +
		"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: "); err != nil {
		return nil, err
	}
	if t.tail, err = newPiece("\r\nSec-WebSocket-Version: 13\r\n" + more.String() + "\r\n"); err != nil {
		return nil, err
	}
	return t, nil
}

// NeedsLines says whether the request has {line}.
func (t *Template) NeedsLines() bool { return t.head.needsLines() || t.tail.needsLines() }

// Fill gives the lines that {line} is taken from, and the seed of {rand} and {uuid}.
func (t *Template) Fill(lines *fill.Lines, seed uint64) {
	t.lines = lines
	for i, p := range []*piece{&t.head, &t.tail} {
		if p.fill != nil { // head and tail have numbers of their own
			p.fill = p.fill.Seeded(scramble(seed + uint64(i)))
		}
	}
}

// CheckLines refuses the first line that the request cannot hold: one with control
// characters, or with a space where it is part of the path or of the host.
func (t *Template) CheckLines(lines *fill.Lines) error {
	for i, one := range lines.All() {
		switch {
		case !isText(one) || t.tail.needsLines() && strings.Trim(one, " \t") != one:
			return fmt.Errorf("line %d, %q, is no value of a header field: want no control characters, and no space "+
				"around it", i+1, cut(one))
		case t.head.needsLines() && (!isVisible(one) || !isPath(one)):
			return fmt.Errorf("line %d, %q, cannot stand in a path: want printable ASCII without spaces and #", i+1,
				cut(one))
		}
	}
	return nil
}

// cut is the beginning of a line, for an error.
func cut(line string) string {
	const most = 40
	if len(line) > most {
		return line[:most] + "..."
	}
	return line
}

// isPath says whether visible text can be part of a path and its query.
func isPath(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r == '#' || r > '~' })
}

// keyOf is the Sec-WebSocket-Key of a seed. RFC 6455 wants it random so that no
// cache answers in the server's place; that it cannot be guessed does not matter.
func keyOf(seed uint64) (k [keySize]byte) {
	var raw [16]byte
	binary.LittleEndian.PutUint64(raw[:], scramble(seed))
	binary.LittleEndian.PutUint64(raw[8:], scramble(seed^0x6A09E667F3BCC908))
	base64.StdEncoding.Encode(k[:], raw[:])
	return k
}

// scramble is a bijection whose results look random: multiply, shift, xor.
func scramble(x uint64) uint64 {
	x = (x + 0x9E3779B97F4A7C15) * 0xD6E8FEB86659FD93
	x = (x ^ x>>32) * 0xD6E8FEB86659FD93
	return x ^ x>>32
}

// Size is the most bytes of a request.
func (t *Template) Size() int {
	return t.head.max(t.lines) + keySize + len(t.offer) + t.tail.max(t.lines)
}

// AppendRequest appends the request of a connection, whose number makes the key and
// fills the placeholders.
func (t *Template) AppendRequest(dst []byte, conn uint64) []byte {
	k := keyOf(conn)
	dst = append(append(t.head.append(dst, conn, t.lines), k[:]...), t.offer...)
	return t.tail.append(dst, conn, t.lines)
}

// CheckResponse reads the answer to AppendRequest of the same connection at the
// start of in. n is the bytes of its header block and of the interim ones before
// it, 0: it is not all there yet. What cannot become an answer is refused at its
// first bytes, so that nobody waits for the rest of it.
func (t *Template) CheckResponse(in []byte, conn uint64) (n int, err error) {
	for {
		block, err := responseBlock(in[n:], MaxResponse-n)
		if block == nil || err != nil {
			return 0, err
		}
		line, fields := cutLine(block[:len(block)-2])
		n += len(block)
		switch status, err := parseStatusLine(line); {
		case err != nil:
			return n, err
		case status == 101:
			return n, t.checkFields(fields, conn)
		case status/100 != 1:
			return n, StatusError(status)
		}
		// An interim response, like 100 Continue or 103 Early Hints: the one
		// that counts follows, RFC 9110 section 15.2.
	}
}

// responseBlock is the header block at the start of in, nil: it is not all there
// yet.
func responseBlock(in []byte, most int) ([]byte, error) {
	const begin = "HTTP/1."
	if !strings.HasPrefix(begin, string(in[:min(len(in), len(begin))])) {
		return nil, ErrNotHTTP
	}
	n, tooLong := blockEnd(in, most)
	switch {
	case tooLong:
		return nil, ErrResponseTooLong
	case n == 0:
		return nil, nil
	}
	return in[:n], nil
}

// checkFields reads the header fields of a 101.
func (t *Template) checkFields(fields []byte, seed uint64) error {
	var line []byte
	k := keyOf(seed)
	var buf [acceptSize]byte
	r := response{accept: appendAccept(buf[:0], k[:])}
	for len(fields) > 0 {
		line, fields = cutLine(fields)
		if err := r.add(line, t); err != nil {
			return err
		}
	}
	switch {
	case !r.upgrade:
		return ErrUpgrade
	case !r.connection:
		return ErrConnection
	case r.accepts != 1:
		return ErrAccept
	case r.protocols == 0 && len(t.subprotocols) > 0:
		return ErrSubprotocol
	}
	return nil
}

// response is what CheckResponse has seen of an answer.
type response struct {
	accept              []byte // what it must be
	upgrade, connection bool
	accepts, protocols  int
	extensions          int
}

func (r *response) add(line []byte, t *Template) error {
	name, value, ok := parseField(line)
	switch {
	case !ok:
		return ErrResponse
	case equalFold(name, "upgrade"):
		r.upgrade = equalFold(value, "websocket")
	case equalFold(name, "connection"):
		r.connection = r.connection || hasElement(value, "upgrade")
	case equalFold(name, "sec-websocket-accept"):
		if r.accepts++; !bytes.Equal(value, r.accept) {
			return ErrAccept
		}
	case equalFold(name, "sec-websocket-extensions"):
		if len(value) == 0 {
			return nil
		}
		if r.extensions++; r.extensions > 1 {
			return ErrExtension
		}
		return t.checkExtensions(value)
	case equalFold(name, "sec-websocket-protocol"):
		if r.protocols++; r.protocols > 1 || !slices.Contains(t.subprotocols, string(value)) {
			return ErrSubprotocol
		}
	}
	return nil
}

// parseStatusLine reads "HTTP/1.1 101 ...", RFC 9112 section 4. HTTP/1.0 may
// refuse, but it cannot switch protocols (RFC 9110 section 7.8).
func parseStatusLine(line []byte) (status int, err error) {
	const prefix = "HTTP/1.x "
	if len(line) < len(prefix)+3 || line[len(prefix)-1] != ' ' {
		return 0, ErrResponse
	}
	minor, code, rest := line[len(prefix)-2], line[len(prefix):len(prefix)+3], line[len(prefix)+3:]
	for _, c := range code {
		if c < '0' || c > '9' {
			return 0, ErrResponse
		}
		status = status*10 + int(c-'0')
	}
	switch {
	case minor < '0' || minor > '9', len(rest) > 0 && rest[0] != ' ', status < 100:
		return 0, ErrResponse
	case minor == '0' && status/100 == 1:
		return 0, ErrVersion
	}
	return status, nil
}
