package echo

import (
	"bytes"
	"crypto/tls"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/secure"
)

// overTLS is a bench whose ports speak TLS, and how a client does.
func overTLS(t *testing.T, cfg Config) (*bench, *tls.Config) {
	t.Helper()
	terms, err := secure.NewTerms(time.Now(), "x")
	if err != nil {
		t.Fatal(err)
	}
	if cfg.TLS, err = terms.Config(t.Context()); err != nil {
		t.Fatal(err)
	}
	return newBench(t, cfg), &tls.Config{InsecureSkipVerify: true}
}

// client is the other end of a connection of b.
type client struct {
	*secure.Conn
	ended chan error
	over  bool
}

// shake is a client whose handshake runs.
func (b *bench) shake(cfg *tls.Config) *client {
	c := &client{Conn: secure.Client(cfg), ended: make(chan error, 1)}
	secure.NewPool(1, 2, 0).Handshake(c.Conn, func() {}, func(err error) { c.ended <- err })
	return c
}

// until looks at both ends until they have come that far.
func (b *bench) until(what string, done func() bool) {
	b.tb.Helper()
	for end := time.Now().Add(time.Minute); !done(); time.Sleep(100 * time.Microsecond) {
		if b.Told(); time.Now().After(end) {
			b.tb.Fatalf("waited for a minute for %s", what)
		}
	}
}

// agree carries bytes until both ends have agreed.
func (b *bench) agree(c *client) {
	b.tb.Helper()
	b.until("a handshake", func() bool {
		b.carry(c)
		select {
		case err := <-c.ended:
			if c.over = true; err != nil {
				b.tb.Fatal(err)
			}
		default:
		}
		return c.over && b.s != nil && b.s.conn != nil
	})
	b.carry(c)
}

// carry brings what each end has said to the other.
func (b *bench) carry(c *client) (next Next) {
	if said := c.Out(nil); len(said) > 0 {
		next = b.in(said)
	}
	if len(b.out) > 0 {
		c.Feed(b.out)
		b.out = nil
	}
	return next
}

// answer is what the client can read.
func (b *bench) answer(c *client) (got []byte, err error) {
	buf := make([]byte, secure.MaxPlaintext)
	for err == nil {
		var n int
		n, err = c.Read(buf)
		got = append(got, buf[:n]...)
	}
	return got, err
}

// An idle connection of TLS keeps its session and nothing else: no buffer, no
// deadline, nothing of the budget. Its end is said in good order.
func TestTLS(t *testing.T) {
	b, cfg := overTLS(t, Config{})
	c := b.open(tcpPort).shake(cfg)
	b.agree(c)
	for _, message := range [][]byte{[]byte("hello"), bytes.Repeat([]byte("large"), 50_000)} {
		if err := c.Write(message); err != nil {
			t.Fatal(err)
		}
		if next := b.carry(c); next != Read {
			t.Errorf("after %d bytes: %v", len(message), next)
		}
		if got, err := b.answer(c); !bytes.Equal(got, message) || err != secure.ErrWait {
			t.Errorf("%d bytes came back of %d, %v", len(got), len(message), err)
		}
		if b.TickEvery() != 0 || b.ctr.Buffered.Load() != 0 || b.s.conn.Kept() != 0 {
			t.Errorf("idle: ticks %v, %d charged, %d kept", b.TickEvery(), b.ctr.Buffered.Load(), b.s.conn.Kept())
		}
	}
	if err := c.Write([]byte("half")); err != nil {
		t.Fatal(err)
	}
	said := c.Out(nil)
	if next := b.in(said[:9]); next != Read || b.TickEvery() == 0 || b.ctr.Buffered.Load() == 0 {
		t.Errorf("part of a record: %v, %d charged", next, b.ctr.Buffered.Load())
	}
	b.in(said[9:])
	if err := c.Shutdown(); err != nil {
		t.Fatal(err)
	}
	if next := b.carry(c); next != Close {
		t.Errorf("after the end: %v", next)
	}
	if got, err := b.answer(c); string(got) != "half" || secure.CauseOf(err) != secure.Closed {
		t.Errorf("%q, %v", got, err)
	}
	b.Gone(b.fd, b.port, b.s)
	if done, n := b.ctr.TLSDone.Load(), b.ctr.Open.Load(); done != 1 || n != 0 {
		t.Errorf("%d handshakes, %d open", done, n)
	}
}

// What waits for a peer is sent before the end of our half.
func TestTLSEndWaits(t *testing.T) {
	b, cfg := overTLS(t, Config{})
	c := b.open(tcpPort).shake(cfg)
	b.agree(c)
	b.room = 10
	_ = c.Write([]byte("waits"))
	if next := b.in(c.Out(nil)); next != ReadWrite {
		t.Errorf("a part is taken: %v", next)
	}
	if next := b.eof(); next != Write {
		t.Errorf("the peer's end: %v", next)
	}
	if next := b.took(1000); next != Close {
		t.Errorf("all is taken: %v", next)
	}
	c.Feed(b.out)
	c.End()
	if got, err := b.answer(c); string(got) != "waits" || err == nil {
		t.Errorf("%q, %v", got, err)
	}
}

// A connection may move to another loop in the middle of its handshake; what the
// handshake says meanwhile is not lost.
func TestTLSMoves(t *testing.T) {
	b, cfg := overTLS(t, Config{})
	c := b.open(tcpPort).shake(cfg)
	b.until("a ClientHello", func() bool { b.carry(c); return b.s.tls != nil })
	b.until("an answer", func() bool { return len(b.s.tls.conn.Pending()) > 0 })
	first := b.Loop
	first.Detach(b.s)
	if first.Told(); len(b.out) > 0 || b.TickEvery() != 0 {
		t.Errorf("the first loop still handles it: %q", b.out)
	}
	b.Loop = first.core.Loop(1, b)
	b.Loop.socket, b.clock = b, func() time.Duration { return b.now }
	if next := b.Attach(b.fd, b.s); next != Read {
		t.Errorf("attached: %v", next)
	}
	b.agree(c)
	_ = c.Write([]byte("here"))
	b.carry(c)
	if got, _ := b.answer(c); string(got) != "here" {
		t.Errorf("%q", got)
	}
}

// A handshake is given up with its connection, and when it takes too long.
func TestTLSGivenUp(t *testing.T) {
	b, cfg := overTLS(t, Config{Handshake: 10 * time.Second})
	c := b.open(tcpPort).shake(cfg)
	b.until("a ClientHello", func() bool { b.carry(c); return b.s.tls != nil })
	b.Gone(b.fd, b.port, b.s)
	b.until("the end of the first", func() bool { return b.ctr.TLSUnderWay.Load() == 0 })

	c = b.open(wsPort).shake(cfg)
	b.until("a ClientHello", func() bool { b.carry(c); return b.s.tls != nil })
	s := b.s
	b.until("what it takes to be charged", func() bool { return b.ctr.Buffered.Load() >= handshakeSize })
	b.now += 10 * time.Second
	if b.Tick(); b.turned[s] != Close || b.ctr.Causes[TLSTimeout].Load() != 1 || b.ctr.Buffered.Load() != 0 {
		t.Errorf("too long: %v, counted %d", b.turned[s], b.ctr.Causes[TLSTimeout].Load())
	}
	b.until("the end of the second", func() bool { return b.ctr.TLSUnderWay.Load() == 0 })

	c = b.open(tcpPort).shake(cfg)
	b.until("a ClientHello", func() bool { b.carry(c); return b.s.tls != nil })
	s = b.s
	delete(b.turned, s) // it may be the same session, used again
	if next := b.eof(); next != Pause {
		t.Errorf("the peer's end: %v, want to wait for the handshake", next)
	}
	b.until("the end of the third", func() bool { return b.turned[s] == Close })
	if n := b.ctr.Causes[TLSClosed].Load(); n != 1 {
		t.Errorf("counted %d times", n)
	}
	if next := b.open(tcpPort).eof(); next != Close || b.ctr.Causes[TLSClosed].Load() != 1 {
		t.Errorf("who says nothing at all: %v", next)
	}
}

// Bytes that cannot be decrypted end a connection; the peer is told.
func TestTLSBroken(t *testing.T) {
	b, cfg := overTLS(t, Config{})
	c := b.open(tcpPort).shake(cfg)
	b.agree(c)
	_ = c.Write([]byte("hello"))
	said := c.Out(nil)
	said[len(said)-1] ^= 1
	if next := b.in(said); next != Read || !b.shut || b.ctr.Causes[TLSBroken].Load() != 1 {
		t.Errorf("%v, shut %t, counted %d", next, b.shut, b.ctr.Causes[TLSBroken].Load())
	}
	c.Feed(b.out)
	if _, err := b.answer(c); secure.CauseOf(err) != secure.Alert {
		t.Errorf("the peer is told %v", err)
	}
	if next := b.eof(); next != Close {
		t.Errorf("its end: %v", next)
	}
}
