package loadgen

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// What a server does wrong is counted by what it was.
func TestWebSocketFailures(t *testing.T) {
	after := func(f ...ws.Frame) func(*peer) {
		return func(p *peer) {
			if _, err := p.next(); err == nil && p.write(f...) == nil {
				_, _ = io.Copy(io.Discard, p)
			}
		}
	}
	say := func(s string) func(*peer) {
		return func(p *peer) {
			_, _ = p.in.Peek(1)
			_, _ = io.WriteString(p.Conn, s)
			_, _ = io.Copy(io.Discard, p)
		}
	}
	message := make([]byte, 10) // ours are never all zeros
	const up = "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	type failure struct {
		want    string
		failed  bool
		upgrade bool
		serve   func(*peer)
	}
	tests := []failure{
		{"handshake_status_403", true, false, say("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")},
		{"handshake_status_503", true, false, say("HTTP/1.0 503 x\r\n\r\n")},
		{"handshake_status_other", true, false, say("HTTP/1.1 418 x\r\n\r\n")},
		{"handshake_accept", true, false, say(up + "Sec-WebSocket-Accept: no\r\n\r\n")},
		{"handshake_accept", true, false, say(up + "\r\n")},
		{"handshake_extension", true, false, say(up + "Sec-WebSocket-Extensions: x\r\n\r\n")},
		{"handshake_subprotocol", true, false, say(up + "Sec-WebSocket-Protocol: x\r\n\r\n")},
		{"handshake_no_upgrade", true, false, say("HTTP/1.1 101 x\r\n\r\n")},
		{"handshake_http_version", true, false, say("HTTP/1.0 101 x\r\n\r\n")},
		{"handshake_malformed", true, false, say("HTTP/1.1 101 x\r\na b: c\r\n\r\n")},
		{"handshake_not_http", true, false, say("SSH-2.0-server\r\n")},
		{"handshake_too_long", true, false, say("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 10_000))},
		{"handshake_echoed", true, false, func(p *peer) { _, _ = io.Copy(p.Conn, p.in) }},
		{"handshake_tls", true, false, say("\x15\x03\x01\x00\x02\x02\x46")},
		{"handshake_tls", true, false, say("\x16\x03\x03\x00\x7a\x02")},
		{"handshake_tls", true, false, say("HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n" +
			"<title>400 The plain HTTP request was sent to HTTPS port</title>")},
		{"handshake_tls", true, false, say("HTTP/1.0 400 Bad Request\r\n\r\n" +
			"Client sent an HTTP request to an HTTPS server.\n")},
		{"handshake_tls", true, false, say("HTTP/1.1 400 Bad Request\r\n\r\nThis port speaks TLS: https:// or " +
			"wss://\n")},
		{"handshake_closed", true, false, func(p *peer) { _, _ = p.in.Peek(1) }},
		{"handshake_timeout", true, false, func(p *peer) { _, _ = io.Copy(io.Discard, p) }},
		{"handshake_timeout", true, false, say("HTTP/1.1 100 Continue\r\n\r\n")},
		{"read_protocol", false, true, after(ws.MaskFrame(ws.NewBinaryFrame(message)))},
		{"read_closed", false, true, func(p *peer) { _, _ = p.next() }},
		{"read_close_none", false, true, after(ws.NewCloseFrame(nil))},
		{"read_close_app", false, true, after(ws.NewCloseFrame(ws.NewCloseFrameBody(4321, "")))},
		{"echo_mismatch", false, true, after(ws.NewBinaryFrame(message))},
		{"echo_mismatch", false, true, after(ws.NewTextFrame(message))},
		{"echo_mismatch", false, true, after(ws.NewBinaryFrame(message[:9]))},
		{"echo_mismatch", false, true, after(ws.NewBinaryFrame(append(message, 0)))},
	}
	for _, code := range []ws.StatusCode{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014} {
		says := after(ws.NewCloseFrame(ws.NewCloseFrameBody(code, "x")))
		tests = append(tests, failure{fmt.Sprintf("read_close_%d", code), false, true, says})
	}
	for _, tt := range tests {
		p := wsPlan(wsServer(t, tt.upgrade, tt.serve), 4)
		p.ConnectTimeout = 2 * time.Second
		got := run(t, p, 10, 1)
		failed, lost := int64(0), int64(4)
		if tt.failed {
			failed, lost = lost, failed
		}
		if got.Errors[tt.want] != 4 || len(got.Errors) != 1 || got.Failed != failed || got.Lost != lost {
			t.Errorf("%s: %+v %v", tt.want, got.Counts, got.Errors)
		}
	}
}

// A server may say 100 Continue, and more, before it switches protocols.
func TestWebSocketInterim(t *testing.T) {
	port := wsServer(t, false, func(p *peer) {
		_, _ = io.WriteString(p.Conn, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n")
		if _, err := (ws.Upgrader{}).Upgrade(struct {
			io.Reader
			io.Writer
		}{p, p.Conn}); err == nil {
			plainEcho(p)
		}
	})
	if got := run(t, wsPlan(port, 4), 10, 2); got.Received != 8 || len(got.Errors) > 0 {
		t.Errorf("%+v %v", got.Counts, got.Errors)
	}
}

// The kind of frame is part of a message: the right bytes in the other kind have
// a cause of their own, and --text sends what such servers answer.
func TestWebSocketText(t *testing.T) {
	as := func(op ws.OpCode) int {
		return wsServer(t, true, func(p *peer) {
			for {
				f, err := p.next()
				if err != nil || f.Header.OpCode == ws.OpClose || f.Header.OpCode == ws.OpText &&
					!utf8.Valid(f.Payload) {
					return
				}
				half := len(f.Payload) / 2
				first, rest := ws.NewFrame(op, false, f.Payload[:half]),
					ws.NewFrame(ws.OpContinuation, true, f.Payload[half:])
				if p.write(first, rest) != nil {
					return
				}
			}
		})
	}
	text, binary := as(ws.OpText), as(ws.OpBinary)
	for _, tt := range []struct {
		port int
		text bool
		want string
	}{{text, false, "echo_text"}, {text, true, ""}, {binary, false, ""}, {binary, true, "echo_binary"}} {
		p := wsPlan(tt.port, 4)
		p.WebSocket.Text = tt.text
		got := run(t, p, 1000, 3)
		if tt.want == "" && (got.Received != 12 || len(got.Errors) > 0) ||
			tt.want != "" && (got.Errors[tt.want] != 4 || got.Mismatched != 0 || len(got.Errors) != 1) {
			t.Errorf("port %d, text %v: %+v %v, want %q", tt.port, tt.text, got.Counts, got.Errors, tt.want)
		}
	}
}

// A server that closes in the middle of a message is heard, although the rest of
// the message cannot be written any more.
func TestWebSocketCloseWhileSending(t *testing.T) {
	port := wsServer(t, true, func(p *peer) {
		_, _ = io.ReadFull(p.in, make([]byte, 100))
		_ = p.write(ws.NewCloseFrame(ws.NewCloseFrameBody(1009, "at most 1 MiB")))
		_, _ = io.ReadFull(p.in, make([]byte, 1<<20)) // and then RST, for there is more
	})
	got := run(t, wsPlan(port, 4), 16<<20, 1)
	if got.Errors["read_close_1009"] != 4 || len(got.Errors) != 1 || got.Lost != 4 {
		t.Errorf("%+v %v", got.Counts, got.Errors)
	}
	if got.First == nil || got.First.Cause != "read_close_1009" || got.First.From.Port() != uint16(port) ||
		!slices.Equal(got.First.Lines, []string{"close frame, code 1009: at most 1 MiB"}) {
		t.Errorf("the first failing answer is %+v", got.First)
	}
}
