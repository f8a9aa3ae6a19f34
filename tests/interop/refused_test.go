package interop

import (
	"fmt"
	"testing"
	"time"

	"github.com/c10m/c10m/tests/rig"
)

// TestRefused: what goes wrong with other people's servers and proxies, with the cause and
// the cure that the report has to name.
func TestRefused(t *testing.T) {
	id := rig.Certify(t, time.Now(), "127.0.0.1", "localhost")
	other, old := rig.Certify(t, time.Now(), "chat.example"), rig.Certify(t, time.Now().AddDate(-1, 0, 0), "127.0.0.1")
	echo := func(t *testing.T, id ...string) int {
		port := rig.FreePorts(t, 1)
		rig.Program(t, 0, append([]string{python, "peers/peer.py", "echo", fmt.Sprint(port)}, id...)...)
		return port
	}
	for _, tt := range []struct {
		name, scheme string
		server       func(*testing.T) int
		flags        []string
		cause, cure  string
	}{
		{"nobody we trust has signed it", "wss", func(t *testing.T) int { return echo(t, id.Cert, id.Key) }, nil,
			"tls_unknown_authority", "--ca FILE"},
		{"for another name", "wss", func(t *testing.T) int { return echo(t, other.Cert, other.Key) },
			[]string{"--ca", other.Cert},
			"tls_wrong_name", "--sni NAME"},
		{"expired", "wss", func(t *testing.T) int { return echo(t, old.Cert, old.Key) }, []string{"--ca", old.Cert},
			"tls_expired", "renew it"},
		{"TLS to a port without", "wss", func(t *testing.T) int { return echo(t) }, nil, "tls_not_tls",
			"no --tls"},
		{"a port with TLS, in the clear", "ws", func(t *testing.T) int { return echo(t, id.Cert, id.Key) }, nil,
			"handshake_closed", "over its limit, or a TCP port?"},
		{"no certificate of the client", "wss", func(t *testing.T) int {
			return haproxy(t, &id, echo(t), "1h", " verify required ca-file "+id.Cert)
		}, []string{"--ca", id.Cert}, "tls_alert_certificate", "--cert FILE --key FILE"},
		{"HTTP/1.0 to the upstream by mistake", "ws", func(t *testing.T) int { return nginx(t, nil, echo(t), "") }, nil,
			"handshake_status_400", "It must pass on HTTP/1.1, Upgrade, Connection"},
		{"the same with TLS", "wss", func(t *testing.T) int { return nginx(t, &id, echo(t), "") },
			[]string{"--ca", id.Cert},
			"handshake_status_400", "It must pass on HTTP/1.1, Upgrade, Connection"},
		{"nothing behind the proxy", "ws",
			func(t *testing.T) int { return nginx(t, nil, rig.FreePorts(t, 1), upgrades) }, nil,
			"handshake_status_502", "the proxy cannot reach the server"},
		{"only text is taken", "ws", func(t *testing.T) int {
			port := rig.FreePorts(t, 1)
			rig.Program(t, 0, "node", "peers/ws.mjs", "text", fmt.Sprint(port))
			return port
		}, nil, "read_close_1003", "--text"},
		{"a server that talks before it is asked", "ws", func(t *testing.T) int {
			port := rig.FreePorts(t, 1)
			rig.Program(t, 0, python, "peers/peer.py", "socketio", fmt.Sprint(port))
			return port
		}, nil, "echo_surplus", "--expect any"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rig.NoLeaks(t)
			o := run(t, fmt.Sprintf("%s://127.0.0.1:%d/", tt.scheme, tt.server(t)),
				append(tt.flags, "--hold", "200ms", "--interval", "100ms")...)
			fails(t, o, tt.cause, tt.cure)
		})
	}
}

// TestClientCertificate: HAProxy demands one, and gets it.
func TestClientCertificate(t *testing.T) {
	rig.NoLeaks(t)
	id := rig.Certify(t, time.Now(), "127.0.0.1", "localhost")
	port := rig.FreePorts(t, 1)
	rig.Program(t, 0, python, "peers/peer.py", "echo", fmt.Sprint(port))
	us := rig.CertifyClient(t)
	at := haproxy(t, &id, port, "1h", " verify required ca-file "+us.Cert)
	o := run(t, fmt.Sprintf("wss://127.0.0.1:%d/", at), "--ca", id.Cert, "--cert", us.Cert, "--key", us.Key, "--hold",
		"200ms", "--interval", "100ms")
	works(t, o, conns)
}
