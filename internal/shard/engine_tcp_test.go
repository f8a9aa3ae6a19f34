package shard

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/echo"
	"github.com/c10m/c10m/internal/ws"
	"github.com/c10m/c10m/tests/nettest"
)

// place completes a configuration for a free port of the protocol it has, or
// echo.TCP, and says where it is.
func place(tb testing.TB, cfg *echo.Config) string {
	tb.Helper()
	proto, port := echo.TCP, nettest.FreePort(tb)
	if len(cfg.Ports) > 0 {
		proto = cfg.Ports[0].Proto
	}
	cfg.Bind, cfg.Ports, cfg.Loops = netip.MustParseAddr("127.0.0.1"), []echo.Port{{Number: port, Proto: proto}}, 2
	cfg.Logf = tb.Logf
	cfg.TLS = spoken.server
	return fmt.Sprintf("127.0.0.1:%d", port)
}

// serve runs an engine on a free port.
func serve(tb testing.TB, e echo.Engine, cfg echo.Config) (*echo.Counters, string) {
	tb.Helper()
	addr := place(tb, &cfg)
	ctr := new(echo.Counters)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- echo.Serve(ctx, e, cfg, ctr) }()
	tb.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			tb.Errorf("Serve: %v", err)
		}
	})
	await(tb, func() bool { return echo.State(ctr.State.Load()) == echo.Ready })
	return ctr, addr
}

func await(tb testing.TB, cond func() bool) {
	tb.Helper()
	nettest.Await(tb, "what the engine has to do", cond)
}

// peer is a client's end of a connection.
type peer interface {
	net.Conn
	CloseWrite() error
}

func dial(tb testing.TB, addr string) peer {
	tb.Helper()
	c := connect(tb, addr)
	tb.Cleanup(func() { _ = c.Close() })
	return c
}

// connect is dial for who closes it himself.
func connect(tb testing.TB, addr string) peer {
	tb.Helper()
	c, err := net.Dial("tcp4", addr)
	if err != nil {
		tb.Fatal(err)
	}
	if spoken.client == nil {
		return c.(*net.TCPConn)
	}
	secured := tls.Client(c, spoken.client)
	if err := secured.Handshake(); err != nil {
		tb.Fatal(err)
	}
	return secured
}

func testEchoAndCounts(t *testing.T, e echo.Engine) {
	ctr, addr := serve(t, e, echo.Config{Limit: 10})
	c := dial(t, addr)
	msg := make([]byte, 300_000)
	for i := range msg {
		msg[i] = byte(i * 7)
	}
	go func() { _, _ = c.Write(msg) }()
	back := make([]byte, len(msg))
	if _, err := io.ReadFull(c, back); err != nil || string(back) != string(msg) {
		t.Fatalf("echo differs, %v", err)
	}
	// The server counts what it has written, so the last bytes are here first.
	await(t, func() bool {
		n, b := ctr.Messages()
		return n >= 1 && b == int64(len(msg)) && ctr.Open.Load() == 1 && ctr.PortOpen[0].Load() == 1
	})
	_ = c.Close()
	await(t, func() bool { return ctr.Open.Load() == 0 && ctr.Closed.Load() == 1 && ctr.PortOpen[0].Load() == 0 })
}

func testAdmission(t *testing.T, e echo.Engine) {
	ctr, addr := serve(t, e, echo.Config{Limit: 2})
	a, b := dial(t, addr), dial(t, addr)
	await(t, func() bool { return ctr.Open.Load() == 2 })
	// The reset may arrive before Dial looks at its socket, or after.
	if err := surplusConnection(addr); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the third connection: %v, want a reset", err)
	}
	await(t, func() bool { return ctr.Causes[echo.OverLimit].Load() == 1 })
	for _, kept := range []net.Conn{a, b} {
		if _, err := kept.Write([]byte("x")); err != nil {
			t.Error(err)
		}
		if _, err := io.ReadFull(kept, make([]byte, 1)); err != nil {
			t.Errorf("a kept connection: %v", err)
		}
	}
	_ = a.Close()
	await(t, func() bool { return ctr.Open.Load() == 1 })
	d := dial(t, addr) // room again
	_, _ = d.Write([]byte("y"))
	if _, err := io.ReadFull(d, make([]byte, 1)); err != nil {
		t.Errorf("after room returned: %v", err)
	}
}

// surplusConnection dials and reads, and returns the error of either.
func surplusConnection(addr string) error {
	c, err := net.Dial("tcp4", addr)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	_, err = c.Read(make([]byte, 1))
	return err
}

// TestScarce: beyond Most connections are refused, by the cause that is scarce.
func testScarce(t *testing.T, e echo.Engine) {
	ctr, addr := serve(t, e, echo.Config{Limit: 10})
	dial(t, addr)
	await(t, func() bool { return ctr.Open.Load() == 1 })
	for _, cause := range []int{echo.FileMax, echo.MemoryLow} {
		ctr.Most.Store(1)
		ctr.Scarce.Store(int32(cause))
		if err := surplusConnection(addr); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%s: %v, want a reset", echo.CauseNames[cause], err)
		}
		await(t, func() bool { return ctr.Causes[cause].Load() == 1 })
		ctr.Most.Store(2)
		c := dial(t, addr) // room again
		await(t, func() bool { return ctr.Open.Load() == 2 })
		_ = c.Close()
		ctr.Most.Store(0) // not even those that left are replaced
		await(t, func() bool { return ctr.Open.Load() == 1 })
		if err := surplusConnection(addr); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%s: %v, want a reset", echo.CauseNames[cause], err)
		}
		await(t, func() bool { return ctr.Causes[cause].Load() == 2 })
	}
}

func testSlowReaderIsDropped(t *testing.T, e echo.Engine) {
	ctr, addr := serve(t, e, echo.Config{Limit: 10, MaxOutbound: 64 << 10, Stall: time.Second})
	c := dial(t, addr)
	buf := make([]byte, 1<<20)
	for range 200 { // 200 MiB, never read
		if _, err := c.Write(buf); err != nil {
			break
		}
	}
	await(t, func() bool { return ctr.Causes[echo.SlowReader].Load() == 1 && ctr.Open.Load() == 0 })
}

func testIdleTimeout(t *testing.T, e echo.Engine) {
	ctr, addr := serve(t, e, echo.Config{Limit: 10, IdleTimeout: time.Second})
	c := dial(t, addr)
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("an idle connection got data")
	}
	await(t, func() bool { return ctr.Causes[echo.IdleTimeout].Load() == 1 && ctr.Open.Load() == 0 })
}

// BenchmarkEcho is one 64 B message there and back through gnet: 0 allocs/op.
func BenchmarkEcho(b *testing.B) {
	_, addr := serve(b, engines[DefaultEngine], echo.Config{Limit: 10})
	c := dial(b, addr)
	out, in := make([]byte, 64), make([]byte, 64)
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		if _, err := c.Write(out); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(c, in); err != nil {
			b.Fatal(err)
		}
	}
}

// A peer that ends its half, as "nc -N" does, gets all of its echo and then the
// end, however late it begins to read (RFC 9293 section 3.6).
func testHalfClose(t *testing.T, e echo.Engine) {
	const size = 24 << 20 // more than the kernel's buffers hold
	for _, proto := range []string{echo.TCP, echo.WS} {
		ctr, addr := serve(t, e, echo.Config{Limit: 10, Ports: []echo.Port{{Proto: proto}}})
		c := &wsConnection{}
		if proto == echo.WS {
			c = upgradeTo(t, addr)
		} else {
			c.peer = dial(t, addr)
		}
		msg := strings.Repeat("m", size)
		if proto == echo.WS {
			c.send(t, ws.OpText, msg)
			c.send(t, ws.OpClose, "\x03\xe8")
		} else if _, err := io.WriteString(c, msg); err != nil {
			t.Fatal(err)
		}
		if err := c.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		await(t, func() bool { _, n := ctr.Messages(); return n == size })
		if proto == echo.WS {
			c.want(t, ws.OpText, msg)
			c.wantEnd(t, 1000)
		} else if got, err := io.ReadAll(c); string(got) != msg || err != nil {
			t.Errorf("%d of %d bytes came back, %v", len(got), size, err)
		}
		await(t, func() bool { return ctr.Open.Load() == 0 && ctr.Buffered.Load() == 0 })
	}
}

// A peer that reads, only slower than it sends, gets all of its echo, though no
// more than a little of it may wait: nothing is read from it meanwhile.
func testBackPressure(t *testing.T, e echo.Engine) {
	const size = 24 << 20
	ctr, addr := serve(t, e, echo.Config{Limit: 10, MaxOutbound: 100_000})
	c := dial(t, addr)
	msg := make([]byte, size)
	for i := range msg {
		msg[i] = byte(i * 7)
	}
	go func() {
		_, _ = c.Write(msg)
		_ = c.CloseWrite()
	}()
	var got []byte
	for part := make([]byte, 256<<10); ; {
		n, err := c.Read(part)
		got = append(got, part[:n]...)
		if most := ctr.Buffered.Load(); most > 400_000 {
			t.Fatalf("%d bytes are kept, more than what may wait and one read", most)
		}
		if err != nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if !bytes.Equal(got, msg) {
		t.Errorf("%d of %d bytes came back as they were", len(got), size)
	}
	await(t, func() bool { return ctr.Open.Load() == 0 && ctr.Causes[echo.SlowReader].Load() == 0 })
}

// Slow readers each within their bound do not overdraw what all may have, however
// many they are; one that reads does not notice.
func testBudget(t *testing.T, e echo.Engine) {
	const size, peers = 4 << 20, 60
	budget := new(echo.Budget)
	budget.Size.Store(size)
	ctr, addr := serve(t, e, echo.Config{Limit: 100, Budget: budget, Stall: time.Hour})
	good := dial(t, addr)
	ping := func() {
		t.Helper()
		_ = good.SetDeadline(time.Now().Add(time.Minute))
		if _, err := good.Write([]byte("ping")); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(good, make([]byte, 4)); err != nil {
			t.Fatal(err)
		}
	}
	most := int64(0)
	for range peers {
		c := dial(t, addr)
		go func() {
			for part := make([]byte, 1<<20); ; { // never read
				if _, err := c.Write(part); err != nil {
					return
				}
			}
		}()
		ping()
		most = max(most, budget.Used.Load())
	}
	for range 200 {
		ping()
		most = max(most, budget.Used.Load())
		time.Sleep(time.Millisecond)
	}
	// Each may have brought one read more.
	if most > size+peers*96<<10 {
		t.Errorf("%d bytes were kept at most, of %d", most, size)
	}
	await(t, func() bool { return budget.Used.Load() <= size })
	if n := ctr.Open.Load(); n < 1 || ctr.Causes[echo.SlowReader].Load() > 0 {
		t.Errorf("%d are left", n)
	}
}
