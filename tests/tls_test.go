package tests

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/c10m/c10m/tests/rig"
)

// Both ends speak TLS: what is verified is, what is not is said, and the client's key
// is in no result.
func TestTLS(t *testing.T) {
	id := rig.Certify(t, time.Now(), "127.0.0.1")
	cert, key := id.Cert, id.Key
	const ports, conns = 4, 200
	s, ws := wsPorts(t, ports, "--tls", "--cert", cert, "--key", key)
	flags := func(proto string, first int, more ...string) []string {
		return append([]string{"hold", "--proto", proto, "--first-port", fmt.Sprint(first), "--ports",
			fmt.Sprint(ports), "--hold", "0s",
			"--server-control", "http://" + s.control, "--conns", fmt.Sprint(conns), "--tls"}, more...)
	}
	for _, tt := range []struct {
		name     string
		args     []string
		verified bool
	}{
		{"tcp", flags("tcp", s.first, "--ca", cert, "--cert", cert, "--key", key, "--close", "fin"), true},
		{"ws", flags("ws", ws, "--insecure"), false},
	} {
		o := client(t, nil, nil, tt.args...)
		whole(t, o, conns)
		r := o.Result.TLS
		if r == nil || r.Full != conns || r.Resumed != 0 || r.Verified != tt.verified || r.Latency == nil ||
			r.Latency.Count != conns ||
			r.Rate <= 0 || len(r.Agreed) != 1 || r.Agreed[0].Version != "TLS 1.3" {
			t.Errorf("%s: %+v", tt.name, r)
		}
		if said := strings.Contains(o.Stderr, "--insecure"); said == tt.verified {
			t.Errorf("%s: that certificates were not verified: said %v; %s", tt.name, said, o.Stderr)
		}
		b, err := json.Marshal(o.Result)
		if err != nil || strings.Contains(string(b), "PRIVATE KEY") {
			t.Errorf("%s: a key is in the result; %v", tt.name, err)
		}
	}
	o := client(t, nil, nil, flags("tcp", s.first)...)
	if o.HasResult(t); o.Status != 1 || o.Result.Conns.Errors["tls_unknown_authority"] != conns ||
		o.Result.Conns.Established != 0 {
		t.Errorf("nobody we trust: status %d, %+v", o.Status, o.Result.Conns)
	}
	await(t, "the server to see every close", func() bool { return s.report(t).Open == 0 })
}
