package loadgen

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/c10m/c10m/internal/fill"
	"github.com/c10m/c10m/internal/plan"
)

// said is what the connections say in place of the pattern, and what they take for
// an answer in place of an echo (plan.Talk). All threads share it, read-only.
type said struct {
	message, first *fill.Text // nil: none
	fixed          []byte     // message, where it has no placeholder
	lines          *fill.Lines
	expect         expectation
	words          []byte   // of withWords
	fallback       []uint16 // of words, see match
	skip           uint16   // messages of the server that come before anything else counts
	byLine         bool     // TCP: a message ends with a newline
	deflate        bool     // WebSocket: offer permessage-deflate
}

// expectation is what answers a message.
type expectation uint8

const (
	sameBytes expectation = iota // the same bytes
	anything                     // the next message
	nothing                      // it is done once it is written
	withWords                    // the next message that has certain words in it
)

// newSaid reads what is to be said; seed makes its random parts those of one run.
func newSaid(t plan.Talk, lines *fill.Lines, seed uint64) (s said, err error) {
	for _, one := range []struct {
		name string
		text plan.Payload
		to   **fill.Text
	}{{"message", t.Message, &s.message}, {"first message", t.First, &s.first}} {
		if one.text == "" {
			continue
		}
		parsed, err := fill.Parse(string(one.text))
		if err != nil {
			return s, fmt.Errorf("read %s: %w", one.name, err)
		}
		*one.to = parsed.Seeded(seed)
	}
	if s.message != nil && s.message.Static() {
		s.fixed = s.message.Append(nil, 0, 0, nil)
	}
	s.lines, s.skip, s.deflate = lines, uint16(t.Skip), t.Deflate
	s.byLine = strings.HasSuffix(string(t.Message), "\n") || strings.HasSuffix(string(t.First), "\n")
	switch words := t.Words(); {
	case t.Echoes():
	case t.Expect == plan.ExpectAny:
		s.expect = anything
	case t.Expect == plan.ExpectNone:
		s.expect = nothing
	default:
		s.expect, s.words = withWords, []byte(words)
		s.fallback = fallbacks(s.words)
	}
	return s, nil
}

// listens says whether connections need what hears keeps of them.
func (s *said) listens() bool {
	return s.expect != sameBytes || s.skip > 0 || s.first != nil || s.deflate
}

// fallbacks is the table of Knuth, Morris and Pratt ("Fast Pattern Matching in
// Strings", 1977): after i bytes of words did match, how many still do if the next
// does not.
func fallbacks(words []byte) []uint16 {
	table := make([]uint16, len(words)+1)
	for i, n := 1, uint16(0); i < len(words); i++ {
		for n > 0 && words[i] != words[n] {
			n = table[n]
		}
		if words[i] == words[n] {
			n++
		}
		table[i+1] = n
	}
	return table
}

// match looks for the words in a piece of a stream of which so many bytes matched
// before. It returns how often they were found, one behind the other, and how many
// bytes match at the end. Nothing of a stream has to be kept for it.
func (s *said) match(in []byte, before uint16) (found int, matched uint16) {
	matched = before
	for len(in) > 0 {
		if matched == 0 { // the usual case, and the fast one
			at := bytes.IndexByte(in, s.words[0])
			if at < 0 {
				return found, 0
			}
			in = in[at:]
		}
		for matched > 0 && in[0] != s.words[matched] {
			matched = s.fallback[matched]
		}
		if in[0] == s.words[matched] {
			matched++
		}
		in = in[1:]
		if int(matched) == len(s.words) {
			found, matched = found+1, 0
		}
	}
	return found, matched
}
