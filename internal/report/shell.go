package report

import (
	"fmt"
	"strings"
)

// ShellQuote writes a command so that a shell reads the same words: bash(1),
// QUOTING. Control characters, which a terminal might obey, become escapes in
// $'...'.
func ShellQuote(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = quote(w)
	}
	return strings.Join(quoted, " ")
}

const plainLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-"

func quote(w string) string {
	switch {
	case w != "" && strings.Trim(w, plainLetters) == "":
		return w
	case strings.IndexFunc(w, func(r rune) bool {
		return r < ' ' || r == 0x7f || r == 0xfffd || 0x80 <= r &&
			r < 0xa0
	}) < 0:
		return "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
	}
	var b strings.Builder
	b.WriteString("$'")
	for _, c := range []byte(w) {
		switch {
		case c == '\'' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c >= 0x7f:
			_, _ = fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('\'')
	return b.String()
}
