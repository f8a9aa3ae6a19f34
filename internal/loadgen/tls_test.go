package loadgen

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/secure"
	"github.com/c10m/c10m/tests/heap"
	"github.com/c10m/c10m/tests/nettest"
)

// certified is a certificate for names, and the PEM of who signed it.
func certified(tb testing.TB, now time.Time, names ...string) (tls.Certificate, string) {
	tb.Helper()
	cert, err := secure.NewCertificate(now, names...)
	if err != nil {
		tb.Fatal(err)
	}
	return cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}))
}

// ends counts how connections ended, as a TLS server sees it.
type ends struct{ inOrder, cut atomic.Int64 }

// tlsServer is a listen whose connections are secured by crypto/tls.
func tlsServer(tb testing.TB, cfg *tls.Config, serve func(net.Conn)) int {
	return listen(tb, func(c net.Conn) {
		s := tls.Server(c, cfg)
		if s.Handshake() == nil {
			serve(s)
		}
	})
}

// echoTLS echoes, and counts the end.
func (e *ends) echoTLS(c net.Conn) {
	buf := make([]byte, 64<<10)
	for {
		n, err := c.Read(buf)
		if n > 0 {
			_, _ = c.Write(buf[:n])
		}
		switch {
		case errors.Is(err, io.EOF):
			e.inOrder.Add(1)
			return
		case err != nil:
			e.cut.Add(1)
			return
		}
	}
}

func tlsPlan(port int, conns int64, threads int, ca string) plan.Plan {
	p := testPlan(port, conns, threads)
	p.TLS = plan.TLS{On: true, CA: ca, Resume: plan.ResumeReturning}
	p.Close = plan.CloseFIN
	return p
}

// What works over plain connections works over secured ones, in one fd table or in
// several: messages of any size come back, and the end is said in good order.
func TestTLS(t *testing.T) {
	cert, ca := certified(t, time.Now(), "127.0.0.1")
	for _, tt := range []struct {
		name    string
		max     uint16
		threads int
		size, n int
	}{{"one thread", 0, 1, 64, 5}, {"fd tables", 0, 3, 5000, 5}, {"records", 0, 1, 300_000, 2},
		{"TLS 1.2", tls.VersionTLS12, 1, 64, 2}} {
		t.Run(tt.name, func(t *testing.T) {
			var seen ends
			port := tlsServer(t, &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: tt.max}, seen.echoTLS)
			got := run(t, tlsPlan(port, 60, tt.threads, ca), tt.size, uint32(tt.n))
			if got.Established != 60 || got.Received != int64(60*tt.n) || got.Lost != 0 || len(got.Errors) > 0 ||
				got.Closed != 60 {
				t.Errorf("%+v, %v", got.Counts, got.Errors)
			}
			if got.Connect.Count() != 60 || got.TLS.Took.Count() != 60 || got.TLS.Full != 60 || got.TLS.Resumed != 0 {
				t.Errorf("%d connects, handshakes %+v", got.Connect.Count(), got.TLS)
			}
			want := "TLS 1.3"
			if tt.max != 0 {
				want = "TLS 1.2"
			}
			for on := range got.TLS.Agreed {
				if on.Version != want || !strings.HasPrefix(on.Cipher, "TLS_") {
					t.Errorf("agreed on %+v", on)
				}
			}
			nettest.Await(t, "60 orderly ends", func() bool { return seen.inOrder.Load() == 60 })
		})
	}
}

// A server that reads late gets everything all the same: what the socket did not
// take is kept, and goes first.
func TestTLSBackPressure(t *testing.T) {
	const size = 6 << 20
	cert, ca := certified(t, time.Now(), "127.0.0.1")
	port := tlsServer(t, &tls.Config{Certificates: []tls.Certificate{cert}}, func(c net.Conn) {
		all := make([]byte, size)
		for {
			if _, err := io.ReadFull(c, all); err != nil {
				return
			}
			if _, err := c.Write(all); err != nil {
				return
			}
		}
	})
	got := run(t, tlsPlan(port, 3, 1, ca), size, 2)
	if got.Received != 6 || got.Lost != 0 || len(got.Errors) > 0 {
		t.Errorf("%+v, %v", got.Counts, got.Errors)
	}
}

// WebSocket over TLS: the request and the answer, frames and the close.
func TestWebSocketOverTLS(t *testing.T) {
	cert, ca := certified(t, time.Now(), "127.0.0.1")
	cfg := &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"}}
	port := wsServerOver(t, true, plainEcho, func(c net.Conn) net.Conn { return tls.Server(c, cfg) })
	p := tlsPlan(port, 20, 1, ca)
	p.Proto, p.TLS.ALPN = plan.WS, []string{"http/1.1"}
	got := run(t, p, 70_000, 3)
	if got.Received != 60 || len(got.Errors) > 0 || got.Closed != 20 || got.Upgrade.Count() != 20 {
		t.Errorf("%+v, %v", got.Counts, got.Errors)
	}
	for on := range got.TLS.Agreed {
		if on.Protocol != "http/1.1" {
			t.Errorf("agreed on %+v", on)
		}
	}
}

// Plain and secured connections of one run, TCP and WebSocket: each kind is counted by
// itself, and a failure is that of its kind.
func TestMixesTLS(t *testing.T) {
	cert, ca := certified(t, time.Now(), "127.0.0.1")
	cfg := &tls.Config{Certificates: []tls.Certificate{cert}}
	p := tlsPlan(0, 82, 2, ca)
	p.Proto = plan.Mixed
	at := func(isWS, isPlain bool, port int) plan.Place {
		return plan.Place{Host: p.Host(), WS: isWS, Plain: isPlain, Ports: []int{port}}
	}
	wss := wsServerOver(t, true, plainEcho, func(c net.Conn) net.Conn { return tls.Server(c, cfg) })
	p.Places = []plan.Place{at(false, true, echoServer(t)), at(false, false, tlsServer(t, cfg, echo)),
		at(true, true, wsServer(t, true, plainEcho)), at(true, false, wss)}
	got := run(t, p, 70_000, 3)
	if got.Received != 3*82 || len(got.Errors) > 0 || got.Closed != 82 || got.Connect.Count() != 82 {
		t.Errorf("%+v, %v", got.Counts, got.Errors)
	}
	if n := got.TLS.Took.Count(); n != 41 || got.TLS.Full != 41 {
		t.Errorf("%d handshakes: %+v", n, got.TLS)
	}
	for proto, want := range map[int]int64{TCP: 21, SecureTCP: 21, WS: 20, SecureWS: 20} {
		by := got.By[proto]
		if by.Established != want || by.Received != 3*want || by.Connect.Count() != want ||
			by.Upgrade != nil && by.Upgrade.Count() != want || (by.Upgrade != nil) != (proto == WS || proto == SecureWS) {
			t.Errorf("%s: %+v, %d connects; want %d", ProtocolNames[proto], by.Counts, by.Connect.Count(), want)
		}
	}
	p.TLS.CA, p.ConnectTimeout = "", 5*time.Second // nobody trusts it any more
	got = run(t, p, 64, 1)
	for proto, want := range map[int]int64{TCP: 0, SecureTCP: 21, WS: 0, SecureWS: 20} {
		if by := got.By[proto]; by.Failed != want || by.Errors["tls_unknown_authority"] != want ||
			by.Errors.Sum() != want {
			t.Errorf("%s: %+v, %v; want %d failed", ProtocolNames[proto], by.Counts, by.Errors, want)
		}
	}
}

// Alerts are counted by the names that RFC 8446 gives them, whatever cause they are
// counted as.
func TestTLSAlerts(t *testing.T) {
	_, ca := certified(t, time.Now(), "127.0.0.1")
	for code, want := range map[byte]string{80: "internal_error", 90: "user_canceled", 40: "handshake_failure",
		200: "alert_200"} {
		port := listen(t, func(c net.Conn) {
			_, _ = c.Read(make([]byte, 16<<10))
			_, _ = c.Write([]byte{21, 3, 3, 0, 2, 2, code}) // a fatal alert, RFC 8446 section 6
			_, _ = io.Copy(io.Discard, c)
		})
		got := run(t, tlsPlan(port, 3, 1, ca), 64, 1)
		if n := got.TLS.Alerts[want]; n != 3 || len(got.TLS.Alerts) != 1 || got.Failed != 3 {
			t.Errorf("alert %d: %v, %+v, %v", code, got.TLS.Alerts, got.Counts, got.Errors)
		}
	}
}

// A user's first handshake is a full one, and every later one resumes; or as asked.
func TestTLSResumption(t *testing.T) {
	cert, ca := certified(t, time.Now(), "127.0.0.1")
	for _, tt := range []struct {
		how  plan.Resume
		max  uint16
		full int64 // at most, of 40
	}{{plan.ResumeReturning, 0, 4}, {plan.ResumeNone, 0, 40}, {plan.ResumeAll, 0, 4},
		{plan.ResumeReturning, tls.VersionTLS12, 4}} {
		t.Run(fmt.Sprint(tt.how, tt.max), func(t *testing.T) {
			port := tlsServer(t, &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: tt.max}, echo)
			p := tlsPlan(port, 4, 1, ca)
			p.TLS.Resume = tt.how
			e, err := Start(p, 64)
			if err != nil {
				t.Fatal(err)
			}
			e.Churn(context.Background(), Churn{Users: 4, PerConn: 1, Loops: 10, Size: 64, Drain: time.Minute})
			got, err := e.Stop()
			if err != nil || got.Received != 40 || len(got.Errors) > 0 {
				t.Fatalf("%+v, %v, %v", got.Counts, got.Errors, err)
			}
			atLeast := int64(1)
			if tt.how != plan.ResumeAll {
				atLeast = tt.full
			}
			if n := got.TLS; n.Full+n.Resumed != 40 || n.Full > tt.full || n.Full < atLeast {
				t.Errorf("%d full, %d resumed", n.Full, n.Resumed)
			}
		})
	}
}

// What fails is counted by what it was.
func TestTLSFailures(t *testing.T) {
	now := time.Now()
	cert, ca := certified(t, now, "127.0.0.1")
	old, oldCA := certified(t, now.AddDate(-1, 0, 0), "127.0.0.1")
	other, otherCA := certified(t, now, "other.example")
	secured := func(cfg *tls.Config, cert tls.Certificate) int {
		cfg.Certificates = []tls.Certificate{cert}
		return tlsServer(t, cfg, echo)
	}
	for _, tt := range []struct {
		want string
		port int
		ca   string
		set  func(*plan.TLS)
	}{
		{"tls_unknown_authority", secured(&tls.Config{}, cert), otherCA, nil},
		{"tls_expired", secured(&tls.Config{}, old), oldCA, nil},
		{"tls_wrong_name", secured(&tls.Config{}, other), otherCA, nil},
		{"tls_wrong_name", secured(&tls.Config{}, cert), ca, func(s *plan.TLS) { s.SNI = "elsewhere.example" }},
		{"tls_version", secured(&tls.Config{MaxVersion: tls.VersionTLS11}, cert), ca, nil},
		{"tls_alert_protocol", secured(&tls.Config{NextProtos: []string{"a"}}, cert), ca,
			func(s *plan.TLS) { s.ALPN = []string{"b"} }},
		{"read_alert_certificate", secured(&tls.Config{ClientAuth: tls.RequireAnyClientCert}, cert), ca, nil},
		{"tls_alert_handshake", secured(&tls.Config{ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12},
			cert), ca, nil},
		{"tls_not_tls", echoServer(t), ca, nil},
		{"tls_not_tls", listen(t, func(c net.Conn) { _, _ = io.WriteString(c, "220 mail.example ESMTP\r\n"); echo(c) }),
			ca, nil},
		{"tls_closed", listen(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 5000)) }), ca, nil},
		{"tls_timeout", listen(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }), ca, nil},
	} {
		p := tlsPlan(tt.port, 4, 1, tt.ca)
		p.ConnectTimeout = 2 * time.Second
		if tt.set != nil {
			tt.set(&p.TLS)
		}
		got := run(t, p, 10, 1)
		if got.Errors[tt.want] != 4 || len(got.Errors) != 1 || got.Received != 0 {
			t.Errorf("%s: %+v %v", tt.want, got.Counts, got.Errors)
		}
		if first := got.First; tt.want != "tls_timeout" &&
			(first == nil || first.Cause != tt.want || !strings.HasPrefix(first.Lines[0], "TLS: ")) {
			t.Errorf("%s: the first failure is %+v", tt.want, first)
		}
		p.TLS.Insecure = true
		if strings.Contains("tls_unknown_authority tls_expired tls_wrong_name", tt.want) {
			if got := run(t, p, 10, 1); got.Received != 4 || len(got.Errors) > 0 {
				t.Errorf("%s, insecure: %+v %v", tt.want, got.Counts, got.Errors)
			}
		}
	}
}

func keyPEM(tb testing.TB, cert tls.Certificate) string {
	tb.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		tb.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// A server that asks for the client's certificate gets it.
func TestTLSClientCertificate(t *testing.T) {
	cert, ca := certified(t, time.Now(), "127.0.0.1")
	mine, mineCA := certified(t, time.Now(), "user")
	key := keyPEM(t, mine)
	var names atomic.Int64
	port := tlsServer(t, &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAnyClientCert},
		func(c net.Conn) {
			if peer := c.(*tls.Conn).ConnectionState().PeerCertificates; len(peer) == 1 &&
				peer[0].DNSNames[0] == "user" {
				names.Add(1)
			}
			echo(c)
		})
	p := tlsPlan(port, 5, 1, ca)
	p.TLS.Cert, p.TLS.Key = mineCA, key
	if got := run(t, p, 10, 1); got.Received != 5 || names.Load() != 5 {
		t.Errorf("%+v, %v; %d showed their certificate", got.Counts, got.Errors, names.Load())
	}
}

// A handshake that never ends holds up nobody: an interrupt, or the end.
func TestTLSStopsInHandshake(t *testing.T) {
	var serving atomic.Int64
	port := listen(t, func(c net.Conn) {
		serving.Add(1)
		defer serving.Add(-1)
		_, _ = io.Copy(io.Discard, c)
	})
	before := holds(t)
	for _, threads := range []int{1, 3} {
		e, err := Start(tlsPlan(port, 40, threads, ""), 64)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		go func() {
			nettest.Await(t, "a handshake", func() bool { running, _ := e.shared.handshakes.Running(); return running > 0 })
			cancel()
		}()
		e.Ramp(ctx)
		if got, err := e.Stop(); err != nil || got.Established != 0 || got.Attempted != 0 || len(got.Errors) > 0 {
			t.Errorf("%+v, %v, %v", got.Counts, got.Errors, err)
		}
		nettest.Await(t, "the end of all handshakes", func() bool {
			running, waiting := e.shared.handshakes.Running()
			return running+waiting == 0
		})
	}
	nettest.Await(t, "the server and all fds to be gone", func() bool {
		return serving.Load() == 0 &&
			holds(t).fds <= before.fds
	})
}

// An idle connection keeps a few kilobytes, and no goroutine.
func TestTLSIdle(t *testing.T) {
	const conns, bound = 400, 6 << 10
	cert, ca := certified(t, time.Now(), "127.0.0.1")
	cfg := &tls.Config{Certificates: []tls.Certificate{cert}}
	serving, release := make(chan net.Conn, conns), make(chan struct{})
	defer close(release)
	port := listen(t, func(c net.Conn) { // its end is not counted: its connections are dropped
		s := tls.Server(c, cfg)
		if s.Handshake() != nil {
			return
		}
		b := make([]byte, 64)
		if _, err := io.ReadFull(s, b); err == nil {
			_, _ = s.Write(b)
		}
		s = nil
		serving <- c
		<-release
	})
	e, err := Start(tlsPlan(port, conns, 1, ca), 64)
	if err != nil {
		t.Fatal(err)
	}
	before, ctx := heap.Live(), context.Background()
	e.Ramp(ctx)
	e.Exchange(ctx, Exchange{Size: 64, PerConn: 1, Drain: time.Minute})
	for range conns {
		<-serving
	}
	nettest.Await(t, "the end of all handshakes",
		func() bool { running, _ := e.shared.handshakes.Running(); return running == 0 })
	goroutines := runtime.NumGoroutine()
	each := float64(heap.Live()-before) / conns
	t.Logf("%.0f bytes of live heap a connection, its server's goroutine among them", each)
	if each > bound || goroutines > conns+30 {
		t.Errorf("%.0f bytes a connection, want at most %d; %d goroutines, of which %d are the server's", each, bound,
			goroutines, conns)
	}
	e.Close(ctx)
	if got, err := e.Stop(); err != nil || got.Closed != conns || got.Received != conns {
		t.Errorf("%+v, %v", got.Counts, err)
	}
}
