package fill

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"strings"
)

// Lines are the lines of a file, one for each connection: the text as it was read, and
// where each line begins and ends. Empty lines are left out, and a carriage return at a
// line's end with it.
type Lines struct {
	text    string
	at      []span
	longest int
}

// span is where a line lies in the text.
type span struct{ start, end uint32 }

// MaxLines bounds the contents of a file of lines.
const MaxLines = 1 << 30

// ParseLines reads the contents of a file.
func ParseLines(contents string) (*Lines, error) {
	if len(contents) > MaxLines {
		return nil, fmt.Errorf("%d bytes: at most %d", len(contents), MaxLines)
	}
	contents = strings.TrimPrefix(contents, "\ufeff") // a byte order mark is no part of the first line, RFC 3629 section 6
	l := &Lines{text: contents}
	for start := 0; start < len(contents); {
		end := len(contents)
		if n := strings.IndexByte(contents[start:], '\n'); n >= 0 {
			end = start + n
		}
		if one := strings.TrimSuffix(contents[start:end], "\r"); one != "" {
			l.at = append(l.at, span{uint32(start), uint32(start + len(one))})
			l.longest = max(l.longest, len(one))
		}
		start = end + 1
	}
	if len(l.at) == 0 {
		return nil, errors.New("there is no line in it that is not empty")
	}
	return l, nil
}

// Of is the line of a connection; with fewer lines than connections they begin again.
func (l *Lines) Of(conn uint64) string {
	if l == nil {
		return ""
	}
	s := l.at[conn%uint64(len(l.at))]
	return l.text[s.start:s.end]
}

// Len is how many there are.
func (l *Lines) Len() int {
	if l == nil {
		return 0
	}
	return len(l.at)
}

// Longest is the bytes of the longest.
func (l *Lines) Longest() int {
	if l == nil {
		return 0
	}
	return l.longest
}

// All are the lines, each with its number from 0.
func (l *Lines) All() iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		for i := range l.Len() {
			if !yield(i, l.Of(uint64(i))) {
				return
			}
		}
	}
}

// spans of 32 bits reach every byte of the largest file.
const _ = uint(math.MaxUint32 - MaxLines)
