package echo

import (
	"time"

	"github.com/c10m/c10m/internal/sys"
)

// Loop is the part of a Core that one event loop has to itself: only its thread
// calls the methods, and nothing here is locked.
type Loop struct {
	core   *Core
	ctr    *Counters
	index  int
	conns  Conns
	socket socket
	clock  func() time.Duration
	used   int64  // bytes of the budget
	answer []byte // buffer for the answer to an opening handshake
	inbox  inbox  // TLS handshakes that have something to send, or are done

	// By deadline: handshakes and closing handshakes that are not done.
	handshakes, closings list
	// By progress: sessions with output that waits for the peer, and the others.
	waiting, partial list
}

// answerSize is what the answer to a handshake takes, as a rule.
const answerSize = 512

// Loop makes the part of event loop i, from 0 on.
func (c *Core) Loop(i int, conns Conns) *Loop {
	l := &Loop{core: c, ctr: c.ctr, index: i, conns: conns, socket: kernel{}, clock: c.clock}
	l.answer = make([]byte, 0, answerSize)
	l.waiting.kind, l.partial.kind = byProgress, byProgress
	return l
}

// Open begins an admitted connection.
func (l *Loop) Open(fd, port int) *Session {
	if l.core.TLS != nil {
		return l.openTLS(fd, port)
	}
	if l.core.Ports[port].Proto == TCP {
		return nil
	}
	s := l.take(fd, port, handshaking)
	s.deadline(&l.handshakes, l.core.Handshake)
	return s
}

// deadline ends s after that time, unless it is taken out of the list before. All
// sessions of one list must have the same time, so that it stays in order.
func (s *Session) deadline(in *list, after time.Duration) {
	s.due = s.loop.clock() + after
	in.push(s)
}

// Input takes bytes that were read from a connection and echoes them. The bytes
// are overwritten, and none of them is kept.
func (l *Loop) Input(fd, port int, s *Session, in []byte) (*Session, Next) {
	switch {
	case s == nil:
	case s.conn != nil:
		return l.decrypt(s, in)
	case s.tls != nil:
		s.tls.conn.Feed(in)
		return l.next(s)
	case s.phase == awaitingHello:
		return l.hello(s, in)
	}
	return l.handle(fd, port, s, in)
}

// handle is Input of plaintext.
func (l *Loop) handle(fd, port int, s *Session, in []byte) (*Session, Next) {
	if s == nil {
		if l.core.Ports[port].Proto == TCP {
			return l.echo(fd, port, nil, in)
		}
		return l.frames(fd, port, nil, in)
	}
	switch s.phase {
	case plain:
		return l.echo(fd, port, s, in)
	case handshaking:
		return l.handshake(s, in)
	case open:
		return l.frames(fd, port, s, in)
	}
	return l.discard(s, in)
}

// endOfTransmission is EOT in ASCII.
const endOfTransmission = 0x04

// echo sends back what came in on a TCP port. Where bytes have no bounds, each
// read is a message.
func (l *Loop) echo(fd, port int, s *Session, in []byte) (*Session, Next) {
	n, last := len(in), len(in) > 0 && in[len(in)-1] == endOfTransmission
	s, ok := l.send(fd, port, plain, s, in)
	if !ok {
		return s, Abort
	}
	l.ctr.Echoed(l.index, 1, n)
	if last && l.core.CloseOnEOT {
		if s == nil {
			return nil, Close
		}
		s.finished = true
	}
	return l.next(s)
}

// send writes out, encrypted if the connection is, and keeps what the socket does
// not take behind what waits already. It is false if the connection is broken.
func (l *Loop) send(fd, port int, p phase, s *Session, out []byte) (*Session, bool) {
	if s == nil || s.conn == nil {
		return l.put(fd, port, p, s, out)
	}
	return s, s.conn.Write(out) == nil && l.flush(s, s.conn)
}

// put is send without encryption. A socket may take only a part because the peer's
// kernel is just taking what was sent before, so it is asked until it takes nothing.
func (l *Loop) put(fd, port int, p phase, s *Session, out []byte) (*Session, bool) {
	if s == nil || s.out.size == 0 {
		for {
			n, errno := l.write(fd, out)
			if errno != 0 {
				return s, false
			}
			if out = out[n:]; len(out) == 0 {
				return s, true
			}
			if n == 0 {
				break
			}
		}
		if s == nil {
			s = l.take(fd, port, p)
		}
		l.progress(s)
	}
	s.out.put(out)
	return s, true
}

// progress notes that the socket has taken some of what waits for the peer.
func (l *Loop) progress(s *Session) {
	s.moved, s.unsent = l.clock(), notLooked
	l.waiting.push(s)
}

// notLooked is Session.unsent until Tick has asked the socket.
const notLooked = -1

// lookAfter is when Tick asks how much the socket itself holds for a peer: by then
// the peer's kernel has taken what it has room for.
const lookAfter = time.Second

// stalled ends connections whose peers have read nothing for --stall. A socket reports
// room (EPOLLOUT) only when a third of its send buffer is free, which may be megabytes.
// So stalled also asks how much unsent data the socket holds: a peer that takes a little
// of that is slow, not stalled.
func (l *Loop) stalled(now time.Duration) {
	k := byProgress
	for s := l.waiting.last; s != nil && (now-s.moved < lookAfter || s.unsent == notLooked); s = s.links[k].prev {
		if now-s.moved >= lookAfter {
			s.unsent = l.socket.Unsent(int(s.fd))
		}
	}
	for s := l.waiting.first; s != nil && now-s.moved >= l.core.Stall; s = l.waiting.first {
		if left := l.socket.Unsent(int(s.fd)); left < s.unsent {
			l.progress(s)
			s.unsent = left
			continue
		}
		l.waiting.remove(s)
		l.ctr.Causes[SlowReader].Add(1)
		l.conns.Turn(s, Abort)
	}
}

// write is send(2): how much the socket took, an error if it is broken.
func (l *Loop) write(fd int, p []byte) (int, sys.Errno) {
	for {
		n, errno := l.socket.Send(fd, p)
		switch errno {
		case sys.EINTR:
			continue
		case sys.EAGAIN, sys.ENOBUFS, sys.ENOMEM:
			return 0, 0
		}
		return n, errno
	}
}

// Writable sends what waits, when the socket has room.
func (l *Loop) Writable(_, _ int, s *Session) (*Session, Next) {
	for s != nil && s.out.size > 0 {
		p := s.out.first.bytes()
		n, errno := l.write(int(s.fd), p)
		if errno != 0 {
			return s, Abort
		}
		if n > 0 {
			s.out.took(n)
			l.progress(s)
		}
		if n < len(p) {
			break
		}
	}
	return l.next(s)
}

// EOF handles a peer's FIN. What waits for the peer is still sent.
func (l *Loop) EOF(_, _ int, s *Session) (*Session, Next) {
	if s != nil && (s.conn != nil || s.tls != nil || s.phase == awaitingHello) {
		return l.endedTLS(s)
	}
	if s == nil || s.out.size == 0 {
		return s, Close
	}
	s.finished = true
	return l.next(s)
}

// next finishes the handling of a connection: what to send, what it is charged,
// whether it still needs a session, and how it goes on.
func (l *Loop) next(s *Session) (*Session, Next) {
	if s == nil {
		return nil, Read
	}
	if s.conn != nil && !s.notified && (s.finished || s.phase == over) && !l.closeNotify(s) {
		return s, Abort
	}
	if s.out.size == 0 {
		if s.finished {
			return s, Close
		}
		if s.resting() {
			return l.rest(s), Read
		}
		if s.phase == over && !s.shut {
			s.shut = true
			l.socket.ShutdownWrite(int(s.fd))
			s.deadline(&l.closings, closeTime)
		}
		if s.links[byProgress].in != &l.partial {
			l.partial.push(s)
		}
	}
	l.charge(s, sessionSize+s.held.size()+s.out.memory+s.kept())
	if l.shed(s) {
		return s, Abort
	}
	return s, l.interest(s)
}

// rest is called when nothing is under way any more. It frees the session, but for one
// of TLS, which stays and is idle.
func (l *Loop) rest(s *Session) *Session {
	if s.conn == nil && !s.deflates {
		l.free(s)
		return nil
	}
	if in := s.links[byProgress].in; in != nil {
		in.remove(s)
	}
	s.slow = false
	l.charge(s, 0)
	return s
}

// interest is what to wait for. A slow peer is read from again once half of what
// may wait for it is gone.
func (l *Loop) interest(s *Session) Next {
	most := l.most()
	if s.slow {
		most /= 2
	}
	s.slow = s.out.size > 0 && s.out.size > most
	switch early := s.early(); {
	case s.out.size == 0 && early:
		return Pause
	case s.out.size == 0:
		return Read
	case s.slow, s.finished, early:
		return Write
	}
	return ReadWrite
}

// Leave ends a connection, for cause or for NoCause. A WebSocket peer is sent a
// close frame (1001) if its handshake is done; the connection goes on until the
// closing handshake is done.
func (l *Loop) Leave(fd, port int, s *Session, cause int) (*Session, Next) {
	if cause >= 0 && !s.ending() {
		l.ctr.Causes[cause].Add(1)
	}
	switch {
	case l.core.Ports[port].Proto == WS && (s == nil || s.phase == open):
		return l.goAway(fd, port, s)
	case s == nil || s.phase == awaitingHello || s.phase == handshakingTLS || s.phase == handshaking && s.conn == nil:
		return s, Close
	case s.phase == plain || s.phase == handshaking:
		s.finished = true
	}
	return l.next(s)
}

// Gone removes an admitted connection from the counts. It is called once for each.
func (l *Loop) Gone(_, port int, s *Session) {
	if s != nil {
		l.free(s)
	}
	l.left(port)
}

// tick is how often deadlines are checked.
const tick = 250 * time.Millisecond

// TickEvery is how often Tick is to be called from now on; 0: not at all.
func (l *Loop) TickEvery() time.Duration {
	if l.waiting.n+l.partial.n == 0 {
		return 0
	}
	return tick
}

// Tick ends connections that have missed a deadline, and sheds while the budget is
// overdrawn.
func (l *Loop) Tick() {
	now := l.clock()
	for s := l.handshakes.first; s != nil && s.due <= now; s = l.handshakes.first {
		l.handshakes.remove(s)
		cause := HandshakeTimeout
		if s.phase != handshaking {
			cause = TLSTimeout
		}
		l.ctr.Causes[cause].Add(1)
		l.conns.Turn(s, Close)
	}
	for s := l.closings.first; s != nil && s.due <= now; s = l.closings.first {
		l.closings.remove(s)
		l.overdue(s)
	}
	l.stalled(now)
	l.shed(nil)
}
