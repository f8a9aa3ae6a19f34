package relay

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/echo"
	"github.com/c10m/c10m/tests/nettest"
)

// upstream serves each connection with handle, and counts them.
func upstream(t *testing.T, handle func(net.Conn)) (at netip.AddrPort, seen *atomic.Int64) {
	t.Helper()
	seen = new(atomic.Int64)
	return nettest.Listen(t, func(c net.Conn) {
		seen.Add(1)
		handle(c)
	}), seen
}

// start runs a relay on a free port.
func start(t *testing.T, cfg Config) (*Relay, *echo.Counters, string) {
	t.Helper()
	at := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(nettest.FreePort(t)))
	cfg.Bind, cfg.Ports = at.Addr(), []echo.Port{{Number: int(at.Port()), Proto: echo.TCP}}
	if cfg.Limit == 0 {
		cfg.Limit = 100
	}
	ctr := new(echo.Counters)
	r := New(cfg, ctr)
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- r.Serve(ctx, func() { close(ready) }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil || ctr.Open.Load() != 0 || len(r.open) != 0 {
			t.Errorf("Serve: %v, %d clients and %d connections left", err, ctr.Open.Load(), len(r.open))
		}
	})
	<-ready
	return r, ctr, at.String()
}

// say sends a message and wants it back.
func say(t *testing.T, c net.Conn, msg []byte) {
	t.Helper()
	got := make([]byte, len(msg))
	if _, err := c.Write(msg); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, msg) {
		t.Fatalf("got %.20q, %v; want %.20q", got, err, msg)
	}
}

// What each mode costs upstream, for three clients with ten requests each.
func TestModes(t *testing.T) {
	for _, tt := range []struct {
		mode           Mode
		opened, reused int64
	}{
		{PerRequest, 30, 0},
		{Pool, 1, 29},
		{KeepAlive, 3, 27},
	} {
		t.Run(string(tt.mode), func(t *testing.T) {
			at, seen := upstream(t, nettest.Echo)
			r, ctr, relay := start(t, Config{Upstreams: []netip.AddrPort{at}, Mode: tt.mode, Pool: 1})
			for i := range byte(3) {
				c := nettest.Dial(t, relay)
				for j := range byte(10) {
					say(t, c, bytes.Repeat([]byte{i, j}, 50))
				}
				_ = c.Close()
			}
			nettest.Await(t, "the clients' end", func() bool { return ctr.Open.Load() == 0 && ctr.Closed.Load() == 3 })
			got := r.Report()
			if got.Requests != 30 || got.Opened != tt.opened || got.Reused != tt.reused || seen.Load() != tt.opened ||
				len(got.Failed) > 0 || got.Upstream != string(tt.mode) {
				t.Errorf("%+v, the upstream saw %d; want %d opened, %d reused", got, seen.Load(), tt.opened, tt.reused)
			}
		})
	}
}

// Larger than a buffer, over all modes at once with several clients.
func TestLargeAndMany(t *testing.T) {
	for _, mode := range []Mode{PerRequest, Pool, KeepAlive} {
		at, _ := upstream(t, nettest.Echo)
		_, _, relay := start(t, Config{Upstreams: []netip.AddrPort{at, at}, Mode: mode, Pool: 4})
		done := make(chan struct{})
		for i := range byte(8) {
			c := nettest.Dial(t, relay)
			go func() {
				defer func() { done <- struct{}{} }()
				msg := bytes.Repeat([]byte{i, 'x', i}, 30_000)
				got := make([]byte, len(msg))
				go func() { _, _ = c.Write(msg) }()
				if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, msg) {
					t.Errorf("%s: %v, or other bytes came back", mode, err)
				}
			}()
		}
		for range 8 {
			<-done
		}
	}
}

// An upstream that has closed a pooled connection meanwhile costs no client.
func TestStalePool(t *testing.T) {
	at, _ := upstream(t, func(c net.Conn) { // one answer, then the end
		buf := make([]byte, 5)
		_, _ = io.ReadFull(c, buf)
		_, _ = c.Write(buf)
	})
	r, _, relay := start(t, Config{Upstreams: []netip.AddrPort{at}, Mode: Pool, Pool: 1})
	c := nettest.Dial(t, relay)
	for range 5 {
		say(t, c, []byte("hello"))
	}
	if got := r.Report(); got.Requests != 5 || got.Opened != 5 || got.Reused != 0 || len(got.Failed) > 0 {
		t.Errorf("%+v, want 5 opened and none reused", got)
	}
}

// An upstream that resets its connection resets the client: that was no orderly
// end.
func TestUpstreamResets(t *testing.T) {
	at, _ := upstream(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 1))
		reset(c)
	})
	for _, mode := range []Mode{PerRequest, KeepAlive} {
		r, ctr, relay := start(t, Config{Upstreams: []netip.AddrPort{at}, Mode: mode})
		for range 10 {
			if err := lost(relay); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("%s: %v, want a reset", mode, err)
			}
		}
		nettest.Await(t, "the count", func() bool { return ctr.Causes[echo.Upstream].Load() == 10 })
		if got := r.Report(); got.Failed["upstream_reset"] != 10 || got.Failed.Sum() != 10 {
			t.Errorf("%s: %+v, want 10 resets", mode, got)
		}
	}
}

// A client that resets its connection while it is written to is no failure of
// its upstream.
func TestClientResets(t *testing.T) {
	at, _ := upstream(t, func(c net.Conn) {
		for flood := make([]byte, 8<<10); ; {
			if _, err := c.Write(flood); err != nil {
				return
			}
		}
	})
	r, ctr, relay := start(t, Config{Upstreams: []netip.AddrPort{at}, Mode: KeepAlive})
	const clients = 30
	for range clients {
		c := nettest.Dial(t, relay)
		if _, err := io.ReadFull(c, make([]byte, 256<<10)); err != nil {
			t.Fatal(err)
		}
		reset(c)
	}
	nettest.Await(t, "the clients' end", func() bool { return ctr.Closed.Load() == clients })
	if got := r.Report(); len(got.Failed) > 0 || ctr.Causes[echo.Upstream].Load() != 0 {
		t.Errorf("%+v: the upstream is blamed", got)
	}
}

// A client that sends and never reads is ended, and counted as what it is.
func TestClientNeverReads(t *testing.T) {
	at, _ := upstream(t, nettest.Echo)
	for _, mode := range []Mode{PerRequest, Pool, KeepAlive} {
		r, ctr, relay := start(t, Config{Upstreams: []netip.AddrPort{at}, Mode: mode, Pool: 1, AnswerTime: time.Second})
		c := nettest.Dial(t, relay)
		for chunk := make([]byte, bufferSize); ; {
			if _, err := c.Write(chunk); err != nil {
				if errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("%s: the client was held for a minute", mode)
				}
				break
			}
		}
		nettest.Await(t, "the client's end", func() bool { return ctr.Open.Load() == 0 })
		if got := r.Report(); ctr.Causes[echo.SlowReader].Load() != 1 || len(got.Failed) > 0 {
			t.Errorf("%s: %d slow readers, %+v; want one, and no failure of the upstream", mode,
				ctr.Causes[echo.SlowReader].Load(), got)
		}
	}
}

// An upstream that is not there resets the client and is counted; the relay
// goes on.
func TestUpstreamGone(t *testing.T) {
	at := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(nettest.DeadPort(t)))
	for _, mode := range []Mode{PerRequest, Pool, KeepAlive} {
		r, ctr, relay := start(t, Config{Upstreams: []netip.AddrPort{at}, Mode: mode, Pool: 1})
		for range 3 {
			if err := lost(relay); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("%s: %v, want a reset", mode, err)
			}
		}
		nettest.Await(t, "the count", func() bool { return ctr.Causes[echo.Upstream].Load() == 3 })
		if got := r.Report(); got.Failed["connect_refused"] != 3 {
			t.Errorf("%s: %+v, want 3 refused connects", mode, got)
		}
	}
}

// lost dials, says something and returns the error that ends it, wherever it
// comes.
func lost(at string) error {
	c, err := net.Dial("tcp4", at)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	if _, err := c.Write([]byte("x")); err != nil && !errors.Is(err, syscall.EPIPE) {
		return err
	}
	_, err = c.Read(make([]byte, 1))
	return err
}

func TestLimit(t *testing.T) {
	at, _ := upstream(t, nettest.Echo)
	_, ctr, relay := start(t, Config{Upstreams: []netip.AddrPort{at}, Mode: KeepAlive, Limit: 1})
	c := nettest.Dial(t, relay)
	say(t, c, []byte("first"))
	if err := lost(relay); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the second client: %v, want a reset", err)
	}
	say(t, c, []byte("still there"))
	nettest.Await(t, "the count", func() bool { return ctr.Causes[echo.OverLimit].Load() == 1 })
}

func TestSize(t *testing.T) {
	if n, err := Size(20_000, 200, 100, KeepAlive); n != 9850 || err != nil {
		t.Errorf("keepalive: %d, %v", n, err)
	}
	if n, err := Size(20_000, 200, 100, Pool); n != 19_600 || err != nil {
		t.Errorf("pool: %d, %v", n, err)
	}
	if _, err := Size(300, 200, 1, PerRequest); err == nil {
		t.Error("no room for clients, and no error")
	}
}
