package loadgen

import (
	"io"
	"net"
	"slices"
	"strings"
	"testing"
)

func TestPrintable(t *testing.T) {
	for _, tt := range []struct {
		name, prefix, in string
		want             []string
	}{
		{"answer", "", "HTTP/1.1 404 Not Found\r\nA:\tb\r\n\r\n", []string{"HTTP/1.1 404 Not Found", "A: b"}},
		{"nothing", "", "", []string{""}},
		{"prefix", "close frame: ", "bye", []string{"close frame: bye"}},
		{"escape sequence", "", "\x1b[31mred\x07\x7f", []string{"[31mred"}},
		{"C1 control", "", "a\u009b31mb", []string{"a31mb"}},
		{"bytes that are no text", "", "\x15\x03\x01\x00\xff", []string{`\xff`}},
		{"turned around", "", "a\u202eb\u2028c", []string{"abc"}},
		{"other scripts", "", "größer 大", []string{"größer 大"}},
		{"long", "", strings.Repeat("x", maxAnswer+1), []string{strings.Repeat("x", maxAnswer), "..."}},
	} {
		if got := printable(tt.prefix, []byte(tt.in)); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// What speaks at a TCP port and is no echo server is named where it can be told,
// with its first words.
func TestForeignServers(t *testing.T) {
	for _, tt := range []struct{ want, say, first string }{
		{"echo_tls", "\x15\x03\x03\x00\x02\x02\x46", "F"},
		{"echo_tls", "\x16\x03\x01\x00\xa5", `\xa5`},
		{"echo_tls", "HTTP/1.1 400 Bad Request\r\n\r\nThe plain HTTP request was sent to HTTPS port", "HTTP/1.1 400 Bad Request"},
		{"echo_http", "HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP/1.1 400 Bad Request"},
		{"echo_mismatch", "what?", "what?"},
		{"echo_mismatch", "\x15\x04\x03", ""},
	} {
		port := listen(t, func(c net.Conn) {
			_, _ = io.ReadFull(c, make([]byte, 1))
			_, _ = io.WriteString(c, tt.say)
			_, _ = io.Copy(io.Discard, c)
		})
		got := run(t, testPlan(port, 3, 1), 64, 1)
		if got.Errors[tt.want] != 3 || len(got.Errors) != 1 || got.Mismatched != 3 {
			t.Errorf("%q: %v, want %s", tt.say, got.Errors, tt.want)
		}
		if a := got.First; a == nil || a.Cause != tt.want || a.Lines[0] != tt.first || int(a.From.Port()) != port {
			t.Errorf("%q: first failing answer %+v, want %q", tt.say, a, tt.first)
		}
	}
}
