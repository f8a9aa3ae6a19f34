package tests

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/secure"
	"github.com/c10m/c10m/tests/rig"
)

// TestTLSWorkers: two workers have the same certificate, take each other's
// tickets, and so does one that has been killed and started again; the key's file
// may be gone by then. Clients without a certificate are refused, by cause.
func TestTLSWorkers(t *testing.T) {
	dir := t.TempDir()
	made, err := secure.NewTerms(time.Now(), "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	own, err := secure.NewCertificate(time.Now(), "a client")
	if err != nil {
		t.Fatal(err)
	}
	ca := rig.File(t, dir, "ca.pem",
		string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: own.Certificate[0]})))
	key := rig.File(t, dir, "key.pem", string(made.Key))
	s := rig.Start(t, rig.Options{Ports: 1, WS: 1, Flags: []string{"--workers", "2", "--max-conns", "500", "--tls",
		"--cert", rig.File(t, dir, "cert.pem", string(made.Certificate)), "--key", key, "--alpn", "echo",
		"--client-ca", ca}})
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	if pin, _ := made.Pin(); !strings.Contains(s.Ready, "tls="+pin) {
		t.Errorf("it said %q, want the pin %s", s.Ready, pin)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(made.Certificate)
	cfg := &tls.Config{RootCAs: trusted, ServerName: "127.0.0.1", NextProtos: []string{"echo"},
		Certificates: []tls.Certificate{own}, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	resumed := 0
	for i := range 20 { // ports that the kernel deals out reach both workers
		if i == 10 {
			worker := s.Report(t).Shards[0].PID
			if err := syscall.Kill(worker, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			rig.Await(t, "another worker", func() bool {
				now := s.Report(t)
				return now.Shards[0].PID != worker && now.State == "ready"
			})
		}
		c, err := net.Dial("tcp", s.Addr(0))
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(rig.Patience))
		secured := tls.Client(c, cfg)
		if _, err := io.WriteString(secured, "hello"); err != nil {
			t.Fatal(err)
		}
		if b := make([]byte, 5); true {
			if _, err := io.ReadFull(secured, b); err != nil || string(b) != "hello" {
				t.Fatalf("%q, %v", b, err)
			}
		}
		if secured.ConnectionState().DidResume {
			resumed++
		}
		_ = secured.Close()
	}
	if resumed != 19 {
		t.Errorf("%d of 19 resumed", resumed)
	}
	cfg = cfg.Clone()
	cfg.Certificates, cfg.ClientSessionCache = nil, nil
	c, err := tls.Dial("tcp", s.Addr(0), cfg)
	if err == nil { // with TLS 1.3 a client hears afterwards
		_, err = c.Read(make([]byte, 1))
	}
	if err == nil || !strings.Contains(err.Error(), "certificate required") {
		t.Errorf("without a certificate: %v", err)
	}
	var r result.ServerReport
	rig.Await(t, "the refusal", func() bool { r = s.Report(t); return r.Refused["tls_no_certificate"] == 1 })
	if r.TLS == nil || r.TLS.Handshakes != 20 || r.TLS.Resumed != 19 || r.TLS.UnderWay != 0 {
		t.Errorf("counted %+v", r.TLS)
	}
}
