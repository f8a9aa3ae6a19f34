//go:build chaos

package chaos

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/c10m/c10m/tests/rig"
)

// TestDrainByControl: POST /drain ends the server in good order, and only with the token.
func TestDrainByControl(t *testing.T) {
	const token = "a token of some length"
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// A shell's <(command) can be read but once.
	pipe := []string{"bash", "-c", `exec "$0" "$@" --control-token @<(echo '` + token + `')`}
	for _, tt := range []struct {
		name         string
		prefix       []string
		flags        []string
		given        string
		status       int
		workers      string
		shallEndLife bool
	}{
		{"without", nil, nil, token, http.StatusForbidden, "1", false},
		{"wrong", nil, []string{"--control-token", "@" + file}, "a token of some lengtH", http.StatusUnauthorized, "2",
			false},
		{"right", nil, []string{"--control-token", "@" + file}, token, http.StatusAccepted, "1", true},
		{"right, workers", nil, []string{"--control-token", "@" + file}, token, http.StatusAccepted, "2", true},
		{"right, of a pipe", pipe, nil, token, http.StatusAccepted, "1", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rig.NoLeaks(t)
			s := rig.Start(t, rig.Options{Ports: 5, Prefix: tt.prefix,
				Flags: append([]string{"--workers", tt.workers}, tt.flags...)})
			req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+s.Control+"/drain", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+tt.given)
			resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != tt.status {
				t.Errorf("%s, want %d", resp.Status, tt.status)
			}
			if !tt.shallEndLife {
				if state := s.Report(t).State; state != "ready" {
					t.Errorf("state %s, want ready", state)
				}
				return
			}
			if err := s.Ended(t); err != nil {
				t.Errorf("server ended with %v, want status 0", err)
			}
		})
	}
}

// TestHostileControl: hostile requests to the control endpoint are refused, do not hurt the
// data ports, and are ended within the deadlines.
func TestHostileControl(t *testing.T) {
	rig.NoLeaks(t)
	s := rig.Start(t, rig.Options{Ports: 5})
	c := newCanary(t, s)
	var slow []net.Conn
	for i := range 200 {
		conn, err := net.Dial("tcp4", s.Control)
		if err != nil {
			t.Fatal(err)
		}
		slow = append(slow, conn)
		switch i % 3 {
		case 0: // half a request
			_, _ = fmt.Fprintf(conn, "GET /footprint HTTP/1.1\r\nHost: 127.0.0.1\r\n")
		case 1: // a header without end
			_ = conn.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
			_, _ = fmt.Fprintf(conn, "GET / HTTP/1.1\r\nX: %s", strings.Repeat("y", 1<<20))
		}
	}
	// The server must find room again although none of them ever leaves.
	if r := s.Report(t); r.Open != canaries {
		t.Errorf("%d connections open, want %d", r.Open, canaries)
	}
	c.well(t)
	for _, conn := range slow {
		_ = conn.Close()
	}
	for _, tt := range []struct {
		name, request string
		status        string
	}{
		{"a rebound name", "GET /footprint HTTP/1.1\r\nHost: evil.example\r\n\r\n", "403"},
		{"another site", "GET /footprint HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://evil.example\r\n\r\n", "403"},
		{"a path out of the tree", "GET /../../etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "307"},
		{"a path out of the tree, encoded", "GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "404"},
		{"a file of the machine", "GET /etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "404"},
		{"no HTTP", "\x16\x03\x01\x00\r\n\r\n", "400"},
		{"a header of 64 KiB", "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + strings.Repeat("y", 64<<10) + "\r\n\r\n", "431"},
	} {
		conn, err := net.Dial("tcp4", s.Control)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(rig.Patience))
		go func() { _, _ = conn.Write([]byte(tt.request)) }()
		b := make([]byte, 12)
		n, err := conn.Read(b)
		if got := string(b[:n]); got != "HTTP/1.1 "+tt.status {
			t.Errorf("%s: %q, %v; want %s", tt.name, got, err, tt.status)
		}
		_ = conn.Close()
	}
	c.well(t)
}
