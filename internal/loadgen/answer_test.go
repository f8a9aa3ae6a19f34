package loadgen

import (
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/plan"
)

func TestPrintable(t *testing.T) {
	for _, tt := range []struct {
		name, prefix, in string
		want             []string
	}{
		{"answer", "", "HTTP/1.1 404 Not Found\r\nA:\tb\r\n\r\n", []string{"HTTP/1.1 404 Not Found", "A: b"}},
		{"nothing", "", "", nil},
		{"prefix", "close frame: ", "bye", []string{"close frame: bye"}},
		{"escape sequence", "", "\x1b[31mred\x07\x7f", []string{"[31mred"}},
		{"C1 control", "", "a\u009b31mb", []string{"a31mb"}},
		{"bytes that are no text", "", "\x15\x03\x01\x00\xff", []string{`\xff`}},
		{"turned around", "", "a\u202eb\u2028c", []string{"abc"}},
		{"other scripts", "", "größer 大", []string{"größer 大"}},
		{"long", "", strings.Repeat("x", maxAnswer+1), []string{strings.Repeat("x", maxAnswer), "..."}},
	} {
		if got := printable(tt.prefix, []byte(tt.in), maxAnswer); !slices.Equal(got, tt.want) {
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
		{"echo_tls", "HTTP/1.1 400 Bad Request\r\n\r\nThe plain HTTP request was sent to HTTPS port",
			"HTTP/1.1 400 Bad Request"},
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

// The first exchange that failed has both directions: what was sent, rendered for
// its connection, and what came back, if anything did.
func TestFirstExchange(t *testing.T) {
	lines := plan.Payload("token\n")
	refuses := wsServer(t, false, func(p *peer) {
		_, _ = p.in.Peek(1)
		_, _ = io.WriteString(p.Conn, "HTTP/1.1 403 No\r\n\r\n")
		_, _ = io.Copy(io.Discard, p)
	})
	leaves := wsServer(t, false, func(p *peer) { _, _ = p.in.Peek(1) })
	half := wsServer(t, false, func(p *peer) {
		_, _ = io.ReadFull(p.in, make([]byte, 150))
		_, _ = io.WriteString(p.Conn, "HTTP/1.1 101 Switch")
		_ = p.Conn.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, p)
	})
	hangsUp := listen(t, func(c net.Conn) { _, _ = io.ReadFull(c, make([]byte, 1)) })
	differs := listen(t, func(c net.Conn) {
		_, _ = io.ReadFull(c, make([]byte, 1))
		_, _ = io.WriteString(c, "no\n")
		_, _ = io.Copy(io.Discard, c)
	})
	for _, tt := range []struct {
		name, proto string
		port        int
		sent, came  string // how its first lines begin
	}{
		{"refused", plan.WS, refuses, "GET /room/0?u=token HTTP/1.1", "HTTP/1.1 403 No"},
		{"left", plan.WS, leaves, "GET /room/0?u=token HTTP/1.1", ""},
		{"left halfway", plan.WS, half, "GET /room/0?u=token HTTP/1.1", "HTTP/1.1 101 Switch"},
		{"hung up", plan.TCP, hangsUp, "hi 0", ""},
		{"differs", plan.TCP, differs, "hi 0", "no"},
	} {
		p := testPlan(tt.port, 1, 1)
		p.Proto, p.Lines, p.WebSocket.Path, p.Talk.Message = tt.proto, lines, "/room/{i}?u={line}",
			"hi {i} "+plan.Payload(strings.Repeat("x", maxSent))
		got := run(t, p, 64, 1).First
		switch {
		case got == nil:
			t.Errorf("%s: nothing was kept", tt.name)
		case len(got.Sent) == 0 || !strings.HasPrefix(got.Sent[0], tt.sent) || tt.proto == plan.TCP &&
			got.Sent[len(got.Sent)-1] != "...":
			t.Errorf("%s: sent %q, want %q", tt.name, got.Sent, tt.sent)
		case tt.came == "" && got.Lines != nil, tt.came != "" && (len(got.Lines) == 0 || got.Lines[0] != tt.came):
			t.Errorf("%s: came back %q, want %q", tt.name, got.Lines, tt.came)
		}
	}
}
