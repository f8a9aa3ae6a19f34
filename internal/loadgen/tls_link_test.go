package loadgen

import (
	"bytes"
	"crypto/tls"
	"io"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/secure"
	"github.com/c10m/c10m/tests/nettest"
)

// farEnd is a transport without a kernel whose peers speak TLS: they echo, or read
// only. It has as little room as a test wants, and hands over as little at once.
type farEnd struct {
	t           *testing.T
	to          receiver
	cfg         *tls.Config
	pool        *secure.Pool
	room, piece int
	deaf        bool // the peers take nothing
	quiet       bool // they take, and say nothing
	list        []far
}

type far struct {
	open, told bool
	closed     int // how often it was closed
	reset      bool
	way        []byte // sent, and not taken yet
	back       []byte // said, and not handed over yet
	peer       *secure.Conn
	up         *atomic.Bool // its handshake is over
	got        []byte       // what it read
	end        error        // that its reading ended with
}

func (f *farEnd) start([]int, receiver) error { return nil }
func (f *farEnd) stop(bool)                   {}
func (f *farEnd) calls() int64                { return 0 }
func (f *farEnd) noDelay(int64)               {}

func (f *farEnd) open(slot int64) cause {
	if f.list[slot].open {
		f.t.Fatalf("slot %d is opened twice", slot)
	}
	f.list[slot] = far{open: true, closed: f.list[slot].closed, reset: f.list[slot].reset, peer: secure.Server(f.cfg),
		up: new(atomic.Bool)}
	c := &f.list[slot]
	up := c.up
	f.pool.Handshake(c.peer, func() {}, func(err error) { up.Store(err == nil) })
	return noCause
}

func (f *farEnd) send(slot int64, p []byte) int {
	c := &f.list[slot]
	n := min(len(p), f.room-len(c.way))
	c.way = append(c.way, p[:n]...)
	return n
}

func (f *farEnd) close(slot int64, reset bool) {
	c := &f.list[slot]
	if c.open {
		c.open, c.reset = false, reset
		c.closed++
	}
}

func (f *farEnd) poll(int) error {
	for i := range f.list {
		slot, c := int64(i), &f.list[i]
		if c.open && !c.told {
			c.told = true
			f.to.connected(slot)
		}
		if c.peer == nil || f.deaf {
			continue
		}
		c.take(f.quiet)
		c.back = c.peer.Out(c.back)
		for c.open && len(c.back) > 0 {
			n := min(f.piece, len(c.back))
			piece := bytes.Clone(c.back[:n])
			c.back = c.back[n:]
			f.to.received(slot, piece)
			clear(piece) // nobody may have kept it
		}
		if c.open && len(c.way) < f.room {
			f.to.writable(slot)
		}
	}
	return nil
}

// take has a peer read what was sent, and answer.
func (c *far) take(quiet bool) {
	if len(c.way) > 0 {
		c.peer.Feed(bytes.Clone(c.way))
		c.way = c.way[:0]
	}
	if !c.up.Load() {
		return
	}
	b := make([]byte, secure.MaxPlaintext)
	for c.end == nil {
		n, err := c.peer.Read(b)
		c.got = append(c.got, b[:n]...)
		if n > 0 && !quiet {
			_ = c.peer.Write(b[:n])
		}
		if err == secure.ErrWait {
			return
		}
		c.end = err
	}
}

// overFarEnd is a thread whose connections are secured over a farEnd, and open.
func overFarEnd(t *testing.T, conns int64, room, piece int) (*thread, *farEnd) {
	t.Helper()
	cert, ca := certified(t, time.Now(), "192.0.2.1")
	p := tlsPlan(1, conns, 1, ca)
	s := &shared{to: []plan.Dest{{At: netip.MustParseAddrPort("192.0.2.1:1"), TLS: true}},
		pattern: newPattern(300_000, false)}
	if err := s.secure(p); err != nil {
		t.Fatal(err)
	}
	one, err := newThread(s, p, make([]byte, p.Conns*connBytes))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.closeWake)
	link := one.cs.link.(*tlsTransport)
	link.inner.stop(false)
	link.to = one.cs
	f := &farEnd{t: t, to: link, cfg: &tls.Config{Certificates: []tls.Certificate{cert}}, pool: secure.NewPool(4, 2, 0),
		room: room, piece: piece, list: make([]far, conns)}
	link.inner = f
	one.lane.to = conns
	workOver(t, one, newRamp(one.cs, &one.lane, time.Now(), func() {}))
	if c := one.cs.total(); c.Established != conns {
		t.Fatalf("%+v, %v", c, one.cs.errs[TCP])
	}
	return one, f
}

// workOver lets a workload run to its end.
func workOver(t *testing.T, one *thread, w workload) {
	t.Helper()
	one.cs.work = w
	nettest.Await(t, "the workload to end", func() bool {
		_, done := w.step()
		_ = one.cs.link.poll(0)
		return done
	})
	one.cs.work = holding{}
}

// Whatever the inner transport takes and hands over at once: each message comes back
// whole.
func TestTLSOverAnyTransport(t *testing.T) {
	for _, tt := range []struct {
		name        string
		room, piece int
		x           Exchange
	}{
		{"all at once", 1 << 30, 1 << 30, Exchange{Size: 64, PerConn: 5}},
		{"byte by byte", 1 << 10, 1, Exchange{Size: 64, PerConn: 3}},
		{"larger than the room", 7000, 333, Exchange{Size: 300_000, PerConn: 2}},
		{"several under way", 5000, 5000, Exchange{Size: 100, SizeMax: 3000, PerConn: 20, Depth: 7}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			one, f := overFarEnd(t, 5, tt.room, tt.piece)
			tt.x.Drain = time.Hour
			workOver(t, one, newExchange(one.cs, tt.x, 0))
			want := int64(5) * int64(tt.x.PerConn)
			if c := one.cs.total(); c.Sent != want || c.Received != want || c.Open() != 5 {
				t.Errorf("%+v, want %d messages", c, want)
			}
			workOver(t, one, newCloseAll(one.cs))
			_ = f.poll(0)
			for i := range f.list {
				if c := &f.list[i]; c.closed != 1 || c.reset || c.end != io.EOF {
					t.Errorf("slot %d: closed %d times, reset %v, its peer read on to %v", i, c.closed, c.reset, c.end)
				}
			}
		})
	}
}

// What send has accepted comes, and then the end, although the connection was closed
// before the inner transport took it. Who needs the slot does not wait for that.
func TestTLSLingers(t *testing.T) {
	one, f := overFarEnd(t, 2, 10_000, 1<<20)
	link := one.cs.link.(*tlsTransport)
	f.deaf, f.quiet = true, true
	message := bytes.Repeat([]byte("0123456789"), 5000)
	for slot := range int64(2) {
		if n := link.send(slot, message); n != len(message) {
			t.Fatalf("send took %d of %d bytes", n, len(message))
		}
		if n := link.send(slot, message); n != 0 {
			t.Errorf("without room it took %d bytes more", n)
		}
		link.close(slot, false)
		link.close(slot, false)
	}
	if f.list[0].closed+f.list[1].closed > 0 {
		t.Fatal("closed with something left to send")
	}
	if why := link.open(1); why != noCause || f.list[1].closed != 1 || !f.list[1].reset {
		t.Errorf("slot 1 opened again: %v; closed %d times, reset %v", why, f.list[1].closed, f.list[1].reset)
	}
	link.close(1, true)
	f.deaf = false
	nettest.Await(t, "the end of slot 0", func() bool {
		_ = link.poll(0)
		return f.list[0].end != nil
	})
	if c := &f.list[0]; c.closed != 1 || c.reset || !bytes.Equal(c.got, message) || c.end != io.EOF {
		t.Errorf("slot 0: closed %d times, reset %v; %d of %d bytes came, and then %v", c.closed, c.reset, len(c.got),
			len(message), c.end)
	}
}
