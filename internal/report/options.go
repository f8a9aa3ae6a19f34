package report

import "strings"

// Options say where a text report goes.
type Options struct {
	Width int  // columns; 0: 80. Tables need 60, less is taken for that.
	Color bool // ANSI escape sequences (ECMA-48 SGR) for titles and failures
	ASCII bool // the reader has no UTF-8
}

const (
	defaultWidth = 80
	minWidth     = 60
)

func (o Options) width() int {
	if o.Width == 0 {
		return defaultWidth
	}
	return max(o.Width, minWidth)
}

// FromEnvironment are the options for a terminal, or for a file, of width
// columns. Color is only for terminals that Rewrites takes.
func FromEnvironment(terminal bool, width int, getenv func(string) string) Options {
	return Options{Width: width, Color: Rewrites(terminal, getenv), ASCII: !UTF8(getenv)}
}

// Rewrites says whether output may use escape sequences and write over its own
// line: on a terminal, unless NO_COLOR is set to anything (no-color.org) or
// TERM is dumb.
func Rewrites(terminal bool, getenv func(string) string) bool {
	return terminal && getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"
}

// UTF8 says whether the locale's character set is UTF-8, from the first set of
// LC_ALL, LC_CTYPE and LANG: locale(7). With none set, as in most containers,
// it is taken for UTF-8: that is what terminals and log viewers have.
func UTF8(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToLower(getenv(name)); v != "" {
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return true
}

// ascii stands in for the characters that reports use, column for column.
var ascii = strings.NewReplacer("▁", "_", "▂", ".", "▃", ":", "▄", "-", "▅", "=", "▆", "+", "▇", "*", "█", "#",
	"┤", "|", "└", "+", "─", "-", "µ", "u", "×", "x", "²", "2", "−", "-", "–", "-", "…", "~", "│", "|", "░", ":", "▒",
	"+", "·", ".")

// toASCII replaces every character beyond ASCII.
func toASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if r > 127 {
			return '?'
		}
		return r
	}, ascii.Replace(s))
}
