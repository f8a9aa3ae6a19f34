package ws

import (
	"bufio"
	"bytes"
	"net/http"
	"strings"
	"testing"
)

// handshake is the request of RFC 6455 section 1.3; edits replace or add lines.
func handshake(edits ...string) string {
	lines := []string{
		"GET /chat HTTP/1.1", "Host: server.example.com", "Upgrade: websocket", "Connection: Upgrade",
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13",
	}
	for _, e := range edits {
		name, _, _ := strings.Cut(strings.TrimPrefix(e, "-"), ":")
		found := false
		for i, l := range lines {
			if i > 0 && strings.HasPrefix(l, name+":") {
				found = true
				if lines[i] = e; e[0] == '-' {
					lines = append(lines[:i], lines[i+1:]...)
				}
				break
			}
		}
		if !found {
			lines = append(lines, e)
		}
	}
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

var upgradeCases = []struct {
	name   string
	in     string
	status int
}{
	{"1.3 example", handshake(), 101},
	{"4.2.1.1 absolute target", strings.Replace(handshake(), "/chat", "http://server.example.com/chat", 1), 101},
	{"4.2.1.1 absolute https target", strings.Replace(handshake(), "/chat", "https://server.example.com/chat?a=b", 1),
		101},
	{"4.2.1.1 target *", strings.Replace(handshake(), "/chat", "*", 1), 400},
	{"4.2.1.1 target is no path", strings.Replace(handshake(), "/chat", "chat", 1), 400},
	{"4.2.1.1 target is an authority", strings.Replace(handshake(), "/chat", "server.example.com:80", 1), 400},
	{"4.2.1.1 OPTIONS *", strings.Replace(handshake(), "GET /chat", "OPTIONS *", 1), 405},
	{"4.2.1.1 POST", strings.Replace(handshake(), "GET", "POST", 1), 405},
	{"4.2.1.1 get", strings.Replace(handshake(), "GET", "get", 1), 405},
	{"4.2.1.1 HTTP/1.0", strings.Replace(handshake(), "HTTP/1.1", "HTTP/1.0", 1), 400},
	{"4.2.1.1 HTTP/1.2", strings.Replace(handshake(), "HTTP/1.1", "HTTP/1.2", 1), 101},
	{"4.2.1.1 HTTP/1.11", strings.Replace(handshake(), "HTTP/1.1", "HTTP/1.11", 1), 400},
	{"4.2.1.1 HTTP/2.0", strings.Replace(handshake(), "HTTP/1.1", "HTTP/2.0", 1), 400},
	{"4.2.1.1 http/1.1", strings.Replace(handshake(), "HTTP/1.1", "http/1.1", 1), 400},
	{"4.2.1.1 no version", strings.Replace(handshake(), " HTTP/1.1", "", 1), 400},
	{"4.2.1.1 two spaces", strings.Replace(handshake(), "GET ", "GET  ", 1), 400},
	{"4.2.1.1 no request line", "Host: h\r\n" + handshake(), 400},
	{"RFC 9112 2.2 an empty line before the request", "\r\n" + handshake(), 101},
	{"RFC 9112 2.2 three empty lines before it", "\r\n\r\n\r\n" + handshake(), 101},
	{"RFC 9112 2.2 nothing but empty lines", strings.Repeat("\r\n", 512), 431},
	{"4.2.1.1 control character in target", strings.Replace(handshake(), "/chat", "/ch\x01at", 1), 400},
	{"4.2.1.2 no Host", handshake("-Host"), 400},
	{"4.2.1.2 two Hosts", handshake()[:len(handshake())-2] + "Host: other\r\n\r\n", 400},
	{"4.2.1.2 Host with a port", handshake("Host: server.example.com:15000"), 101},
	{"4.2.1.2 Host is an IPv6 address", handshake("Host: [::1]:15000"), 101},
	{"4.2.1.2 Host with a space", handshake("Host: server example.com"), 400},
	{"4.2.1.2 Host with a path", handshake("Host: server.example.com/chat"), 400},
	{"4.2.1.2 Host with a user", handshake("Host: me@server.example.com"), 400},
	{"4.2.1.3 no Upgrade", handshake("-Upgrade"), 426},
	{"4.2.1.3 another Upgrade", handshake("Upgrade: h2c"), 426},
	{"4.2.1.3 Upgrade in capitals", handshake("Upgrade: WebSocket"), 101},
	{"4.2.1.3 Upgrade list", handshake("Upgrade: h2c , websocket"), 101},
	{"4.2.1.3 Upgrade with a longer token", handshake("Upgrade: websocket2"), 426},
	{"4.2.1.4 no Connection", handshake("-Connection"), 400},
	{"4.2.1.4 keep-alive only", handshake("Connection: keep-alive"), 400},
	{"4.2.1.4 Connection list", handshake("Connection: keep-alive, UPGRADE"), 101},
	{"4.2.1.4 Connection in two lines", handshake("Connection: keep-alive")[:len(handshake("Connection: keep-alive"))-
		2] + "Connection: upgrade\r\n\r\n", 101},
	{"4.2.1.5 no key", handshake("-Sec-WebSocket-Key"), 400},
	{"4.2.1.5 key of 15 bytes", handshake("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA"), 400},
	{"4.2.1.5 key of 17 bytes", handshake("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAA="), 400},
	{"4.2.1.5 key of 18 bytes", handshake("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAAA"), 400},
	{"4.2.1.5 key is not base64", handshake("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ!="), 400},
	{"4.2.1.5 two keys", handshake()[:len(handshake())-2] + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", 400},
	{"4.2.1.6 no Version", handshake("-Sec-WebSocket-Version"), 426},
	{"4.4 version 8", handshake("Sec-WebSocket-Version: 8"), 426},
	{"4.4 version 14", handshake("Sec-WebSocket-Version: 14"), 426},
	{"4.4 version list", handshake("Sec-WebSocket-Version: 13, 8"), 426},
	{"4.4 two versions", handshake()[:len(handshake())-2] + "Sec-WebSocket-Version: 13\r\n\r\n", 400},
	{"4.2.1 names in capitals, no spaces", strings.NewReplacer("Upgrade: ", "UPGRADE:", "Host: ", "HOST:",
		"Sec-WebSocket-Key: ", "SEC-WEBSOCKET-KEY:\t").Replace(handshake()), 101},
	{"9.1 extensions are passed over",
		handshake("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"), 101},
	{"1.9 subprotocol", handshake("Sec-WebSocket-Protocol: chat, superchat"), 101},
	{"1.9 subprotocols, empty elements", handshake("Sec-WebSocket-Protocol: , chat,, superchat ,"), 101},
	{"1.9 subprotocols, none", handshake("Sec-WebSocket-Protocol:"), 101},
	{"1.9 subprotocol is no token", handshake("Sec-WebSocket-Protocol: a b"), 400},
	{"RFC 9112 5.1 space before colon", handshake("X-Y : z"), 400},
	{"RFC 9112 5.2 folded line", handshake("X-Y: a\r\n b"), 400},
	{"RFC 9112 5 no colon", handshake("nonsense"), 400},
	{"RFC 9110 5.5 NUL", handshake("X-Y: a\x00b"), 400},
	{"RFC 9112 2.2 bare LF", handshake("X-Y: a\nX-Z: b"), 400},
	{"RFC 9112 2.2 bare CR", handshake("X-Y: a\rb"), 400},
	{"RFC 9112 6 Content-Length 0", handshake("Content-Length: 0"), 101},
	{"RFC 9112 6 Content-Length 5", handshake("Content-Length: 5"), 400},
	{"RFC 9112 6 Transfer-Encoding", handshake("Transfer-Encoding: chunked"), 400},
	{"RFC 6585 5 at the limit", padded(1024), 101},
	{"RFC 6585 5 over the limit", padded(1025), 431},
	{"RFC 6585 5 no end", strings.Repeat("a", 1025), 431},
}

// padded is a handshake of n bytes.
func padded(n int) string {
	return handshake("X: " + strings.Repeat("x", n-len(handshake("X: "))))
}

// answer gives chunks to Upgrade the way a connection would.
func answer(chunks ...[]byte) (n int, response []byte, ok bool) {
	var in []byte
	for _, c := range chunks {
		in = append(in, c...)
		if n, response, ok = Upgrade(in, nil, Limits{MaxHeader: 1024}); n > 0 || len(response) > 0 {
			return n, response, ok
		}
	}
	return n, response, ok
}

func TestUpgrade(t *testing.T) {
	const frames = "\x81\x85frames\r\n\r\n"
	for _, tc := range upgradeCases {
		t.Run(tc.name, func(t *testing.T) {
			splits([]byte(tc.in), func(split string, chunks [][]byte) {
				n, response, ok := answer(chunks...)
				checkAnswer(t, split, response, tc.status)
				if ok != (tc.status == 101) || tc.status != 431 && n != len(tc.in) {
					t.Errorf("%s: took %d of %d bytes, %v", split, n, len(tc.in), ok)
				}
			})
			n, response, _ := answer([]byte(tc.in + frames))
			if checkAnswer(t, "with frames", response, tc.status); n > len(tc.in) || n == 0 {
				t.Errorf("took %d bytes of a header block of %d", n, len(tc.in))
			}
		})
	}
}

// What cannot begin a request is refused at its first byte: nothing that is
// waited for would ever come.
func TestUpgradeFirstByte(t *testing.T) {
	for _, tt := range []struct{ name, in string }{
		{"TLS ClientHello", "\x16\x03\x01"},
		{"TLS after an empty line", "\r\n\x16"},
		{"a space", " GET"},
		{"a bare LF", "\n"},
		{"CR without LF", "\rG"},
		{"HTTP/2 frame", "\x00\x00\x12\x04"},
	} {
		n, response, ok := answer([]byte(tt.in))
		if checkAnswer(t, tt.name, response, 400); ok || n == 0 || n > len(tt.in) {
			t.Errorf("%s: took %d of %d bytes, %v", tt.name, n, len(tt.in), ok)
		}
	}
}

// checkAnswer reads the response with net/http.
func checkAnswer(t *testing.T, split string, response []byte, status int) {
	t.Helper()
	r := bufio.NewReader(bytes.NewReader(response))
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatalf("%s: %q: %v", split, response, err)
	}
	resp.Body.Close()
	h := resp.Header
	switch {
	case resp.StatusCode != status:
		t.Errorf("%s: got %s, want %d", split, resp.Status, status)
	case r.Buffered() > 0:
		t.Errorf("%s: %d bytes after the response", split, r.Buffered())
	case status == 101 && (h.Get("Upgrade") != "websocket" || h.Get("Connection") != "Upgrade" ||
		h.Get("Sec-WebSocket-Extensions") != "" || len(h.Get("Sec-WebSocket-Accept")) != acceptSize):
		t.Errorf("%s: got header %v", split, h)
	case status != 101 && !strings.HasSuffix(strings.Join(h["Connection"], ","), "close") && !resp.Close:
		t.Errorf("%s: %d does not announce the end: %v", split, status, h)
	case status == 426 && h.Get("Sec-WebSocket-Version") != "13":
		t.Errorf("%s: 426 without the version: %v", split, h)
	case status == 405 && h.Get("Allow") != "GET":
		t.Errorf("%s: 405 without Allow: %v", split, h)
	}
}

// RFC 6455 section 1.3 spells out key and accept.
func TestAccept(t *testing.T) {
	_, response, _ := answer([]byte(handshake("Sec-WebSocket-Protocol: , chat, superchat")))
	for _, want := range []string{"\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
		"\r\nSec-WebSocket-Protocol: chat\r\n"} {
		if !strings.Contains(string(response), want) {
			t.Errorf("got %q, want %q in it", response, want)
		}
	}
}

// FuzzUpgrade: what Upgrade takes, net/http takes too, with the same fields;
// the splitting does not matter and nothing behind the block is touched.
func FuzzUpgrade(f *testing.F) {
	for _, tc := range upgradeCases {
		f.Add([]byte(tc.in), uint16(3))
	}
	f.Fuzz(func(t *testing.T, in []byte, cut uint16) {
		n, response, ok := answer(in)
		at := int(cut) % (len(in) + 1)
		n2, response2, ok2 := answer(in[:at], in[at:])
		if ok != ok2 || !bytes.Equal(response, response2) || ok && n != n2 {
			t.Fatalf("whole %d %v %q, cut at %d: %d %v %q", n, ok, response, at, n2, ok2, response2)
		}
		if n > len(in) || ok && !bytes.HasSuffix(in[:n], endOfBlock) || (n == 0) != (len(response) == 0) {
			t.Fatalf("took %d of %d bytes, response %q", n, len(in), response)
		}
		if !ok {
			return
		}
		req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(in[:n])))
		if err != nil {
			return // net/http also parses the target
		}
		h := req.Header
		if req.Method != "GET" || req.ProtoMajor != 1 || req.ProtoMinor < 1 || h.Get("Sec-WebSocket-Version") != "13" ||
			len(h.Get("Sec-WebSocket-Key")) != keySize ||
			!strings.Contains(strings.ToLower(strings.Join(h["Upgrade"], ",")), "websocket") || req.ContentLength > 0 {
			t.Fatalf("took %q", in[:n])
		}
	})
}
