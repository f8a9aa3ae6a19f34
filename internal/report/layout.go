package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// text lays a report out; it is written once it is whole.
type text struct {
	strings.Builder
	width int
	color bool
}

func newText(o Options) *text { return &text{width: o.width(), color: o.Color} }

// finish writes what was laid out, at once.
func (t *text) finish(w io.Writer, o Options) error {
	s := t.String()
	if o.ASCII {
		s = toASCII(s)
	}
	if _, err := io.WriteString(w, s); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// The colors: SGR parameters of ECMA-48 section 8.3.117.
const (
	bold   = "1"
	red    = "31"
	green  = "32"
	yellow = "33"
)

// paint colors the words of s; layout is done before.
func (t *text) paint(color, s string) string {
	if !t.color || s == "" {
		return s
	}
	return "\x1b[" + color + "m" + s + "\x1b[0m"
}

func (t *text) printf(format string, args ...any) { _, _ = fmt.Fprintf(t, format, args...) }

// title opens a section.
func (t *text) title(s string) { t.printf("\n%s\n", t.paint(bold, s)) }

// nameWidth is the first column of rows and tables, with its indent.
const nameWidth = 18

// sentence writes words below a section, wrapped.
func (t *text) sentence(format string, args ...any) {
	t.printf("%s\n", wrap("  ", fmt.Sprintf(format, args...), t.width))
}

// cells puts value i so that it ends at column first + (i+1)*width; a long name
// takes from the first value's place.
func cells(name string, first, width int, values ...string) string {
	line := name
	for i, v := range values {
		end := first + (i+1)*width
		line += strings.Repeat(" ", max(1, end-columns(line)-columns(v))) + v
	}
	return strings.TrimRight(line, " ")
}

// pad fills s up with spaces.
func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-columns(s)))
}

// columns is how many columns of a terminal s takes: all our characters are
// one wide.
func columns(s string) int { return utf8.RuneCountInString(s) }

// wrap breaks s at spaces into lines of at most width columns; the first begins
// with lead, the others are indented as far. A word that is longer than a line
// (a path) stands out rather than being cut.
func wrap(lead, s string, width int) string {
	var b strings.Builder
	b.WriteString(lead)
	indent := columns(lead)
	column := indent
	for i, word := range words(s) {
		n := columns(word)
		switch {
		case i == 0:
		case column+1+n > width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	return strings.TrimRight(b.String(), " ")
}

// units stay on the line of their number.
var units = []string{"B", "KiB", "MiB", "GiB", "TiB", "GB", "ns", "µs", "ms", "s", "%"}

// words splits s at spaces, but not between a number and its unit.
func words(s string) (list []string) {
	for _, word := range strings.Fields(s) {
		n := len(list)
		if n > 0 && slices.Contains(units, strings.TrimRight(word, ".,;:)")) && unicode.IsDigit(lastRune(list[n-1])) {
			list[n-1] += " " + word
			continue
		}
		list = append(list, word)
	}
	return list
}

func lastRune(s string) rune {
	r, _ := utf8.DecodeLastRuneInString(s)
	return r
}
