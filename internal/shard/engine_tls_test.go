package shard

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/echo"
	"github.com/c10m/c10m/internal/secure"
)

// spoken is the TLS configuration of both ends in these tests; nil: they do not use TLS.
var spoken struct{ server, client *tls.Config }

// speakTLS makes both ends use TLS until the test ends.
func speakTLS(tb testing.TB) {
	tb.Helper()
	terms, err := secure.NewTerms(time.Now(), "127.0.0.1")
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if spoken.server, err = terms.Config(ctx); err != nil {
		tb.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(terms.Certificate)
	spoken.client = &tls.Config{RootCAs: trusted, ServerName: "127.0.0.1"}
	tb.Cleanup(func() {
		cancel()
		spoken.server, spoken.client = nil, nil
	})
}

// tlsTests are what every engine must do over TLS and cannot without.
var tlsTests = []engineTest{
	{"Versions", testTLSVersions},
	{"Causes", testTLSCauses},
	{"SilentPeers", testTLSSilentPeers},
	{"Drain", testTLSDrain},
	{"EarlyData", testTLSEarlyData},
}

// plainly dials without TLS.
func plainly(tb testing.TB, addr string) *net.TCPConn {
	tb.Helper()
	c, err := net.Dial("tcp4", addr)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	return c.(*net.TCPConn)
}

// said sends a message and checks its echo.
func said(tb testing.TB, c net.Conn, message string) {
	tb.Helper()
	back := make([]byte, len(message))
	if _, err := io.WriteString(c, message); err != nil {
		tb.Fatal(err)
	}
	if _, err := io.ReadFull(c, back); err != nil || string(back) != message {
		tb.Fatalf("%q came back, %v", back, err)
	}
}

// Both versions of TLS, whole and resumed, end in good order: close_notify is
// answered by close_notify.
func testTLSVersions(t *testing.T, e echo.Engine) {
	ctr, addr := serve(t, e, echo.Config{Limit: 10})
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		cfg := spoken.client.Clone()
		cfg.MaxVersion, cfg.ClientSessionCache = version, tls.NewLRUClientSessionCache(1)
		for _, resumed := range []bool{false, true} {
			done, took := ctr.TLSDone.Load(), ctr.TLSResumed.Load()
			c := tls.Client(plainly(t, addr), cfg)
			said(t, c, "hello")
			if s := c.ConnectionState(); s.Version != version || s.DidResume != resumed {
				t.Errorf("version %x, resumed %t, want %x, %t", s.Version, s.DidResume, version, resumed)
			}
			if err := c.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if rest, err := io.ReadAll(c); len(rest) > 0 || err != nil { // without close_notify: unexpected EOF
				t.Errorf("after the end %q, %v", rest, err)
			}
			if resumed {
				took++
			}
			if ctr.TLSDone.Load() != done+1 || ctr.TLSResumed.Load() != took {
				t.Errorf("%d handshakes, %d resumed", ctr.TLSDone.Load(), ctr.TLSResumed.Load())
			}
		}
	}
	await(t, func() bool {
		return ctr.Open.Load() == 0 && ctr.Buffered.Load() == 0 && ctr.TLSUnderWay.Load() == 0
	})
}

// What fails is counted by what it was, and the peer is told by an alert.
func testTLSCauses(t *testing.T, e echo.Engine) {
	server := spoken.server
	defer func() { spoken.server = server }()
	spoken.server = server.Clone()
	spoken.server.MinVersion, spoken.server.NextProtos = tls.VersionTLS13, []string{"echo"}
	spoken.server.CurvePreferences = []tls.CurveID{tls.X25519}
	spoken.server.ClientAuth, spoken.server.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
	ctr, addr := serve(t, e, echo.Config{Limit: 100, Handshake: time.Second})
	stranger, err := secure.NewCertificate(time.Now(), "stranger")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		peer  func(*tls.Config)
		cause int
	}{
		{"version", func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, echo.TLSVersion},
		{"protocol", func(c *tls.Config) { c.NextProtos = []string{"other"} }, echo.TLSProtocol},
		{"curve", func(c *tls.Config) { c.CurvePreferences = []tls.CurveID{tls.CurveP521} }, echo.TLSCipher},
		{"no certificate", func(c *tls.Config) {}, echo.TLSNoCertificate},
		{"a stranger's certificate", func(c *tls.Config) { c.Certificates = []tls.Certificate{stranger} },
			echo.TLSBadCertificate},
		{"ours is not trusted", func(c *tls.Config) { c.RootCAs = x509.NewCertPool() }, echo.TLSUntrusted},
	} {
		cfg := spoken.client.Clone()
		tt.peer(cfg)
		c := tls.Client(plainly(t, addr), cfg)
		_, err := io.Copy(io.Discard, c)
		if err == nil || errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %v, want to be told", tt.name, err)
		}
		_ = c.Close()
		await(t, func() bool { return ctr.Causes[tt.cause].Load() == 1 })
	}
	page := plainly(t, addr)
	_, _ = io.WriteString(page, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	if resp, err := http.ReadResponse(bufio.NewReader(page), nil); err != nil ||
		resp.StatusCode != http.StatusBadRequest {
		t.Errorf("plain HTTP: %v, %v", resp, err)
	}
	other := plainly(t, addr)
	_, _ = other.Write([]byte{0, 1, 2, 3})
	if rest, err := io.ReadAll(other); len(rest) > 0 || err != nil {
		t.Errorf("no TLS at all: %q, %v", rest, err)
	}
	await(t, func() bool { return ctr.Causes[echo.TLSPlainText].Load() == 2 })
	_, _ = plainly(t, addr).Write([]byte{22, 3, 1, 0, 100, 1}) // and no more
	plainly(t, addr)                                           // says nothing
	await(t, func() bool { return ctr.Causes[echo.TLSTimeout].Load() == 2 })
	gone := plainly(t, addr)
	_, _ = gone.Write([]byte{22, 3, 1, 0, 100, 1})
	_ = gone.Close()
	await(t, func() bool { return ctr.Causes[echo.TLSClosed].Load() == 1 })
	await(t, func() bool { return ctr.TLSUnderWay.Load() == 0 })
	if n := ctr.TLSDone.Load(); n != 0 {
		t.Errorf("%d handshakes were agreed on", n)
	}
}

// Peers that say nothing, and such that say their ClientHello and no more, have
// no place that an honest one wants.
func testTLSSilentPeers(t *testing.T, e echo.Engine) {
	ctr, addr := serve(t, e, echo.Config{Limit: 5000})
	hello := helloOf(t)
	const each = 500
	for range each {
		plainly(t, addr)
		if _, err := plainly(t, addr).Write(hello); err != nil {
			t.Fatal(err)
		}
	}
	await(t, func() bool { return ctr.TLSUnderWay.Load() == each })
	for range 20 {
		said(t, dial(t, addr), "honest")
	}
	if n := ctr.TLSDone.Load(); n != 20 || ctr.Causes[echo.TLSTimeout].Load() != 0 {
		t.Errorf("%d handshakes, %d timeouts", n, ctr.Causes[echo.TLSTimeout].Load())
	}
}

// helloOf is a ClientHello.
func helloOf(tb testing.TB) []byte {
	tb.Helper()
	var b bytes.Buffer
	_ = tls.Client(recorder{to: &b}, spoken.client).Handshake()
	if b.Len() == 0 {
		tb.Fatal("nothing was said")
	}
	return b.Bytes()
}

// recorder is a connection whose peer never answers.
type recorder struct {
	net.Conn
	to io.Writer
}

func (r recorder) Write(b []byte) (int, error)   { return r.to.Write(b) }
func (recorder) Read([]byte) (int, error)        { return 0, io.EOF }
func (recorder) SetDeadline(time.Time) error     { return nil }
func (recorder) SetReadDeadline(time.Time) error { return nil }
func (recorder) Close() error                    { return nil }

// The drain ends idle connections in good order, and does not wait for who has
// not agreed on TLS.
func testTLSDrain(t *testing.T, e echo.Engine) {
	ctr, cfg := new(echo.Counters), echo.Config{Limit: 100}
	addr := place(t, &cfg)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- echo.Serve(ctx, e, cfg, ctr) }()
	await(t, func() bool { return echo.State(ctr.State.Load()) == echo.Ready })
	var all []peer
	for range 20 {
		c := dial(t, addr)
		said(t, c, "hello")
		all = append(all, c)
	}
	plainly(t, addr)
	if _, err := plainly(t, addr).Write(helloOf(t)); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { return ctr.Open.Load() == 22 && ctr.TLSUnderWay.Load() == 1 })
	cancel()
	for _, c := range all {
		if rest, err := io.ReadAll(c); len(rest) > 0 || err != nil {
			t.Errorf("%q, %v, want the end in good order", rest, err)
		}
	}
	if err := <-ended; err != nil {
		t.Errorf("Serve: %v", err)
	}
	await(t, func() bool { return ctr.TLSUnderWay.Load() == 0 })
}

// A peer that sends much with the end of its handshake, and then ends its half,
// gets all of it back.
func testTLSEarlyData(t *testing.T, e echo.Engine) {
	const size = 8 << 20
	ctr, addr := serve(t, e, echo.Config{Limit: 100})
	message := bytes.Repeat([]byte("early"), size/5)
	for range 5 {
		c := tls.Client(plainly(t, addr), spoken.client)
		go func() {
			_, _ = c.Write(message)
			_ = c.CloseWrite()
		}()
		if got, err := io.ReadAll(c); !bytes.Equal(got, message) || err != nil {
			t.Errorf("%d of %d bytes came back, %v", len(got), size, err)
		}
	}
	await(t, func() bool { return ctr.Open.Load() == 0 && ctr.Buffered.Load() == 0 })
}
