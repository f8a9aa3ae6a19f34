package tests

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/secure"
	"github.com/c10m/c10m/tests/rig"
)

// TestFleet: three agents are one client: what each has done adds up to the one
// result, and to what the server counts. The same agents do the next run.
func TestFleet(t *testing.T) {
	s := start(t, 10, nil)
	f := rig.Agents(t, 3, "--allow", "127.0.0.0/8")
	o := f.Run(t, nil, s.To("--conns", "300", "--rate", "3k/s", "--hold", "200ms", "--verify", "31")...)
	o.HasResult(t)
	r := o.Result
	var sum int64
	for _, a := range r.Agents {
		if a.Share != 100 {
			t.Errorf("agent %s has a share of %d", a.Name, a.Share)
		}
		sum += a.Conns.Established
	}
	if o.Status != 0 || len(r.Agents) != 3 || sum != 300 || r.Conns.Established != 300 || r.Plan.Conns != 300 {
		t.Errorf("status %d, %d agents, %d connections in all, %d merged of %d: %s", o.Status, len(r.Agents), sum,
			r.Conns.Established, r.Plan.Conns, o.Stderr)
	}
	if r.Echo == nil || r.Echo.Verified != 31 || r.Setup == nil || r.Setup.Latency.Count != 300 ||
		float64(r.Plan.Rate) != 3000 {
		t.Errorf("echo %+v, setup %+v, rate %v", r.Echo, r.Setup, r.Plan.Rate)
	}
	if c := r.Reconcile; c == nil || c.Server == nil || *c.Server != 300 {
		t.Errorf("counts %+v, want the server's 300", c)
	}
	if f.Joined() {
		t.Error("the join file is still there")
	}
	s.Open(t, 0)
	o = f.Run(t, nil, "stress", "--first-port", s.To()[2], "--ports", "10", "--users", "30", "--loops", "5",
		"--server-control", "http://"+s.control)
	o.HasResult(t)
	if r := o.Result; o.Status != 0 || r.Stress.Users != 30 || r.Echo.Received != 150 || len(r.Agents) != 3 {
		t.Errorf("the next run: status %d, %+v, echo %+v: %s", o.Status, r.Stress, r.Echo, o.Stderr)
	}
}

// TestFleetFiles: certificates, a key and lines are files of the coordinator's; agents do
// with their contents what one client does, and nobody shows the key.
func TestFleetFiles(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, b []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	server, err := secure.NewTerms(time.Now(), "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	user, err := secure.NewCertificate(time.Now(), "user.example")
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(user.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	secret := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	ca := file("ca.pem", server.Certificate)
	own := file("user.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: user.Certificate[0]}))
	s, ws := wsPorts(t, 2, "--tls", "--cert", ca, "--key", file("key.pem", server.Key), "--client-ca", own)
	f := rig.Agents(t, 2, "--allow", "127.0.0.0/8")
	o := f.Run(t, nil, "hold", "--proto", "ws", "--first-port", fmt.Sprint(ws), "--ports", "2", "--conns", "40",
		"--hold", "0s", "--server-control", "http://"+s.control, "--tls", "--ca", ca, "--cert", own, "--key",
		file("user.key", secret), "--path", "/{line}", "--lines", file("lines", []byte("red\ngreen\n")), "--message",
		"@"+file("message", []byte("hello {line}")))
	o.HasResult(t)
	if r := o.Result; o.Status != 0 || r.Conns.Established != 40 || r.TLS == nil || !r.TLS.Verified ||
		r.TLS.Full != 40 || r.Echo == nil || r.Echo.Verified != 40 || r.Echo.Mismatched != 0 {
		t.Errorf("status %d, %+v, TLS %+v, echo %+v: %s", o.Status, r.Conns, r.TLS, r.Echo, o.Stderr)
	}
	result, err := json.Marshal(o.Result)
	if err != nil {
		t.Fatal(err)
	}
	said := string(result) + o.Stderr + f.Agents[0].Said() + f.Agents[1].Said()
	if inside := strings.Split(string(secret), "\n")[1]; strings.Contains(said, inside) {
		t.Errorf("the key is in what was said: %s", said)
	}
	s.Open(t, 0)
}
