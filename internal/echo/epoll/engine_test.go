package epoll

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/echo"
	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/ws"
	"github.com/c10m/c10m/tests/nettest"
)

// place completes a configuration for free ports, as many as it has, or one of
// TCP, and says where the first is.
func place(tb testing.TB, cfg *echo.Config) (first string) {
	tb.Helper()
	if len(cfg.Ports) == 0 {
		cfg.Ports = []echo.Port{{Proto: echo.TCP}}
	}
	for i := range cfg.Ports {
		cfg.Ports[i].Number = nettest.FreePort(tb)
	}
	cfg.Bind, cfg.Logf = netip.MustParseAddr("127.0.0.1"), tb.Logf
	if cfg.Loops == 0 {
		cfg.Loops = 2
	}
	if cfg.Limit == 0 {
		cfg.Limit = 100
	}
	return fmt.Sprintf("127.0.0.1:%d", cfg.Ports[0].Number)
}

// server is a running engine.
type server struct {
	*echo.Counters
	addr string
	stop func() error // ends it, once
}

// serve runs an engine on free ports.
func serve(tb testing.TB, cfg echo.Config) *server { return serveWith(tb, cfg, Serve) }

func serveWith(tb testing.TB, cfg echo.Config, engine echo.Engine) *server {
	tb.Helper()
	s := &server{Counters: new(echo.Counters), addr: place(tb, &cfg)}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- echo.Serve(ctx, engine, cfg, s.Counters) }()
	stopped := false
	s.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-ended
	}
	tb.Cleanup(func() {
		if err := s.stop(); err != nil {
			tb.Errorf("Serve: %v", err)
		}
	})
	nettest.Await(tb, "ready", func() bool { return echo.State(s.State.Load()) == echo.Ready })
	return s
}

func (s *server) dial(tb testing.TB) *net.TCPConn {
	tb.Helper()
	c, err := net.Dial("tcp4", s.addr)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close() })
	return c.(*net.TCPConn)
}

// refusal is how a connection ends that is one too many: its reset may come before
// Dial looks at its socket, or after.
func (s *server) refusal() error {
	c, err := net.Dial("tcp4", s.addr)
	if err == nil {
		_, err = c.Read(make([]byte, 1))
		_ = c.Close()
	}
	return err
}

// echoes sends a byte and wants it back.
func echoes(tb testing.TB, c net.Conn) {
	tb.Helper()
	var b [1]byte
	if _, err := c.Write([]byte{42}); err != nil {
		tb.Fatal(err)
	}
	if _, err := io.ReadFull(c, b[:]); err != nil || b[0] != 42 {
		tb.Fatalf("%v came back, %v", b, err)
	}
}

// pattern is n bytes that do not repeat soon.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}

func TestEchoAndCounts(t *testing.T) {
	s := serve(t, echo.Config{})
	c := s.dial(t)
	msg, back := pattern(300_000), make([]byte, 300_000)
	go func() { _, _ = c.Write(msg) }()
	if _, err := io.ReadFull(c, back); err != nil || !bytes.Equal(back, msg) {
		t.Fatalf("echo differs, %v", err)
	}
	// It counts what it has written, so the last bytes are here first.
	nettest.Await(t, "the counts", func() bool {
		n, b := s.Messages()
		return n >= 1 && b == int64(len(msg)) && s.Open.Load() == 1 && s.PortOpen[0].Load() == 1
	})
	_ = c.Close()
	nettest.Await(t, "the end", func() bool {
		return s.Open.Load() == 0 && s.Closed.Load() == 1 &&
			s.PortOpen[0].Load() == 0
	})
}

// TestAdmission: what is too much is reset, and those that are in do not notice.
func TestAdmission(t *testing.T) {
	s := serve(t, echo.Config{Limit: 2})
	a, b := s.dial(t), s.dial(t)
	nettest.Await(t, "two", func() bool { return s.Open.Load() == 2 })
	if err := s.refusal(); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the third connection: %v, want a reset", err)
	}
	nettest.Await(t, "the count", func() bool { return s.Causes[echo.OverLimit].Load() == 1 })
	echoes(t, a)
	echoes(t, b)
	_ = a.Close()
	nettest.Await(t, "room", func() bool { return s.Open.Load() == 1 })
	echoes(t, s.dial(t))
}

// TestBackPressure: a peer that reads, only slower than it sends, gets back all
// that it sent, and the server keeps little of it meanwhile.
func TestBackPressure(t *testing.T) {
	const size = 8 << 20
	s := serve(t, echo.Config{MaxOutbound: 256 << 10})
	c := s.dial(t)
	msg := pattern(size)
	go func() {
		_, _ = c.Write(msg)
		_ = c.CloseWrite()
	}()
	nettest.Await(t, "back-pressure", func() bool { return s.Buffered.Load() > 128<<10 })
	time.Sleep(50 * time.Millisecond)
	most := int64(0)
	back := make([]byte, 0, size)
	for part := make([]byte, 64<<10); ; {
		most = max(most, s.Buffered.Load())
		n, err := c.Read(part)
		back = append(back, part[:n]...)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("after %d bytes: %v", len(back), err)
		}
	}
	if !bytes.Equal(back, msg) {
		t.Errorf("%d of %d bytes came back, or others", len(back), size)
	}
	if most > 512<<10 {
		t.Errorf("%d bytes were kept for one peer that may have %d waiting", most, 256<<10)
	}
	nettest.Await(t, "the end", func() bool { return s.Open.Load() == 0 && s.Buffered.Load() == 0 })
}

// TestStall: a peer that takes nothing is dropped after that time, and counted.
func TestStall(t *testing.T) {
	s := serve(t, echo.Config{MaxOutbound: 64 << 10, Stall: time.Second})
	c, other := s.dial(t), s.dial(t)
	buf := make([]byte, 1<<20)
	for range 200 { // 200 MiB, never read
		if _, err := c.Write(buf); err != nil {
			break
		}
	}
	nettest.Await(t, "the drop", func() bool { return s.Causes[echo.SlowReader].Load() == 1 && s.Open.Load() == 1 })
	echoes(t, other)
}

// TestIdleTimeout: who is silent is closed, who speaks is not. On a busy machine the one
// who speaks may be kept from it for a second.
func TestIdleTimeout(t *testing.T) {
	s := serve(t, echo.Config{IdleTimeout: 3 * time.Second})
	silent, talks := s.dial(t), s.dial(t)
	ended := make(chan error, 1)
	go func() {
		_, err := silent.Read(make([]byte, 1))
		ended <- err
	}()
	for {
		select {
		case err := <-ended:
			if err != io.EOF {
				t.Errorf("the silent one: %v, want its end", err)
			}
			echoes(t, talks)
			nettest.Await(t, "the count", func() bool { return s.Causes[echo.IdleTimeout].Load() == 1 && s.Open.Load() == 1 })
			return
		case <-time.After(50 * time.Millisecond):
			echoes(t, talks)
		}
	}
}

// TestSlowIsNotIdle: who is not read for longer than the idle timeout, because it
// takes its echo slowly, is not taken for silent.
func TestSlowIsNotIdle(t *testing.T) {
	const size = 8 << 20
	s := serve(t, echo.Config{MaxOutbound: 64 << 10, IdleTimeout: time.Second})
	c := s.dial(t)
	_ = c.SetReadBuffer(32 << 10)
	msg := pattern(size)
	go func() {
		_, _ = c.Write(msg)
		_ = c.CloseWrite()
	}()
	time.Sleep(3 * time.Second)
	if got, err := io.ReadAll(c); !bytes.Equal(got, msg) || err != nil {
		t.Errorf("%d of %d bytes came back, %v", len(got), size, err)
	}
	if n := s.Causes[echo.IdleTimeout].Load(); n != 0 {
		t.Errorf("%d counted as idle", n)
	}
}

// TestHalfClose: a peer that ends its half, as "nc -N" does, still gets all of its
// echo, however late it begins to read (RFC 9293 section 3.6), and needs no
// privilege of the server's for that.
func TestHalfClose(t *testing.T) {
	const size = 8_000_000
	s := serve(t, echo.Config{MaxOutbound: 64 << 20})
	c := s.dial(t)
	msg := pattern(size)
	sent := make(chan error, 1)
	go func() {
		_, err := c.Write(msg)
		sent <- errors.Join(err, c.CloseWrite())
	}()
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(c)
	if !bytes.Equal(got, msg) || err != nil {
		t.Errorf("%d of %d bytes came back, %v", len(got), size, err)
	}
}

// TestUrgentData: an urgent byte neither ends a connection nor keeps a loop awake.
func TestUrgentData(t *testing.T) {
	s := serve(t, echo.Config{Loops: 1})
	c := s.dial(t)
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	send := func(fd uintptr) { err = syscall.Sendto(int(fd), []byte("u"), syscall.MSG_OOB, nil) }
	if failed := raw.Control(send); failed != nil || err != nil {
		t.Fatal(err)
	}
	echoes(t, c)
	if used := sys.CPUOfProcess(func() { time.Sleep(300 * time.Millisecond) }); used > 100*time.Millisecond {
		t.Errorf("%v of processor time in 300 ms of silence", used)
	}
	echoes(t, c)
}

// TestDrain: at the end connections are closed, and not before what has arrived is
// echoed.
func TestDrain(t *testing.T) {
	s := serve(t, echo.Config{Ports: []echo.Port{{Proto: echo.TCP}, {Proto: echo.WS}}})
	c, busy := s.dial(t), s.dial(t)
	echoes(t, c)
	echoes(t, busy)
	if _, err := busy.Write(pattern(1000)); err != nil {
		t.Fatal(err)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(busy); !bytes.Equal(got, pattern(1000)) || err != nil {
		t.Errorf("%d of 1,000 bytes that were sent before came back, %v", len(got), err)
	}
	if _, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("%v, want the end", err)
	}
	if _, err := net.Dial("tcp4", s.addr); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dial afterwards: %v, want it refused", err)
	}
	if n := s.Open.Load(); n != 0 {
		t.Errorf("%d still counted as open", n)
	}
}

const request = nettest.Request

// upgrade makes a WebSocket connection.
func (s *server) upgrade(tb testing.TB) *net.TCPConn {
	tb.Helper()
	c := s.dial(tb)
	if _, err := nettest.Upgrade(c); err != nil {
		tb.Fatal(err)
	}
	return c
}

// TestDrainWhileAccepting: what waits to be accepted when all ends is reset, so
// that its peer waits for nothing, and a loop that was about to accept it takes
// the closed door for no failure of the kernel.
func TestDrainWhileAccepting(t *testing.T) {
	h := newHarness(t, echo.TCP)
	fd, err := sys.Listen(netip.MustParseAddr("127.0.0.1"), 0)
	if err != nil {
		t.Fatal(err)
	}
	number, errno := sys.LocalPort(fd)
	if errno != 0 {
		t.Fatal(errno)
	}
	h.lane.listeners, h.eng.lanes = []int{fd}, []*lane{h.lane}
	h.accepts = newAcceptor(h.loop)
	h.accepts.begin(h.loop)
	c, err := net.DialTCP("tcp4", nil, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: number})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	h.eng.stopListening()
	h.accept(0)
	if failed := h.ctr.Causes[echo.AcceptFailed].Load(); failed != 0 || h.accepts.paused() {
		t.Errorf("%d failures of accept4 counted, paused %v: want none while all ends", failed, h.accepts.paused())
	}
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("who waited reads %v, want a reset", err)
	}
}

// TestWebSocket: frames come back, and at the end a close frame 1001.
func TestWebSocket(t *testing.T) {
	s := serve(t, echo.Config{Ports: []echo.Port{{Proto: echo.WS}}})
	c := s.upgrade(t)
	nettest.Await(t, "nothing to be kept", func() bool { return s.Upgraded.Load() == 1 && s.Buffered.Load() == 0 })
	for _, cut := range []int{0, 1, 20} {
		frame := ws.AppendFrame(nil, ws.OpBinary, pattern(100), 9)
		for _, part := range [][]byte{frame[:cut], frame[cut:]} {
			if _, err := c.Write(part); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
		}
		back := make([]byte, 2+100)
		if _, err := io.ReadFull(c, back); err != nil || !bytes.Equal(back[2:], pattern(100)) {
			t.Fatalf("cut at %d: %v came back, %v", cut, back, err)
		}
	}
	ended := make(chan error, 1)
	go func() { ended <- s.stop() }()
	back := make([]byte, 4)
	if _, err := io.ReadFull(c, back); err != nil || !bytes.Equal(back, []byte{0x88, 2, 1001 >> 8, 1001 & 0xff}) {
		t.Errorf("at the end %v, %v", back, err)
	}
	_ = c.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
