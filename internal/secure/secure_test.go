package secure

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/c10m/c10m/tests/heap"
)

// link carries bytes between two ends until neither has anything to send.
type link struct {
	a, b *Conn
	mu   sync.Mutex
	more *sync.Cond
	errs map[*Conn]error
	told int
}

func connect(t testing.TB, client, server *tls.Config) *link {
	t.Helper()
	l := &link{a: Client(client), b: Server(server), errs: map[*Conn]error{}}
	l.more = sync.NewCond(&l.mu)
	p := NewPool(2, 2, 0)
	for _, c := range []*Conn{l.a, l.b} {
		p.Handshake(c, l.tell, func(err error) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.errs[c] = err
			l.told++
			l.more.Signal()
		})
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.errs) < 2 {
		l.mu.Unlock()
		l.carry()
		l.mu.Lock()
		for l.told == 0 {
			l.more.Wait()
		}
		l.told = 0
		for c, err := range l.errs {
			if err != nil { // its peer sees the end after the alert
				l.mu.Unlock()
				l.carry()
				l.mu.Lock()
				l.other(c).End()
			}
		}
	}
	l.mu.Unlock()
	l.carry()
	l.mu.Lock()
	return l
}

func (l *link) other(c *Conn) *Conn {
	if c == l.a {
		return l.b
	}
	return l.a
}

func (l *link) tell() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told++
	l.more.Signal()
}

func (l *link) carry() {
	for {
		ab, ba := l.a.Out(nil), l.b.Out(nil)
		if len(ab)+len(ba) == 0 {
			return
		}
		if len(ab) > 0 {
			l.b.Feed(ab)
		}
		if len(ba) > 0 {
			l.a.Feed(ba)
		}
	}
}

func certificate(t testing.TB, now time.Time, names ...string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	cert, err := NewCertificate(now, names...)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert.Leaf)
	return cert, pool
}

// Both ends say what they have to, piece by piece, and end in good order.
func TestConn(t *testing.T) {
	cert, pool := certificate(t, time.Now(), "server.example")
	l := connect(t, &tls.Config{RootCAs: pool, ServerName: "server.example"},
		&tls.Config{Certificates: []tls.Certificate{cert}})
	for c, err := range l.errs {
		if err != nil {
			t.Fatalf("%p: %v", c, err)
		}
	}
	if v := l.a.State().Version; v != tls.VersionTLS13 {
		t.Errorf("version %x", v)
	}
	message := bytes.Repeat([]byte("0123456789"), 5000)
	if err := l.a.Write(message); err != nil {
		t.Fatal(err)
	}
	sealed := l.a.Out(nil)
	var got []byte
	buf := make([]byte, 4096)
	for len(sealed) > 0 { // in pieces that end in the middle of records
		n := min(1000, len(sealed))
		l.b.Feed(sealed[:n])
		sealed = sealed[n:]
		for {
			n, err := l.b.Read(buf)
			got = append(got, buf[:n]...)
			if err == nil {
				continue
			}
			if err != ErrWait {
				t.Fatal(err)
			}
			break
		}
	}
	if !bytes.Equal(got, message) {
		t.Fatalf("%d bytes came, want %d", len(got), len(message))
	}
	if n, err := l.a.Read(buf); n != 0 || err != ErrWait {
		t.Errorf("nothing came: %d, %v", n, err)
	}
	if err := l.b.Shutdown(); err != nil {
		t.Fatal(err)
	}
	l.carry()
	if n, err := l.a.Read(buf); n != 0 || err != io.EOF {
		t.Errorf("the end: %d, %v, want EOF", n, err)
	}
}

func TestCauses(t *testing.T) {
	now := time.Now()
	good, trusted := certificate(t, now, "server.example")
	old, trustsOld := certificate(t, now.Add(-2*lifetime), "server.example")
	for _, c := range []struct {
		name           string
		client, server *tls.Config
		at             string // which end is looked at
		want           Cause
	}{
		{"unknown authority", &tls.Config{ServerName: "server.example", RootCAs: x509.NewCertPool()},
			&tls.Config{Certificates: []tls.Certificate{good}}, "client", UnknownAuthority},
		{"... at the server", &tls.Config{ServerName: "server.example", RootCAs: x509.NewCertPool()},
			&tls.Config{Certificates: []tls.Certificate{good}}, "server", AlertCertificate},
		{"wrong name", &tls.Config{ServerName: "other.example", RootCAs: trusted},
			&tls.Config{Certificates: []tls.Certificate{good}}, "client", WrongName},
		{"expired", &tls.Config{ServerName: "server.example", RootCAs: trustsOld},
			&tls.Config{Certificates: []tls.Certificate{old}}, "client", Expired},
		{"no version in common", &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12},
			&tls.Config{Certificates: []tls.Certificate{good}, MinVersion: tls.VersionTLS13}, "client", Version},
		{"... at the server", &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12},
			&tls.Config{Certificates: []tls.Certificate{good}, MinVersion: tls.VersionTLS13}, "server", Version},
		{"no protocol in common", &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"a"}},
			&tls.Config{Certificates: []tls.Certificate{good}, NextProtos: []string{"b"}}, "client", AlertProtocol},
		{"no cipher in common", &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12,
			CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}},
			&tls.Config{Certificates: []tls.Certificate{good}}, "client", AlertHandshake},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := connect(t, c.client, c.server)
			err := l.errs[l.a]
			if c.at == "server" {
				err = l.errs[l.b]
			}
			if err == nil || CauseOf(err) != c.want {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
}

// With TLS 1.3 a client hears only after its handshake that its certificate is
// wanted: Read tells.
func TestClientCertificateWanted(t *testing.T) {
	good, _ := certificate(t, time.Now(), "server.example")
	l := connect(t, &tls.Config{InsecureSkipVerify: true},
		&tls.Config{Certificates: []tls.Certificate{good}, ClientAuth: tls.RequireAnyClientCert})
	if err := l.errs[l.a]; err != nil {
		t.Fatal(err)
	}
	_, err := l.a.Read(make([]byte, 10))
	if err == nil || CauseOf(err) != AlertCertificate {
		t.Errorf("%v, want %v", err, AlertCertificate)
	}
}

func TestNotTLS(t *testing.T) {
	for name, c := range map[string]*Conn{"client": Client(&tls.Config{InsecureSkipVerify: true}),
		"server": Server(&tls.Config{})} {
		done := make(chan error, 1)
		NewPool(1, 2, 0).Handshake(c, func() {}, func(err error) { done <- err })
		c.Feed([]byte("GET / HTTP/1.1\r\n\r\n"))
		if err := <-done; CauseOf(err) != NotTLS {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The caller of Feed does not know that the handshake is done until it is told: what it
// feeds in between is copied, too.
func TestFedBetween(t *testing.T) {
	cert, _ := certificate(t, time.Now(), "x")
	l := connect(t, &tls.Config{InsecureSkipVerify: true}, &tls.Config{Certificates: []tls.Certificate{cert}})
	buf := make([]byte, MaxPlaintext)
	for _, message := range []string{"one", "two"} {
		if err := l.a.Write([]byte(message)); err != nil {
			t.Fatal(err)
		}
		came := l.a.Out(nil)
		l.b.Feed(came)
		clear(came)
	}
	for _, want := range []string{"one", "two"} {
		if n, err := l.b.Read(buf); string(buf[:n]) != want || err != nil {
			t.Errorf("%q, %v, want %q", buf[:n], err, want)
		}
	}
}

func TestGivenUp(t *testing.T) {
	c := Client(&tls.Config{InsecureSkipVerify: true})
	done := make(chan error, 1)
	NewPool(1, 2, 0).Handshake(c, func() {}, func(err error) { done <- err })
	c.End()
	if err := <-done; CauseOf(err) != Closed {
		t.Error(err)
	}
}

// A pool runs as many as it may, and all in the end.
func TestPool(t *testing.T) {
	p := NewPool(3, 2, 0)
	var conns []*Conn
	done := make(chan error, 10)
	for range 10 {
		c := Client(&tls.Config{InsecureSkipVerify: true})
		conns = append(conns, c)
		p.Handshake(c, func() {}, func(err error) { done <- err })
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	want := func(running, waiting int) {
		t.Helper()
		for {
			r, w := p.Running()
			switch {
			case r == running && w == waiting:
				return
			case r > 3 || ctx.Err() != nil:
				t.Fatalf("%d run, %d wait, want %d, %d", r, w, running, waiting)
			}
			runtime.Gosched()
		}
	}
	want(3, 7) // the first are parked soon, which lets the third begin
	for i := range conns {
		conns[i].End()
		select {
		case <-done:
		case <-ctx.Done():
			t.Fatal("a handshake did not end")
		}
	}
	want(0, 0)
}

// Peers that send nothing keep nobody out: the handshake that has waited longest for its
// peer is given up, and only as many are as others are queued.
func TestPoolMakesRoom(t *testing.T) {
	p := NewPool(2, 2, time.Millisecond)
	silent := make(chan error, 2)
	for range 2 {
		p.Handshake(Client(&tls.Config{InsecureSkipVerify: true}), func() {}, func(err error) { silent <- err })
	}
	honest := Client(&tls.Config{InsecureSkipVerify: true})
	done := make(chan error, 1)
	p.Handshake(honest, func() {}, func(err error) { done <- err })
	if err := <-silent; CauseOf(err) != Timeout {
		t.Errorf("%v, want %v", err, Timeout)
	}
	honest.Feed([]byte("no TLS"))
	if err := <-done; CauseOf(err) != NotTLS {
		t.Errorf("%v, want %v", err, NotTLS)
	}
	if running, _ := p.Running(); running > 2 {
		t.Errorf("%d run", running)
	}
	select {
	case err := <-silent:
		t.Errorf("the second made room for nobody: %v", err)
	default:
	}
}

// Many that say nothing, more than there is room for, are passed through one after
// the other.
func TestPoolOutlastsMany(t *testing.T) {
	const most, silent = 50, 500
	p := NewPool(most, 2*most, time.Millisecond) // none has to wait for another to compute
	gone := make(chan error, silent)
	for range silent {
		p.Handshake(Client(&tls.Config{InsecureSkipVerify: true}), func() {}, func(err error) { gone <- err })
	}
	honest := Client(&tls.Config{InsecureSkipVerify: true})
	honest.Feed([]byte("no TLS"))
	done := make(chan error, 1)
	p.Handshake(honest, func() {}, func(err error) { done <- err })
	if err := <-done; CauseOf(err) != NotTLS {
		t.Errorf("%v, want %v", err, NotTLS)
	}
	if n := len(gone); n < silent-most || n > silent {
		t.Errorf("%d of %d had to make room for the %d behind them and one more", n, silent, silent-most)
	}
}

// crypto/tls has its buffers where we look for them. If not: say so in
// memory.go, and find out what a connection costs now.
func TestBuffersAreFound(t *testing.T) {
	if !buffers.found {
		t.Error("tls.Conn has no fields rawInput and hand of bytes.Buffer any more")
	}
	if findBuffers(reflect.TypeFor[bytes.Buffer]()).found {
		t.Error("they are found where there are none")
	}
}

// An idle connection keeps no buffer: each end is its keys and its tls.Conn.
func TestIdleBytes(t *testing.T) {
	const n = 200
	client, server := idleBytes(t, n)
	t.Logf("%.0f bytes of live heap a connection at the client, %.0f at the server", client, server)
	if client > 4500 || server > 4500 {
		t.Errorf("a connection keeps %.0f bytes at the client, %.0f at the server", client, server)
	}
}

// BenchmarkIdle is the live heap of an idle connection of TLS 1.3 after a message,
// at each end. What is resident is up to twice that while a garbage collection is
// due, and it is little more once the heap has been given back.
func BenchmarkIdle(b *testing.B) {
	var client, server float64
	for b.Loop() {
		client, server = idleBytes(b, 5000)
	}
	b.ReportMetric(client, "B/client")
	b.ReportMetric(server, "B/server")
	b.ReportMetric(0, "ns/op")
}

// idleBytes is the live heap of each of n connections, at either end.
func idleBytes(tb testing.TB, n int) (client, server float64) {
	tb.Helper()
	cert, _ := certificate(tb, time.Now(), "x")
	cfg, its := &tls.Config{InsecureSkipVerify: true}, &tls.Config{Certificates: []tls.Certificate{cert}}
	connect(tb, cfg, its)
	clients, servers := make([]*Conn, 0, n), make([]*Conn, 0, n)
	before := heap.Live()
	buf := make([]byte, MaxPlaintext)
	for range n {
		l := connect(tb, cfg, its)
		for _, from := range []*Conn{l.a, l.b} {
			if err := from.Write(buf[:64]); err != nil {
				tb.Fatal(err)
			}
			l.carry()
			to := l.other(from)
			if m, err := to.Read(buf); m != 64 || err != nil {
				tb.Fatal(m, err)
			}
			if _, err := to.Read(buf); err != ErrWait { // as a loop does
				tb.Fatal(err)
			}
		}
		clients, servers = append(clients, l.a), append(servers, l.b)
	}
	both := float64(heap.Live() - before)
	runtime.KeepAlive(clients)
	clients = nil
	server = float64(heap.Live() - before)
	runtime.KeepAlive(servers)
	return (both - server) / float64(n), server / float64(n)
}

// BenchmarkHandshake is both ends' time for a handshake, ECDSA P-256, on one
// processor more or less: the rate of a server alone is higher.
func BenchmarkHandshake(b *testing.B) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, kind := range []string{"full", "resumed"} {
			b.Run(fmt.Sprintf("%s/%s", tls.VersionName(version), kind), func(b *testing.B) {
				cert, _ := certificate(b, time.Now(), "x")
				client := &tls.Config{InsecureSkipVerify: true, MaxVersion: version, ServerName: "x"}
				server := &tls.Config{Certificates: []tls.Certificate{cert}}
				if kind == "resumed" {
					client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
					l := connect(b, client, server)
					_, _ = l.a.Read(make([]byte, MaxPlaintext)) // the ticket
				}
				buf := make([]byte, MaxPlaintext)
				for b.Loop() {
					l := connect(b, client, server)
					_, _ = l.a.Read(buf)
					if l.a.State().DidResume != (kind == "resumed") {
						b.Fatal("not as it should be")
					}
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "handshakes/s")
			})
		}
	}
}
