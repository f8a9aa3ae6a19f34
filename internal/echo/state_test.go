package echo

import (
	"testing"

	"github.com/panjf2000/gnet/v2"

	"github.com/c10m/c10m/internal/ws"
)

// fakeConn is a connection of an engine that does not run: what the test puts
// into in has just been read, what is written is kept in out.
type fakeConn struct {
	gnet.Conn
	context any
	in, out []byte
}

// fakeLoop is the event loop that it is on.
type fakeLoop struct{ gnet.EventLoop }

var loop = new(fakeLoop)

func (c *fakeConn) EventLoop() gnet.EventLoop { return loop }
func (c *fakeConn) Context() any              { return c.context }
func (c *fakeConn) SetContext(v any)          { c.context = v }
func (c *fakeConn) Fd() int                   { return 7 }
func (c *fakeConn) OutboundBuffered() int     { return 0 }
func (c *fakeConn) Close() error              { return nil }

func (c *fakeConn) Next(int) ([]byte, error) {
	in := c.in
	c.in = nil
	return in, nil
}

func (c *fakeConn) Write(b []byte) (int, error) {
	c.out = append(c.out, b...)
	return len(b), nil
}

// arrive has the engine act on bytes that have been read at once.
func (c *fakeConn) arrive(tb testing.TB, e *Engine, b []byte) {
	tb.Helper()
	c.in = b
	if action := e.OnTraffic(c); action != gnet.None {
		tb.Fatalf("action %v after %d bytes", action, len(b))
	}
}

// upgradedConn is a WebSocket connection after its handshake.
func upgradedConn(tb testing.TB) (*Engine, *fakeConn) {
	tb.Helper()
	e, c := &Engine{cfg: wsPort, ctr: new(Counters)}, new(fakeConn)
	e.ws = newWSEngine(e.cfg)
	e.openWS(c)
	c.arrive(tb, e, []byte(request))
	if c.out = c.out[:0]; e.ctr.Upgraded.Load() != 1 {
		tb.Fatal("not upgraded")
	}
	return e, c
}

// TestIdleIsShared: a WebSocket connection has a state of its own only while
// something is half done. Between messages its context is the one constant that
// all share, after the handshake, after fragments, after a frame in two reads,
// after one that was streamed.
func TestIdleIsShared(t *testing.T) {
	e, c := upgradedConn(t)
	own := func(when string, want bool) {
		t.Helper()
		if st, ok := c.context.(*wsConn); !ok || (st != idle) != want {
			t.Errorf("%s: a state of its own: %v, want %v", when, st != idle, want)
		}
	}
	own("after the handshake", false)
	whole := ws.AppendFrame(nil, ws.OpText, []byte("whole"), 9)
	c.arrive(t, e, append([]byte(nil), whole...))
	own("after a message", false)

	fragment := ws.AppendFrame(nil, ws.OpText, []byte("frag"), 9)
	fragment[0] &^= 0x80 // not the last
	c.arrive(t, e, fragment)
	own("inside a fragmented message", true)
	c.arrive(t, e, ws.AppendFrame(nil, ws.OpPing, nil, 9))
	own("inside it after a ping", true)
	c.arrive(t, e, ws.AppendFrame(nil, ws.OpContinuation, []byte("ments"), 9))
	own("after a fragmented message", false)

	for cut := 1; cut < len(whole); cut++ {
		b := append([]byte(nil), whole...)
		c.arrive(t, e, b[:cut])
		own("inside a frame", true)
		c.arrive(t, e, b[cut:])
		own("after a frame in two reads", false)
	}

	large := ws.AppendFrame(nil, ws.OpBinary, make([]byte, 100_000), 9)
	for len(large) > 0 {
		n := min(len(large), 30_000)
		c.arrive(t, e, large[:n])
		large = large[n:]
		own("in a streamed frame", len(large) > 0)
	}
	if m, b := e.ctr.Messages(); m != int64(3+len(whole)-1) || b != int64(5*len(whole)+9+100_000) {
		t.Errorf("%d messages of %d bytes", m, b)
	}
}
