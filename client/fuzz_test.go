package main

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"unicode"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/plan"
)

// FuzzParse: no command line crashes the client, and a bad one is told in one
// line.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "hold", "--help", "--conns\n10M\n--rate\n50k/s", "--first-port\n65500\n--ports\n100",
		"--first-port\n\x1b[2J\r1,2\n--proto\ntcp,ws", "--first-port\n1,2\n--proto\ntcp,ws",
		"--host\n::1\n--sources\nfd00::/112",
		"--keepalive\n0\n--reconnect", "--server-control\nhttp://[::1]:9090", "--header\na: b\r\nc: d",
		"--path\n/ HTTP/1.1\r\nHost: x", "--fail-if\nsetup.rate<30k", "--size\n9223372036854775807", "--window\n-1",
		"--interval\n1ms", "--reconect",
		"tcp://127.0.0.1:1-9\nws://[::1]/{i}?x", "wss://127.0.0.1/\n--sni\nx.example", "ws://127.0.0.1/\r\nHost: x",
		"ws://127.0.0.1/{line}\n--resolve\nonce", "x.example:80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		fl, ran := newHold(), false
		fl.names.lookUp = func(context.Context, string, string) ([]netip.Addr, error) {
			return nil, errors.New("no network here")
		}
		p := &cli.Program{Command: *fl.runs(fl.check, func(context.Context) (outcome, error) {
			ran = true
			return outcome{}, errOnlyRead
		})}
		var stdout, stderr strings.Builder
		status := p.Run(t.Context(), strings.Split(line, "\n"), &stdout, &stderr)
		if said := stderr.String(); status != 0 &&
			(status != 2 || strings.IndexFunc(said, unicode.IsControl) != len(said)-1) {
			t.Errorf("%q: status %d, no line without control characters: %q", line, status, said)
		}
		if !ran {
			if status == 0 && stdout.Len() == 0 { // no help, version, or completion either
				t.Errorf("%q: nothing was done", line)
			}
			return
		}
		for _, port := range fl.Ports() {
			if port < 1 || port > 65535 {
				t.Fatalf("%q is taken for port %d", line, port)
			}
		}
		if len(fl.Ports()) == 0 || fl.Size < 1 || fl.Window < 1 || fl.Verify < 0 || fl.Hold < 0 ||
			fl.Close != plan.CloseRST && fl.Close != plan.CloseFIN {
			t.Errorf("%q is taken for %+v", line, fl.Options)
		}
		parts := []string{fl.WebSocket.Path, fl.WebSocket.Subprotocol}
		for _, to := range fl.List() {
			parts = append(parts, to.Name, to.Path)
		}
		for _, h := range fl.WebSocket.Headers {
			parts = append(parts, h[0], h[1])
		}
		for _, h := range parts {
			if strings.ContainsAny(h, "\r\n\x00") {
				t.Errorf("%q lets %q into the handshake", line, h)
			}
		}
	})
}
