package tests

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os/exec"
	"testing"

	"github.com/c10m/c10m/tests/nettest"
	"github.com/c10m/c10m/tests/rig"
)

// nginxTunnel passes WebSockets on to one upstream.
const nginxTunnel = `server {
  listen 127.0.0.1:%d;
  location / {
    proxy_pass http://127.0.0.1:%d; proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; proxy_set_header Host $host;
  }
}`

// TestCloseCodeThroughProxy: a peer behind a proxy that is still sending learns why
// the server ends its connection. A proxy passes on the end of either half as the
// end of both: so ours must not end before the peer has answered the close frame.
func TestCloseCodeThroughProxy(t *testing.T) {
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		t.Skip("nginx is not installed")
	}
	s, first := wsPorts(t, 1, "--max-message", "1M")
	at := startNginx(t, nginx, first)
	for i := range 20 {
		c, in := upgradeAt(t, at)
		go func() { // a message of 8 MiB, to its end
			frame := make([]byte, 14, 64<<10)
			frame[0], frame[1] = 0x82, 0xFF
			binary.BigEndian.PutUint64(frame[2:], 8<<20)
			if _, err := c.Write(frame); err != nil {
				return
			}
			for range 8 << 20 / (64 << 10) {
				if _, err := c.Write(frame[:64<<10]); err != nil {
					return
				}
			}
			_, _ = c.Write([]byte{0x88, 0x80, 0, 0, 0, 0}) // the answer to the close frame
		}()
		var got [4]byte
		if _, err := io.ReadFull(in, got[:]); err != nil || got != [4]byte{0x88, 2, 1009 >> 8, 1009 & 0xFF} {
			t.Errorf("try %d: read % x, %v; want a close frame with 1009", i, got, err)
		}
		if n, err := io.Copy(io.Discard, in); n != 0 || err != nil {
			t.Errorf("try %d: after the close frame %d bytes, %v; want the end", i, n, err)
		}
		_ = c.Close()
	}
	await(t, "every connection to be closed", func() bool { return s.report(t).Open == 0 })
	if n := s.report(t).Refused["ws_too_big"]; n != 20 {
		t.Errorf("%d counted as ws_too_big, want 20", n)
	}
}

// startNginx runs nginx as a proxy before a port of the server, and returns its address.
func startNginx(t *testing.T, nginx string, upstream int) (addr string) {
	t.Helper()
	dir := t.TempDir()
	port := rig.FreePorts(t, 1)
	conf := rig.File(t, dir, "nginx.conf", rig.NginxConf(dir, fmt.Sprintf(nginxTunnel, port, upstream)))
	rig.Program(t, port, nginx, "-p", dir, "-c", conf)
	return fmt.Sprintf("127.0.0.1:%d", port)
}

// upgradeAt opens a WebSocket connection.
func upgradeAt(t *testing.T, addr string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c := nettest.Dial(t, addr)
	in, err := nettest.Upgrade(c)
	if err != nil {
		t.Fatal(err)
	}
	return c, in
}
