package interop

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/c10m/c10m/tests/rig"
)

// nginxFor is a proxy for WebSockets, nginx.org/en/docs/http/websocket.html: listen with
// its certificate, upstream, and more of the location.
const nginxFor = `server {
  listen 127.0.0.1:%d%s;
  location / { proxy_pass http://127.0.0.1:%d; proxy_set_header Host $host; %s }
}`

const upgrades = `proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection ` +
	`"upgrade";`

// nginx runs nginx as a proxy before a port, with TLS if id is not nil, and returns the
// port that it listens on.
func nginx(t *testing.T, id *rig.Identity, upstream int, location string) (port int) {
	t.Helper()
	path, err := exec.LookPath("nginx")
	if err != nil {
		path = "/usr/sbin/nginx"
	}
	dir, secured := t.TempDir(), ""
	if id != nil {
		secured = fmt.Sprintf(" ssl; ssl_certificate %s; ssl_certificate_key %s", id.Cert, id.Key)
	}
	port = rig.FreePorts(t, 1)
	conf := rig.File(t, dir, "nginx.conf", rig.NginxConf(dir, fmt.Sprintf(nginxFor, port, secured, upstream, location)))
	rig.Program(t, port, path, "-p", dir, "-c", conf)
	return port
}

// haproxyFor is a configuration of HAProxy 2.6: listen with its certificate, how
// long an upgraded connection may be silent, and upstream.
const haproxyFor = `global
  maxconn 1000
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  timeout tunnel %[3]s
frontend in
  bind 127.0.0.1:%[1]d%[2]s
  default_backend out
backend out
  server one 127.0.0.1:%[4]d
`

// haproxy runs HAProxy before a port, with TLS if id is not nil, and returns the port that
// it listens on.
func haproxy(t *testing.T, id *rig.Identity, upstream int, silence string, bind ...string) (port int) {
	t.Helper()
	path, err := exec.LookPath("haproxy")
	if err != nil {
		path = "/usr/sbin/haproxy"
	}
	secured := ""
	if id != nil {
		secured = " ssl crt " + id.Both + strings.Join(bind, "")
	}
	port = rig.FreePorts(t, 1)
	conf := rig.File(t, t.TempDir(), "haproxy.cfg", fmt.Sprintf(haproxyFor, port, secured, silence, upstream))
	rig.Program(t, port, path, "-db", "-f", conf)
	return port
}

// TestProxies: nginx and HAProxy before a server of ours, in the clear and with TLS
// that ends there.
func TestProxies(t *testing.T) {
	s := rig.Start(t, rig.Options{Ports: 1, WS: 1})
	id := rig.Certify(t, time.Now(), "127.0.0.1", "localhost")
	for _, tt := range []struct {
		name  string
		proxy func(*testing.T, *rig.Identity) int
	}{
		{"nginx", func(t *testing.T, id *rig.Identity) int { return nginx(t, id, s.WS, upgrades) }},
		{"haproxy", func(t *testing.T, id *rig.Identity) int { return haproxy(t, id, s.WS, "1h") }},
	} {
		t.Run(tt.name+"/ws", func(t *testing.T) {
			rig.NoLeaks(t)
			works(t, run(t, fmt.Sprintf("ws://127.0.0.1:%d/chat", tt.proxy(t, nil)), "--hold", "400ms", "--interval",
				"200ms"), conns)
		})
		t.Run(tt.name+"/wss", func(t *testing.T) {
			rig.NoLeaks(t)
			o := run(t, fmt.Sprintf("wss://127.0.0.1:%d/chat", tt.proxy(t, &id)), "--ca", id.Cert, "--hold", "400ms",
				"--interval", "200ms")
			works(t, o, conns)
		})
	}
}

// TestSilenceBehindAProxy: HAProxy ends what is silent for too long, the report
// says so, and client pings outlive it.
func TestSilenceBehindAProxy(t *testing.T) {
	s := rig.Start(t, rig.Options{Ports: 1, WS: 1})
	id := rig.Certify(t, time.Now(), "127.0.0.1", "localhost")
	target := fmt.Sprintf("wss://127.0.0.1:%d/chat", haproxy(t, &id, s.WS, "2s"))
	silent := run(t, target, "--ca", id.Cert, "--hold", "4s", "--verify", "0")
	if c := silent.Result.Conns; silent.Status != 1 || c.Established != conns || c.Lost != conns {
		t.Errorf("status %d, %+v; want all lost", silent.Status, c)
	}
	if text := said(t, silent); !strings.Contains(text, "an idle timeout, of the server or a proxy") ||
		!strings.Contains(text, "--ping") {
		t.Errorf("the report does not name silence and its cure: %s", text)
	}
	pinging := run(t, target, "--ca", id.Cert, "--hold", "3s", "--verify", "0", "--ping", "1500ms")
	if c := pinging.Result.Conns; pinging.Status != 0 || c.Established != conns || c.Lost != 0 {
		t.Errorf("with pings: status %d, %+v; want none lost: %s", pinging.Status, c, pinging.Stderr)
	}
}
