package plan

import "strings"

// OneLine is a message as the one line that a terminal may see of it: what a user
// typed may have control characters in it.
func OneLine(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c >= 0x7f && c < 0xa0 {
			return '\uFFFD'
		}
		return c
	}, s)
}
