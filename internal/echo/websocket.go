package echo

import (
	"time"

	"github.com/c10m/c10m/internal/ws"
)

const (
	// closeTime is how long a peer may take for its close frame after ours, and then
	// for its FIN after ours.
	closeTime = 5 * time.Second
	// maxRefused is how many bytes are read from a peer after a request that was
	// refused: enough for what was in flight, since closing with unread bytes would
	// reset the connection and the answer might be lost.
	maxRefused = 256 << 10
	// maxClosing is the same after a close frame: a peer may be in the middle of a
	// large message.
	maxClosing = 64 << 20
)

// tlsHandshake is the first byte of TLS: a record of type handshake, RFC 8446
// section 5.1. No request begins with it.
const tlsHandshake = 0x16

// handshake answers the opening handshake (RFC 6455 section 4.2) once it is all there.
func (l *Loop) handshake(s *Session, in []byte) (*Session, Next) {
	at, before := in, len(s.held.bytes())
	if before > 0 {
		s.held = s.held.join(in[:min(len(in), ws.DefaultMaxHeader)]) // a longer one is refused
		at = s.held.bytes()
	}
	cause := HandshakeRefused
	if len(at) > 0 && at[0] == tlsHandshake {
		cause = TLSHello
	}
	n, answer, ok := ws.Upgrade(at, l.answer[:0], ws.Limits{Deflate: l.core.Deflate})
	if n == 0 {
		if before == 0 && len(in) > 0 {
			s.held = s.held.join(in)
		}
		return l.next(s)
	}
	s.deflates = ok && l.core.Deflate && ws.Deflates(at[:n])
	s.held.free()
	s.held = nil
	l.handshakes.remove(s)
	rest := in[max(0, n-before):]
	if !ok {
		return l.ended(s, answer, len(rest), cause)
	}
	s.phase = open
	if _, sent := l.send(int(s.fd), int(s.port), open, s, answer); !sent {
		return s, Abort
	}
	l.ctr.Upgraded.Add(1)
	return l.frames(int(s.fd), int(s.port), s, rest)
}

// ended counts a failed handshake and sends its refusal, if there is one. left is how
// many bytes have come that are dropped.
func (l *Loop) ended(s *Session, refusal []byte, left, cause int) (*Session, Next) {
	l.ctr.Causes[cause].Add(1)
	s.phase, s.dropped = over, int64(left)
	if len(refusal) > 0 {
		if _, sent := l.send(int(s.fd), int(s.port), over, s, refusal); !sent {
			return s, Abort
		}
	}
	return l.next(s)
}

// frames echoes the frames in in, in place where possible. The connection has a
// session from here on only if something is incomplete.
func (l *Loop) frames(fd, port int, s *Session, in []byte) (*Session, Next) {
	lim := ws.Limits{MaxMessage: l.core.MaxMessage, Deflate: s != nil && s.deflates}
	for len(in) > 0 {
		p := s.step(in, lim)
		if s == nil && !p.idle() {
			s = l.take(fd, port, open)
		}
		if s != nil {
			s.ws = p.session
		}
		if len(p.out) > 0 {
			var ok bool
			if s, ok = l.send(fd, port, open, s, p.out); !ok {
				return s, Abort
			}
			l.ctr.Echoed(l.index, p.sent.Messages, p.sent.Bytes)
		}
		if p.verdict.Closed() {
			return l.closed(s, causeOf(p.verdict))
		}
		if s != nil {
			s.settle(p)
		}
		in = p.left
	}
	return l.next(s)
}

// causeOf is the cause that a verdict is counted as; NoCause for an orderly close.
func causeOf(v ws.Verdict) int {
	switch v.Cause {
	case ws.Protocol:
		return BadFrames
	case ws.UTF8:
		return BadUTF8
	case ws.TooBig:
		return TooBig
	}
	return NoCause
}

// step is the outcome of Session.step.
type step struct {
	session *ws.Session
	out     []byte // to be sent before settle
	sent    ws.Count
	kept    []byte // of the input: to be held
	left    []byte // of the input: not looked at yet
	done    int    // of held: not needed any more
	verdict ws.Verdict
}

// idle says whether a connection that had no session before this step needs none after
// it.
func (p *step) idle() bool { return p.session == nil && len(p.kept) == 0 && !p.verdict.Closed() }

// step gives what is held, and in, to ws.Echo. step.left is the part of in for the next
// step; it is empty once all of in has been taken. s may be nil.
func (s *Session) step(in []byte, lim ws.Limits) step {
	var session *ws.Session
	before := 0
	if s != nil {
		session, before = s.ws, len(s.held.bytes())
	}
	if before == 0 {
		next, out, n, sent, v := ws.Echo(session, in, lim)
		return step{session: next, out: out, sent: sent, kept: in[n:], verdict: v}
	}
	k := min(len(in), ws.MaxHeld) // more than enough for the frame that is waited for
	s.held = s.held.join(in[:k])
	next, out, n, sent, v := ws.Echo(session, s.held.bytes(), lim)
	if n >= before { // what is left lies in in, too
		return step{session: next, out: out, sent: sent, left: in[n-before:], done: before + k, verdict: v}
	}
	return step{session: next, out: out, sent: sent, left: in[k:], done: n, verdict: v}
}

// settle keeps what a step left over, once the step's output is sent or queued: that
// output may be the same memory.
func (s *Session) settle(p step) {
	s.ws = p.session.Sent()
	if p.done > 0 {
		if s.held.from += p.done; len(s.held.bytes()) == 0 {
			s.held.free()
			s.held = nil
		}
	}
	if len(p.kept) > 0 {
		s.held = s.held.join(p.kept)
	}
}

// closed waits for the peer's close frame, or if that has arrived already for its
// FIN, before the connection is closed: closing at once would reset a peer that is
// still sending, and ending our half would let a proxy end the connection, before
// the close frame has reached the peer (RFC 6455 section 7.1.1).
func (l *Loop) closed(s *Session, cause int) (*Session, Next) {
	if cause >= 0 {
		l.ctr.Causes[cause].Add(1)
	}
	s.held.free()
	s.held = nil
	s.phase = closing
	if s.ws = s.ws.Sent(); s.ws == nil {
		s.phase = over
	}
	s.deadline(&l.closings, closeTime)
	return l.next(s)
}

// goAway sends the close frame 1001 (going away, RFC 6455 section 7.4.1). It can be
// sent between any two steps, because none ends inside a frame that we send.
func (l *Loop) goAway(fd, port int, s *Session) (*Session, Next) {
	var held *block
	if s == nil {
		s = l.take(fd, port, open)
	}
	held, s.held = s.held, nil
	s.ws = ws.Leave(s.ws)
	if ws.Skip(s.ws, held.bytes()) {
		s.ws.Free()
		s.ws = nil
	}
	held.free()
	if _, ok := l.send(fd, port, open, s, ws.CloseFrame(l.answer[:0], ws.CodeGoingAway, "")); !ok {
		return s, Abort
	}
	return l.closed(s, NoCause)
}

// discard drops what a peer sends after our close frame, up to its own close frame
// and a bound.
func (l *Loop) discard(s *Session, in []byte) (*Session, Next) {
	s.dropped += int64(len(in))
	if s.phase == closing && ws.Skip(s.ws, in) {
		s.ws.Free()
		s.ws, s.phase, s.dropped = nil, over, 0
	}
	most := int64(maxRefused)
	if s.phase == closing {
		most = maxClosing
	}
	if s.dropped > most {
		return s, Close
	}
	return l.next(s)
}

// overdue ends a closing connection whose peer took too long: first our half, then
// the connection. While its peer reads output it has the time of Config.Stall.
func (l *Loop) overdue(s *Session) {
	switch {
	case s.out.size > 0:
		s.deadline(&l.closings, closeTime)
	case s.phase == closing:
		s.phase, s.dropped = over, 0
		s, next := l.next(s)
		l.conns.Turn(s, next)
	default:
		l.conns.Turn(s, Close)
	}
}
