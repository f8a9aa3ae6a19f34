package echo

import (
	"cmp"
	"sync/atomic"
	"time"

	"github.com/panjf2000/gnet/v2"
	"github.com/panjf2000/gnet/v2/pkg/pool/byteslice"

	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/ws"
)

// DefaultHandshake is what a WebSocket handshake may take.
const DefaultHandshake = 10 * time.Second

const (
	// closeTime is what a peer has to end its half of a WebSocket connection
	// after our close frame or refusal.
	closeTime = 5 * time.Second
	// lingerTime is the same when the whole engine ends.
	lingerTime = 5 * time.Second
	// flushTime is what one wait for a slow reader may take of it.
	flushTime = time.Second
	// deadlineTick is how often OnTick looks for deadlines that have passed.
	deadlineTick = time.Second
	// flushEvery is how often a connection that is to be shut down, but whose
	// peer has not taken everything yet, is looked at.
	flushEvery = 20 * time.Millisecond
	// answerSize is what the answer to a handshake takes, as a rule.
	answerSize = 256
)

// wsEngine is what an engine with WebSocket ports has more.
type wsEngine struct {
	lim        ws.Limits
	outbound   int // bytes that may wait for a slow reader
	handshakes deadlines
	closings   deadlines
	linger     linger
	patience   atomic.Int64 // nanoseconds that may go into waiting for slow readers when all ends
}

func newWSEngine(cfg Config) *wsEngine {
	most := cmp.Or(cfg.MaxMessage, ws.DefaultMaxMessage)
	e := &wsEngine{
		lim: ws.Limits{MaxMessage: most},
		// A client may send a whole message before it begins to read.
		outbound:   cfg.MaxOutbound + int(most),
		handshakes: deadlines{after: cmp.Or(cfg.Handshake, DefaultHandshake)},
		closings:   deadlines{after: closeTime},
	}
	e.patience.Store(int64(lingerTime))
	return e
}

// expire closes what has taken too long.
func (e *Engine) expire(now time.Time) {
	e.ws.handshakes.expire(now, func() { e.ctr.Causes[HandshakeTimeout].Add(1) })
	e.ws.closings.expire(now, func() {})
}

// openWS gives a new connection the state of a handshake, and its deadline.
func (e *Engine) openWS(c gnet.Conn) {
	st := newWSConn(handshaking, c)
	c.SetContext(st)
	e.ws.handshakes.start(&st.due)
}

// closeWS takes leave of a connection that is going. If it is us who close it,
// between two frames, the peer is told.
func (e *Engine) closeWS(c gnet.Conn, st *wsConn, why error) {
	if why == nil && (st.phase == upgraded || st.phase == closing && e.draining.Load()) {
		e.goodbye(c, st)
	}
	st.free()
}

// goodbye sends the close frame 1001, unless another one is sent already, and
// leaves the rest to linger.
func (e *Engine) goodbye(c gnet.Conn, st *wsConn) {
	if st.phase == upgraded {
		if _, err := c.Write(ws.CloseFrame(nil, ws.CodeGoingAway, "")); err != nil {
			return
		}
	}
	if e.draining.Load() {
		e.flush(c)
	}
	if c.OutboundBuffered() > 0 {
		return // gnet tries once more to write what waits
	}
	sys.ShutdownWrite(c.Fd())
	if e.draining.Load() {
		e.ws.linger.take(c.Fd())
	}
}

// flush writes what waits for a slow reader, as long as it takes some of it
// now and then. The loop stands still meanwhile: it ends anyway. All connections
// together may take lingerTime.
func (e *Engine) flush(c gnet.Conn) {
	for c.OutboundBuffered() > 0 {
		left := time.Duration(e.ws.patience.Load())
		if left <= 0 {
			return
		}
		began := time.Now()
		ok := sys.AwaitWrite(c.Fd(), min(left, flushTime))
		e.ws.patience.Add(-int64(time.Since(began)))
		if !ok || c.Flush() != nil {
			return
		}
	}
}

// trafficWS acts on what has arrived on a WebSocket port.
func (e *Engine) trafficWS(c gnet.Conn, st *wsConn, in []byte) gnet.Action {
	if e.idle != nil && len(in) > 0 {
		e.idle.touch(c)
	}
	switch st.phase {
	case handshaking:
		return e.upgrade(c, st, in)
	case upgraded:
		return e.echoFrames(c, st, in)
	case closing: // what arrives is dropped
		if len(in) == 0 { // the timer's wake-up
			st.waking = false
		}
		e.shutdown(c, st)
	}
	return gnet.None
}

// upgrade answers the opening handshake once it is all there.
func (e *Engine) upgrade(c gnet.Conn, st *wsConn, in []byte) gnet.Action {
	buf := byteslice.Get(answerSize)
	answer, rest, ok := st.request(in, buf[:0], e.ws.lim)
	if answer == nil {
		byteslice.Put(buf)
		return gnet.None
	}
	st.due.stop()
	_, err := c.Write(answer)
	byteslice.Put(buf)
	switch {
	case err != nil:
		return gnet.None // the write has closed it
	case !ok:
		return e.closing(c, st, HandshakeRefused)
	}
	e.ctr.Upgraded.Add(1)
	c.SetContext(idle)
	st.free()
	if len(rest) > 0 {
		return e.echoFrames(c, idle, rest)
	}
	return gnet.None
}

// echoFrames echoes the frames in in, in place where it can. The connection has
// a state of its own from here on only if something is left half done.
func (e *Engine) echoFrames(c gnet.Conn, st *wsConn, in []byte) gnet.Action {
	for len(in) > 0 {
		step := st.frames(in, e.ws.lim)
		if st == idle && !step.idle() {
			st = newWSConn(upgraded, c)
			c.SetContext(st)
		}
		if st != idle {
			st.session = step.session
		}
		if len(step.out) > 0 {
			if _, err := c.Write(step.out); err != nil {
				return gnet.None // the write has closed it
			}
			e.ctr.Echoed(e.loopOf(c), step.sent.Messages, step.sent.Bytes)
			if c.OutboundBuffered() > e.ws.outbound {
				return e.dropSlow(c, st)
			}
		}
		if step.verdict.Closed() {
			return e.closing(c, st, causeOf(step.verdict))
		}
		if st != idle {
			st.settle(step)
		}
		in = step.left
	}
	if st != idle && st.resting() {
		c.SetContext(idle)
		st.free()
	}
	return gnet.None
}

// causeOf is the counter of a verdict, -1 for an orderly close.
func causeOf(v ws.Verdict) int {
	switch v.Cause {
	case ws.Protocol:
		return BadFrames
	case ws.UTF8:
		return BadUTF8
	case ws.TooBig:
		return TooBig
	}
	return -1
}

// dropSlow resets a connection whose peer does not read.
func (e *Engine) dropSlow(c gnet.Conn, st *wsConn) gnet.Action {
	e.ctr.Causes[SlowReader].Add(1)
	c.SetContext(dropped)
	st.free()
	_ = c.SetLinger(0)
	return gnet.Close
}

// closing ends our half once everything is written, drains the other's and
// gives it a deadline: closing at once would reset a peer that is still
// sending, and the close frame might be lost.
func (e *Engine) closing(c gnet.Conn, st *wsConn, cause int) gnet.Action {
	if cause >= 0 {
		e.ctr.Causes[cause].Add(1)
	}
	if !st.shared() {
		st.free()
	}
	st = newWSConn(closing, c)
	c.SetContext(st)
	e.ws.closings.start(&st.due)
	e.shutdown(c, st)
	return gnet.None
}

// shutdown ends our half, now or as soon as the peer has taken what waits.
func (e *Engine) shutdown(c gnet.Conn, st *wsConn) {
	switch {
	case st.shut:
	case c.OutboundBuffered() == 0:
		st.shut = true
		sys.ShutdownWrite(c.Fd())
	case !st.waking:
		st.waking = true
		time.AfterFunc(flushEvery, func() { _ = c.Wake(nil) })
	}
}
