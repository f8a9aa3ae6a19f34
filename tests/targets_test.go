package tests

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/tests/nettest"
)

// A run to two targets at once, TCP and WebSocket: half of the connections each, and
// each WebSocket handshake is its own user's.
func TestTargets(t *testing.T) {
	var mu sync.Mutex
	var users []string
	tcp := listen(t, func(c net.Conn) { _, _ = io.Copy(c, c) })
	web := listen(t, func(c net.Conn) {
		req, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			return // the probe, which only connects
		}
		mu.Lock()
		users = append(users, req.Host+req.RequestURI+" "+req.Header.Get("Authorization"))
		mu.Unlock()
		accept := sha1.Sum([]byte(req.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		_, _ = fmt.Fprintf(c, "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "+
			"%s\r\n\r\n",
			base64.StdEncoding.EncodeToString(accept[:]))
		_, _ = io.Copy(io.Discard, c)
	})
	lines := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(lines, []byte("red\ngreen\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	urls := []string{fmt.Sprintf("tcp://127.0.0.1:%d", tcp), fmt.Sprintf("ws://127.0.0.1:%d/room/{i}", web)}
	o := client(t, nil, nil, slices.Concat(urls,
		[]string{"--conns", "8", "--hold", "0s", "--settle", "0s", "--verify", "0", "--server-control", "none",
			"--header", "Host: chat.example", "--header", "Authorization: Bearer {line}", "--lines", lines})...)
	if o.Status != 0 || o.Result == nil || o.Result.Conns.Established != 8 ||
		!slices.Equal(o.Result.Plan.Targets, urls) {
		t.Fatalf("status %d, %+v, %s", o.Status, o.Result, o.Stderr)
	}
	for _, p := range o.Result.Protocols {
		if p.Conns.Established != 4 {
			t.Errorf("%s: %d connections, want half of 8", p.Proto, p.Conns.Established)
		}
	}
	if !slices.ContainsFunc(o.Result.Warnings, func(w result.Warning) bool { return w.Code == "lines_begin_again" }) {
		t.Errorf("two lines for 8 connections, and no warning of %+v", o.Result.Warnings)
	}
	mu.Lock()
	defer mu.Unlock()
	slices.Sort(users)
	if got, want := strings.Join(slices.Compact(users), ", "),
		"chat.example/room/"; len(slices.Compact(users)) != 4 || strings.Count(got, want) != 4 {
		t.Errorf("users %q, want four of %s", users, want)
	}
	for _, user := range users {
		var i int
		var token string
		if n, err := fmt.Sscanf(user, "chat.example/room/%d Bearer %s", &i, &token); n != 2 ||
			token != []string{"red", "green"}[i%2] {
			t.Errorf("%q: %v", user, err)
		}
	}
}

// Secured and plain targets of one run: half of the connections each, and each counted
// by itself.
func TestTargetsWithTLSAndWithout(t *testing.T) {
	plain, _ := wsPorts(t, 2)
	secured, ws := wsPorts(t, 2, "--tls")
	o := client(t, nil, nil, fmt.Sprintf("tcp://127.0.0.1:%d-%d", plain.first, plain.first+1),
		fmt.Sprintf("wss://127.0.0.1:%d-%d/x", ws, ws+1), "--insecure", "--conns", "40", "--hold", "0s", "--settle", "0s",
		"--server-control", "http://"+secured.control)
	o.HasResult(t)
	r := o.Result
	if o.Status != 0 || r.Conns.Established != 40 || r.Echo.Verified != 40 || r.TLS == nil || !r.TLS.Mixed ||
		r.TLS.Full != 20 || len(r.Protocols) != 2 {
		t.Fatalf("status %d, %+v, TLS %+v, protocols %+v: %s", o.Status, r.Conns, r.TLS, r.Protocols, o.Stderr)
	}
	for i, name := range []string{"tcp", "wss"} {
		if p := r.Protocols[i]; p.Proto != name || p.Conns.Established != 20 || p.Connect.Count != 20 {
			t.Errorf("%+v, want 20 connections of %s", p, name)
		}
	}
	if !slices.ContainsFunc(r.Warnings, func(w result.Warning) bool { return w.Code == "tls_mixed" }) {
		t.Errorf("that memory is a mean is not said: %+v", r.Warnings)
	}
}

// A run that waits begins once the server is there.
func TestWait(t *testing.T) {
	at := fmt.Sprintf("127.0.0.1:%d", nettest.FreePort(t))
	up := make(chan net.Listener, 1)
	time.AfterFunc(300*time.Millisecond, func() {
		l, err := net.Listen("tcp4", at)
		up <- l
		if err != nil {
			return // taken meanwhile: the run fails, and says so
		}
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c) }()
		}
	})
	o := client(t, nil, nil, "tcp://"+at, "--wait", "1m", "--conns", "5", "--hold", "0s", "--settle", "0s",
		"--server-control", "none")
	if l := <-up; l != nil {
		_ = l.Close()
	}
	if o.Status != 0 || o.Result == nil || o.Result.Conns.Established != 5 {
		t.Errorf("status %d, %+v, %s", o.Status, o.Result, o.Stderr)
	}
}
