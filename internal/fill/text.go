package fill

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// kind is what a part of a text becomes.
type kind uint8

const (
	literal kind = iota
	number
	random
	uuid
	line
)

// names are the placeholders, by kind.
var names = [...]string{number: "i", random: "rand", uuid: "uuid", line: "line"}

// Legal lists the placeholders, for help and errors.
const Legal = "{i}, {rand}, {uuid} or {line}"

// The most bytes of each: of a uint64 in decimal, and of what has always as many.
const (
	numberSize = 20
	randomSize = 10
	uuidSize   = 36
)

// part is a piece of a text.
type part struct {
	kind kind
	text string // of a literal
}

// Text is what Parse read. It is not changed by rendering: threads may share it.
type Text struct {
	parts []part
	seed  uint64
}

// Parse reads a text in which only the exact names are placeholders.
func Parse(text string) (*Text, error) { return parse(text, false) }

// ParseStrict is Parse for text in which a word in braces can be nothing else than a
// placeholder: a path, a header field. A word that is none is an error.
func ParseStrict(text string) (*Text, error) { return parse(text, true) }

func parse(text string, strict bool) (*Text, error) {
	t := &Text{}
	start := 0 // of the literal that is being read
	for at := 0; at < len(text); {
		word, isWord := wordAt(text[at:])
		k := kindOf(word)
		escaped := isWord && at > start && text[at-1] == '{' && strings.HasPrefix(text[at+len(word)+2:], "}")
		switch {
		case !isWord, k == literal && !strict && !misspelt(word):
			at++
		case escaped: // the outer pair of braces goes
			t.literal(text[start : at-1])
			t.literal(text[at : at+len(word)+2])
			at += len(word) + 3
			start = at
		case k == literal:
			return nil, fmt.Errorf("{%s} is no placeholder: want %s; {{%s}} is sent as {%s}", word, Legal, word, word)
		default:
			t.literal(text[start:at])
			t.parts = append(t.parts, part{kind: k})
			at += len(word) + 2
			start = at
		}
	}
	t.literal(text[start:])
	return t, nil
}

// literal adds text as it stands, to the literal before it if there is one.
func (t *Text) literal(text string) {
	last := len(t.parts) - 1
	switch {
	case text == "":
	case last >= 0 && t.parts[last].kind == literal:
		t.parts[last].text += text
	default:
		t.parts = append(t.parts, part{text: text})
	}
}

// wordAt is the word of letters, digits and _ in the braces that s begins with.
func wordAt(s string) (word string, ok bool) {
	if s == "" || s[0] != '{' {
		return "", false
	}
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '_', c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
		default:
			return s[1:i], c == '}' && i > 1
		}
	}
	return "", false
}

// kindOf is what a word in braces stands for, literal for nothing.
func kindOf(word string) kind {
	for k, name := range names {
		if name != "" && name == word {
			return kind(k)
		}
	}
	return literal
}

// misspelt says whether a word is a placeholder but for the case of its letters.
func misspelt(word string) bool { return kindOf(strings.ToLower(word)) != literal }

// Seeded is the same text with other random numbers and UUIDs: those of one run shall
// not be those of the next, to a server that remembers them.
func (t *Text) Seeded(seed uint64) *Text { return &Text{parts: t.parts, seed: seed} }

// Static says whether the text has no placeholder: it is the same for all.
func (t *Text) Static() bool {
	return len(t.parts) == 0 || len(t.parts) == 1 && t.parts[0].kind == literal
}

// NeedsLines says whether the text has {line}.
func (t *Text) NeedsLines() bool {
	for _, p := range t.parts {
		if p.kind == line {
			return true
		}
	}
	return false
}

// Max is the most bytes that Append adds; of a static text, as many as it adds.
func (t *Text) Max(lines *Lines) (n int) {
	for _, p := range t.parts {
		switch p.kind {
		case literal:
			n += len(p.text)
		case number:
			n += numberSize
		case random:
			n += randomSize
		case uuid:
			n += uuidSize
		case line:
			n += lines.Longest()
		}
	}
	return n
}

// Append renders the text for message seq of a connection. With room for Max bytes it
// does not allocate. Without lines, nil, {line} is nothing.
func (t *Text) Append(dst []byte, conn uint64, seq uint32, lines *Lines) []byte {
	for i, p := range t.parts {
		switch p.kind {
		case literal:
			dst = append(dst, p.text...)
		case number:
			dst = strconv.AppendUint(dst, conn, 10)
		case random:
			const least, count = 1_000_000_000, 9_000_000_000 // ten digits each
			dst = strconv.AppendUint(dst, least+t.draw(conn, seq, 2*i)%count, 10)
		case uuid:
			dst = appendUUID(dst, t.draw(conn, seq, 2*i), t.draw(conn, seq, 2*i+1))
		case line:
			dst = append(dst, lines.Of(conn)...)
		}
	}
	return dst
}

// draw is a number that looks random, of a place in a message of a connection.
func (t *Text) draw(conn uint64, seq uint32, place int) uint64 {
	return mix(mix(mix(t.seed^0x6A09E667F3BCC908)+conn) + uint64(seq)<<32 + uint64(place))
}

// mix is the finalizer of splitmix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom
// Number Generators", 2014): a bijection in which each bit of x changes half of all.
func mix(x uint64) uint64 {
	x += 0x9E3779B97F4A7C15
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	x = (x ^ x>>27) * 0x94D049BB133111EB
	return x ^ x>>31
}

// appendUUID writes 122 of the bits as RFC 9562 section 5.4 has them.
func appendUUID(dst []byte, high, low uint64) []byte {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:], high)
	binary.BigEndian.PutUint64(raw[8:], low)
	raw[6] = raw[6]&0x0F | 0x40 // version 4
	raw[8] = raw[8]&0x3F | 0x80 // the variant of RFC 9562
	for i, end := range [...]int{4, 6, 8, 10, 16} {
		if i > 0 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, raw[[...]int{0, 4, 6, 8, 10}[i]:end])
	}
	return dst
}
