package echo

import (
	"sync"
	"time"
	"unsafe"

	"github.com/c10m/c10m/internal/secure"
	"github.com/c10m/c10m/internal/ws"
)

// Session is the state of a connection in the middle of something: its handshake,
// a message or frame that is incomplete, its end, output that its peer does not
// read. It comes from a pool and goes back to it; an idle connection has none
// unless it speaks TLS, or has agreed to permessage-deflate.
type Session struct {
	Owner any // the engine's own

	loop     *Loop
	fd       int32
	port     uint16
	phase    phase
	finished bool // nothing more will be added to out: close once it is empty
	shut     bool // our half of the connection is shut down
	slow     bool // too much waits in out: nothing is read until half of it is gone
	notified bool // close_notify has been sent (TLS)

	deflates bool // WebSocket: messages may be compressed

	conn    *secure.Conn  // encrypts and decrypts; nil without TLS, or before its handshake is done
	tls     *handshakeTLS // TLS: the handshake under way
	ws      *ws.Session   // of the message under way, or of the wait for the peer's close frame
	held    *block        // what arrived and waits for more
	out     queue         // what the socket did not take yet
	dropped int64         // bytes read and dropped since our close frame
	charged int64         // bytes of the budget
	due     time.Duration // deadline, for the list links[byDeadline]
	moved   time.Duration // when the socket last took some of out, for the list links[byProgress]
	unsent  int           // bytes that the socket itself held at the last look, or notLooked
	links   [2]link
}

// phase of a connection with a session.
type phase uint8

const (
	plain          phase = iota // TCP
	awaitingHello               // TLS: the ClientHello is not all there
	handshakingTLS              // TLS: its handshake is under way
	handshaking                 // WebSocket: the request is not all there
	open                        // WebSocket: frames
	closing                     // WebSocket: our close frame is sent, the peer's is awaited
	over                        // close frames are exchanged, or the handshake refused: the peer's FIN is awaited
)

// FD is the connection's socket, as the engine named it.
func (s *Session) FD() int { return int(s.fd) }

// Port is the index of its listening port.
func (s *Session) Port() int { return int(s.port) }

// Conns is the engine's side of its loop.
func (s *Session) Conns() Conns { return s.loop.conns }

// Waiting is how many bytes of output wait for the peer.
func (s *Session) Waiting() int { return s.out.size }

const sessionSize = int64(unsafe.Sizeof(Session{}))

var sessions = sync.Pool{New: func() any { return new(Session) }}

// take gives a connection a session.
func (l *Loop) take(fd, port int, p phase) *Session {
	s := sessions.Get().(*Session)
	s.loop, s.fd, s.port, s.phase, s.moved = l, int32(fd), uint16(port), p, l.clock()
	l.partial.push(s)
	l.charge(s, sessionSize)
	return s
}

// free gives a session back to the pool, and all that it keeps.
func (l *Loop) free(s *Session) {
	for _, k := range s.links {
		if k.in != nil {
			k.in.remove(s)
		}
	}
	if s.tls != nil {
		s.tls.s = nil
		s.tls.move(nil)
		s.tls.conn.Drop()
	}
	s.ws.Free()
	s.held.free()
	s.out.drop()
	l.charge(s, 0)
	*s = Session{}
	sessions.Put(s)
}

// resting says whether nothing is under way any more.
func (s *Session) resting() bool {
	return (s.phase == plain || s.phase == open) && !s.finished && s.ws == nil && s.held == nil && s.out.size == 0 &&
		s.kept() == 0
}

// ending says whether a connection's end has begun already. s may be nil.
func (s *Session) ending() bool {
	return s != nil && (s.finished || s.phase == closing || s.phase == over)
}

// The kinds of lists. A session is in at most one of each.
const (
	byDeadline = iota
	byProgress
)

// link is a session's place in a list.
type link struct {
	in         *list
	prev, next *Session
}

// list is a linked list of one loop's sessions, oldest first. All sessions of a list
// have the same time to live, so the first is due first, and no connection needs a timer.
type list struct {
	kind        int
	n           int
	first, last *Session
}

// push puts s at the end, taking it out of any list of this kind.
func (l *list) push(s *Session) {
	k := &s.links[l.kind]
	if k.in != nil {
		k.in.remove(s)
	}
	k.in, k.prev = l, l.last
	if l.last != nil {
		l.last.links[l.kind].next = s
	} else {
		l.first = s
	}
	l.last = s
	l.n++
}

func (l *list) remove(s *Session) {
	k := &s.links[l.kind]
	if k.prev != nil {
		k.prev.links[l.kind].next = k.next
	} else {
		l.first = k.next
	}
	if k.next != nil {
		k.next.links[l.kind].prev = k.prev
	} else {
		l.last = k.prev
	}
	*k = link{}
	l.n--
}

// Detach removes s from its loop, so that another loop, also of another thread, can
// Attach it.
func (l *Loop) Detach(s *Session) {
	for _, k := range s.links {
		if k.in != nil {
			k.in.remove(s)
		}
	}
	l.used -= s.charged
	if s.tls != nil {
		s.tls.move(nil)
	}
}

// Attach takes over a connection that another loop has detached, under another
// fd of the same socket. s may be nil: it is idle.
func (l *Loop) Attach(fd int, s *Session) Next {
	if s == nil {
		return Read
	}
	s.loop, s.fd, s.moved = l, int32(fd), l.clock()
	l.used += s.charged
	switch {
	case s.out.size > 0:
		l.waiting.push(s)
	case !s.resting():
		l.partial.push(s)
	}
	switch s.phase {
	case awaitingHello, handshakingTLS, handshaking:
		s.deadline(&l.handshakes, l.core.Handshake)
	case closing, over:
		s.deadline(&l.closings, closeTime)
	}
	if s.tls != nil {
		s.tls.move(l)
	}
	return l.interest(s)
}
