package ws

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/fill"
)

func TestNewTemplate(t *testing.T) {
	h := func(pairs ...string) (hs [][2]string) {
		for i := 0; i < len(pairs); i += 2 {
			hs = append(hs, [2]string{pairs[i], pairs[i+1]})
		}
		return hs
	}
	for _, tc := range []struct {
		name, host, path string
		headers          [][2]string
		subprotocol      string
		want             string // in the error; "": none
	}{
		{"plain", "h:80", "/", nil, "", ""},
		{"query and headers", "[::1]:80", "/a?b=c", h("Origin", "http://x", "Cookie", "a=b; c=d"), "", ""},
		{"Host replaced", "h", "/", h("host", "other"), "", ""},
		{"subprotocols", "h", "/", nil, "chat, v2.chat", ""},
		{"empty host", "", "/", nil, "", `host ""`},
		{"CRLF in host", "h\r\nX: y", "/", nil, "", `host "h\r\nX: y"`},
		{"empty path", "h", "", nil, "", `path ""`},
		{"relative path", "h", "a", nil, "", `path "a"`},
		{"space in path", "h", "/a b", nil, "", `path "/a b"`},
		{"CRLF in path", "h", "/\r\n", nil, "", `path "/\r\n"`},
		{"fragment", "h", "/a#b", nil, "", `path "/a#b"`},
		{"not ASCII", "h", "/é", nil, "", `path "/é"`},
		{"CRLF in header", "h", "/", h("X", "a\r\nY: b"), "", `header "X"`},
		{"LF in header", "h", "/", h("X", "a\nb"), "", `header "X"`},
		{"NUL in header", "h", "/", h("X", "a\x00"), "", `header "X"`},
		{"colon in name", "h", "/", h("X:", "a"), "", `header "X:"`},
		{"empty name", "h", "/", h("", "a"), "", `header ""`},
		{"empty Host", "h", "/", h("Host", " "), "", `header "Host"`},
		{"two of Host", "h", "/", h("Host", "a", "host", "b"), "", `header "host": "b" is a second one`},
		{"owned", "h", "/", h("sec-websocket-KEY", "a"), "", `header "sec-websocket-KEY"`},
		{"an extension", "h", "/", h("Sec-WebSocket-Extensions", "permessage-deflate"), "",
			`header "Sec-WebSocket-Extensions"`},
		{"a body", "h", "/", h("Content-Length", "5"), "", `header "Content-Length"`},
		{"CRLF in subprotocol", "h", "/", nil, "a\r\nb", `subprotocol "a\r\nb"`},
		{"same subprotocol twice", "h", "/", nil, "a,a", `subprotocol "a,a"`},
		{"empty subprotocol", "h", "/", nil, "a,", `subprotocol "a,"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tmpl, err := NewTemplate(tc.host, tc.path, tc.headers, tc.subprotocol)
			switch {
			case (err != nil) != (tc.want != ""):
				t.Fatalf("got error %v, want one about %q", err, tc.want)
			case err != nil:
				if !strings.HasPrefix(err.Error(), tc.want) || strings.ContainsAny(err.Error(), "\r\n") {
					t.Errorf("got error %q, want one line about %q", err, tc.want)
				}
				return
			}
			checkRequest(t, tmpl.AppendRequest(nil, 5), tc.path)
		})
	}
}

// checkRequest reads a request with net/http and with our own server.
func checkRequest(t *testing.T, request []byte, path string) {
	t.Helper()
	req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(request)))
	if err != nil || req.RequestURI != path || len(req.Header["Sec-Websocket-Key"]) != 1 {
		t.Fatalf("%q: %v", request, err)
	}
	if n, response, ok := Upgrade(request, nil, Limits{}); n != len(request) || !ok {
		t.Errorf("our server answers %q with %q", request, response)
	}
}

func TestAppendRequest(t *testing.T) {
	tmpl, err := NewTemplate("h:1", "/p", [][2]string{{"Origin", "o"}}, "a,b")
	if err != nil {
		t.Fatal(err)
	}
	got := string(tmpl.AppendRequest([]byte("x"), 9))
	k := keyOf(9)
	want := "xGET /p HTTP/1.1\r\nHost: h:1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: " +
		string(k[:]) +
		"\r\nSec-WebSocket-Version: 13\r\nOrigin: o\r\nSec-WebSocket-Protocol: a, b\r\n\r\n"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	keys := map[[keySize]byte]bool{}
	for seed := range uint64(1000) {
		k := keyOf(seed)
		if keys[k] = true; !validKey(k[:]) {
			t.Fatalf("key %q of seed %d is not legal", k, seed)
		}
	}
	if len(keys) != 1000 {
		t.Errorf("1000 seeds gave %d keys", len(keys))
	}
}

// RFC 6455 section 4.1, "Once the client's opening handshake has been sent".
func TestCheckResponse(t *testing.T) {
	const seed = 42
	k := keyOf(seed)
	accept := "Sec-WebSocket-Accept: " + string(appendAccept(nil, k[:]))
	resp := func(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n\r\n" }
	const first, up, conn = "HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"
	for _, tc := range []struct {
		name, offer, in string
		want            error
	}{
		{"good", "", resp(first, up, conn, accept), nil},
		{"no reason phrase", "", resp("HTTP/1.1 101", up, conn, accept), nil},
		{"other case and order", "", resp(first, accept, "Server: x", "connection: keep-alive, UPGRADE",
			"upgrade: WebSocket"), nil},
		{"1: status 200", "", resp("HTTP/1.1 200 OK", up, conn, accept), StatusError(200)},
		{"1: status 404", "", resp("HTTP/1.1 404 Not Found"), StatusError(404)},
		{"1: status 1010", "", resp("HTTP/1.1 1010 x", up, conn, accept), ErrResponse},
		{"1: HTTP/1.0", "", resp("HTTP/1.0 101 x", up, conn, accept), ErrVersion},
		{"1: refused in HTTP/1.0", "", resp("HTTP/1.0 400 Bad Request"), StatusError(400)},
		{"1: another major version", "", resp("HTTP/2.0 101 x"), ErrNotHTTP},
		{"1: not HTTP", "", resp("SSH-2.0-x"), ErrNotHTTP},
		{"1: TLS alert", "", "\x15\x03\x01\x00\x02\x02\x46", ErrNotHTTP},
		{"1: status 0", "", resp("HTTP/1.1 000 x"), ErrResponse},
		{"1: no status", "", resp("HTTP/1.1"), ErrResponse},
		{"1: 100 Continue before it", "", resp("HTTP/1.1 100 Continue") + resp(first, up, conn, accept), nil},
		{"1: two others before it", "",
			resp("HTTP/1.1 102 x", "A: b") + resp("HTTP/1.1 103 x") + resp(first, up, conn, accept), nil},
		{"1: 100 Continue, then refused", "", resp("HTTP/1.1 100 Continue") + resp("HTTP/1.1 503 x"), StatusError(503)},
		{"1: 100 Continue, then no HTTP", "", resp("HTTP/1.1 100 Continue") + "SSH-2.0", ErrNotHTTP},
		{"1: 100 Continue for ever", "", strings.Repeat(resp("HTTP/1.1 100 Continue"), MaxResponse/25+1),
			ErrResponseTooLong},
		{"1: bad field", "", resp(first, up, conn, accept, "a b: c"), ErrResponse},
		{"2: no Upgrade", "", resp(first, conn, accept), ErrUpgrade},
		{"2: another Upgrade", "", resp(first, "Upgrade: h2c", conn, accept), ErrUpgrade},
		{"3: no Connection", "", resp(first, up, accept), ErrConnection},
		{"3: Connection: close", "", resp(first, up, "Connection: close", accept), ErrConnection},
		{"4: no accept", "", resp(first, up, conn), ErrAccept},
		{"4: wrong accept", "", resp(first, up, conn, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), ErrAccept},
		{"4: accept cut off", "", resp(first, up, conn, accept[:len(accept)-1]), ErrAccept},
		{"4: accept twice", "", resp(first, up, conn, accept, accept), ErrAccept},
		{"5: extension", "", resp(first, up, conn, accept, "Sec-WebSocket-Extensions: permessage-deflate"),
			ErrExtension},
		{"6: subprotocol", "a, b", resp(first, up, conn, accept, "Sec-WebSocket-Protocol: b"), nil},
		{"6: subprotocol not offered", "a", resp(first, up, conn, accept, "Sec-WebSocket-Protocol: b"), ErrSubprotocol},
		{"6: subprotocol though none was offered", "", resp(first, up, conn, accept, "Sec-WebSocket-Protocol: b"),
			ErrSubprotocol},
		{"6: none chosen", "a", resp(first, up, conn, accept), ErrSubprotocol},
		{"6: two chosen", "a, b", resp(first, up, conn, accept, "Sec-WebSocket-Protocol: a, b"), ErrSubprotocol},
		{"largest block", "", resp(first, up, conn, accept,
			"X: "+strings.Repeat("x", MaxResponse-len(resp(first, up, conn, accept, "X: ")))), nil},
		{"block too long", "", resp(first, up, conn, accept, "X: "+strings.Repeat("x", MaxResponse)),
			ErrResponseTooLong},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tmpl, err := NewTemplate("h", "/", nil, tc.offer)
			if err != nil {
				t.Fatal(err)
			}
			for i := range min(len(tc.in), MaxResponse) {
				if errors.Is(tc.want, ErrNotHTTP) {
					break // the first byte that is wrong decides
				}
				if n, err := tmpl.CheckResponse([]byte(tc.in[:i]), seed); n != 0 || err != nil {
					t.Fatalf("decided after %d bytes: %d, %v", i, n, err)
				}
			}
			n, err := tmpl.CheckResponse([]byte(tc.in+"\x81\x00"), seed)
			if !errors.Is(err, tc.want) || err == nil && n != len(tc.in) {
				t.Errorf("got %d, %v, want %d, %v", n, err, len(tc.in), tc.want)
			}
		})
	}
}

func TestStatusError(t *testing.T) {
	if got, want := StatusError(503).Error(), "response has status 503, not 101"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// FuzzCheckResponse: an answer is judged the same however it is split, from the
// moment on that it is judged, and what follows its header block does not matter.
func FuzzCheckResponse(f *testing.F) {
	const seed = 7
	k := keyOf(seed)
	good := "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
		string(appendAccept(nil, k[:])) + "\r\n\r\n"
	for _, in := range []string{
		good, "HTTP/1.1 100 Continue\r\n\r\n" + good + "\x81\x00", "HTTP/1.0 404 x\r\n\r\nbody",
		"\x15\x03\x01\x00\x02\x02\x46",
		"HTTP/1.1 103 x\r\n\r\nSSH-2.0", strings.Repeat("HTTP/1.1 100 \r\n\r\n", 600),
	} {
		f.Add([]byte(in))
	}
	tmpl, err := NewTemplate("h", "/", nil, "")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		n, err := tmpl.CheckResponse(in, seed)
		if n < 0 || n > min(len(in), MaxResponse) || n > 0 && err == nil && !bytes.HasSuffix(in[:n], endOfBlock) {
			t.Fatalf("%d of %d bytes taken, %v", n, len(in), err)
		}
		for i := 0; i < len(in); i += 1 + len(in)/256 {
			n2, err2 := tmpl.CheckResponse(in[:i], seed)
			if decided := n2 > 0 || err2 != nil; decided && (n2 != n || !errors.Is(err, err2)) {
				t.Fatalf("after %d bytes %d, %v; after all %d, %v", i, n2, err2, n, err)
			}
		}
	})
}

// Placeholders of path and fields are rendered for each connection, the same each time.
func TestTemplateWithPlaceholders(t *testing.T) {
	lines, err := fill.ParseLines("alice\nbob\n")
	if err != nil {
		t.Fatal(err)
	}
	tmpl, err := NewTemplate("h.example", "/chat?room={i}&u={line}", [][2]string{
		{"Authorization", "Bearer {line}"}, {"X-Id", "{uuid}"}, {"X-Json", `{"a":1,"b":{i}}`}, {"X-Plain", "{{i}}"},
		{"Host", "{i}.example"}}, "")
	if err != nil {
		t.Fatal(err)
	}
	if !tmpl.NeedsLines() {
		t.Error("it has {line}")
	}
	tmpl.Fill(lines, 1)
	seen := map[string]bool{}
	for conn := range uint64(5) {
		request := string(tmpl.AppendRequest(nil, conn))
		checkRequest(t, []byte(request), fmt.Sprintf("/chat?room=%d&u=%s", conn, lines.Of(conn)))
		for _, want := range []string{
			fmt.Sprintf("\r\nHost: %d.example\r\n", conn), "\r\nAuthorization: Bearer " + lines.Of(conn) + "\r\n",
			fmt.Sprintf("\r\nX-Json: {\"a\":1,\"b\":%d}\r\n", conn), "\r\nX-Plain: {i}\r\n"} {
			if !strings.Contains(request, want) {
				t.Errorf("connection %d lacks %q in %q", conn, want, request)
			}
		}
		if len(request) > tmpl.Size() || seen[request] || string(tmpl.AppendRequest(nil, conn)) != request {
			t.Errorf("connection %d: %d bytes, at most %d; seen before %v; %q", conn, len(request), tmpl.Size(),
				seen[request], request)
		}
		seen[request] = true
	}
	before := string(tmpl.AppendRequest(nil, 0))
	if tmpl.Fill(lines, 2); string(tmpl.AppendRequest(nil, 0)) == before {
		t.Error("another seed, and the same {uuid}")
	}
	if buf := make([]byte, 0, tmpl.Size()); testing.AllocsPerRun(100, func() { tmpl.AppendRequest(buf, 7) }) != 0 {
		t.Error("rendering allocates")
	}
}

// Lines must fit where they are put.
func TestTemplateLines(t *testing.T) {
	for _, tt := range []struct {
		path, field, lines string
		bad                string // in the error
	}{
		{"/{line}", "x", "a\nb", ""},
		{"/{line}", "x", "a\nb c", `line 2, "b c", cannot stand in a path`},
		{"/{line}", "x", "a#", "cannot stand in a path"},
		{"/{line}", "x", "größe", "cannot stand in a path"},
		{"/", "{line}", "b c\ngröße", ""},
		{"/", "{line}", "a\n b", `line 2, " b", is no value of a header field`},
		{"/", "{line}", "a\x01b", "control characters"},
		{"/", "{line}", strings.Repeat("x", 100) + "\x01", `"` + strings.Repeat("x", 40) + `..."`},
	} {
		tmpl, err := NewTemplate("h", tt.path, [][2]string{{"X", tt.field}}, "")
		if err != nil {
			t.Fatal(err)
		}
		lines, err := fill.ParseLines(tt.lines)
		if err != nil {
			t.Fatal(err)
		}
		err = tmpl.CheckLines(lines)
		if (err == nil) != (tt.bad == "") || err != nil && !strings.Contains(err.Error(), tt.bad) {
			t.Errorf("%q and %q with %.20q: %v, want %q", tt.path, tt.field, tt.lines, err, tt.bad)
		}
	}
	for _, bad := range []string{"/{room}", "/{I}"} {
		if _, err := NewTemplate("h", bad, nil, ""); err == nil || !strings.Contains(err.Error(), fill.Legal) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
