package echo

import (
	"io"
	"sync"
	"time"

	"github.com/c10m/c10m/internal/secure"
)

// TLS lies between a connection's socket and its session: what Input is given is
// decrypted before it is looked at, what send is given is encrypted, and the end
// of our half is said by an alert first. Such a connection keeps its session while
// it is idle.
//
// Until the ClientHello is all there it is kept as bytes, so that a peer that says
// nothing has no part of the set of handshakes. Then the handshake runs in a
// goroutine of that set, and tells the loop what is to be sent, and how it ended.

// How many handshakes may be under way at once in one process, and how long one
// may wait for its peer while others cannot begin.
const (
	mostHandshakes = 4096
	patience       = time.Second
)

// What a handshake takes beside what it was sent: queued, and once it is under way,
// with its goroutine's stack, its keys and the transcript.
const (
	queuedSize    = 2 << 10
	handshakeSize = 24 << 10
)

// maxEarly is how much is read from a peer while its handshake is not done yet.
const maxEarly = 64 << 10

// shake is a handshake under way. Its goroutine tells the loop of news.
type shake struct {
	core  *Core
	conn  *secure.Conn
	s     *Session // the loop's; nil: the connection is gone
	begun bool     // the loop's: it has said something
	ended bool     // the loop's: the peer has ended its half

	mu   sync.Mutex
	loop *Loop // nil: it is on its way to another
	told bool  // the loop is to look, or the next one
	over bool
	err  error // if over
}

// greet begins a connection of TLS.
func (l *Loop) greet(fd, port int) *Session {
	s := l.take(fd, port, greeting)
	s.deadline(&l.handshakes, l.core.Handshake)
	return s
}

// greeted takes what a peer says until a handshake can begin.
func (l *Loop) greeted(s *Session, in []byte) (*Session, Next) {
	at, rest := in, []byte(nil)
	if s.held != nil {
		n := min(len(in), secure.MaxGreeting)
		s.held = s.held.join(in[:n])
		at, rest = s.held.bytes(), in[n:]
	}
	switch secure.GreetingOf(at) {
	case secure.Partial:
		if s.held == nil {
			s.held = s.held.join(in)
		}
		return l.next(s)
	case secure.Plain:
		return l.plainText(s, at)
	}
	h := &shake{core: l.core, conn: secure.Server(l.core.TLS), s: s, loop: l}
	h.conn.Feed(at)
	l.core.ctr.TLSUnderWay.Add(1)
	l.core.pool.Handshake(h.conn, h.news, h.end)
	h.conn.Feed(rest)
	s.held.free()
	s.held, s.shake, s.phase = nil, h, shaking
	return l.next(s)
}

// notHTTPS answers who asks for a page, or a WebSocket, without TLS.
const notHTTPS = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: " +
	"41\r\n\r\nThis port speaks TLS: https:// or wss://\n"

// plainText refuses a peer that does not speak TLS.
func (l *Loop) plainText(s *Session, said []byte) (*Session, Next) {
	answer := ""
	if said[0] >= 'A' && said[0] <= 'Z' { // a method, RFC 9110 section 9
		answer = notHTTPS
	}
	n := len(said)
	s.held.free()
	s.held = nil
	l.handshakes.remove(s)
	return l.ended(s, []byte(answer), n, TLSPlainText)
}

// news has the loop look at the handshake; any thread may call it.
func (h *shake) news() {
	h.mu.Lock()
	l, first := h.loop, !h.told
	h.told = true
	h.mu.Unlock()
	if first && l != nil {
		l.inbox.put(l, h)
	}
}

// end is the end of the handshake; any thread may call it.
func (h *shake) end(err error) {
	h.core.ctr.TLSUnderWay.Add(-1)
	if err == nil {
		h.core.ctr.TLSDone.Add(1)
		if h.conn.State().DidResume {
			h.core.ctr.TLSResumed.Add(1)
		}
	}
	h.mu.Lock()
	h.over, h.err = true, err
	h.mu.Unlock()
	h.news()
}

// look takes the news, if l is still the one to.
func (h *shake) look(l *Loop) (here, over bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.loop != l {
		return false, false, nil
	}
	h.told = false
	return true, h.over, h.err
}

// move gives the handshake to another loop, or to none.
func (h *shake) move(to *Loop) {
	h.mu.Lock()
	h.loop = to
	told := h.told
	h.mu.Unlock()
	if told && to != nil {
		to.inbox.put(to, h)
	}
}

// inbox is the handshakes that have news for a loop.
type inbox struct {
	mu   sync.Mutex
	list []*shake
}

func (b *inbox) put(l *Loop, h *shake) {
	b.mu.Lock()
	b.list = append(b.list, h)
	first := len(b.list) == 1
	b.mu.Unlock()
	if first {
		l.conns.Wake()
	}
}

// Told looks at what handshakes have to say. The engine calls it after Wake.
func (l *Loop) Told() {
	l.inbox.mu.Lock()
	list := l.inbox.list
	l.inbox.list = nil
	l.inbox.mu.Unlock()
	for _, h := range list {
		here, over, err := h.look(l)
		s := h.s
		if !here || s == nil {
			continue
		}
		h.begun = true
		var next Next
		switch {
		case !over:
			s, next = l.flushed(s, h.conn)
		case err != nil:
			l.handshakes.remove(s)
			s.said = h.ended // then no end is awaited
			s, next = l.insecure(s, h.conn, causeOfTLS(err))
		default:
			s, next = l.secured(s, h)
		}
		l.conns.Turn(s, next)
	}
}

// secured is the end of a handshake that was agreed on.
func (l *Loop) secured(s *Session, h *shake) (*Session, Next) {
	l.handshakes.remove(s)
	s.conn, s.shake = h.conn, nil
	s.phase = plain
	if l.core.Ports[s.port].Proto == WS {
		s.phase = handshaking
		s.deadline(&l.handshakes, l.core.Handshake)
	}
	return l.decrypt(s, nil)
}

// flushed sends what c has to say.
func (l *Loop) flushed(s *Session, c *secure.Conn) (*Session, Next) {
	if !l.flush(s, c) {
		return s, Abort
	}
	return l.next(s)
}

// flush is flushed without what follows; false if the connection is broken.
func (l *Loop) flush(s *Session, c *secure.Conn) bool {
	out := c.Pending()
	if len(out) == 0 {
		return true
	}
	_, ok := l.put(int(s.fd), int(s.port), s.phase, s, out)
	c.Sent(len(out))
	return ok
}

// work is what is read from TLS at a time.
type work [64 << 10]byte

var works = sync.Pool{New: func() any { return new(work) }}

// decrypt takes ciphertext that came and handles what is in it.
func (l *Loop) decrypt(s *Session, in []byte) (*Session, Next) {
	w := works.Get().(*work)
	defer works.Put(w)
	c := s.conn
	if len(in) > 0 {
		c.Feed(in)
	}
	for {
		n, err := 0, error(nil)
		for err == nil && n <= len(w)-secure.MaxPlaintext {
			var more int
			more, err = c.Read(w[n:])
			n += more
		}
		next := Read
		if n > 0 {
			s, next = l.handle(int(s.fd), int(s.port), s, w[:n])
		}
		switch {
		case next.Ends() || s.said:
			c.Rest()
			return s, next
		case err == nil:
			continue
		case err == secure.ErrWait:
			return l.flushed(s, c) // a new key may have been asked for
		case err == io.EOF || secure.CauseOf(err) == secure.Closed:
			s.said = true // what waits is sent, and our own end
			return l.flushed(s, c)
		}
		return l.insecure(s, c, causeOfTLS(err))
	}
}

// insecure ends a connection whose TLS has failed, so that its peer sees our
// alert.
func (l *Loop) insecure(s *Session, c *secure.Conn, cause int) (*Session, Next) {
	s.held.free()
	s.ws.Free()
	s.held, s.ws, s.conn, s.shake, s.phase = nil, nil, nil, nil, over
	if !l.flush(s, c) {
		l.ctr.Causes[cause].Add(1)
		return s, Abort
	}
	return l.ended(s, nil, 0, cause)
}

// farewell says that nothing more will be sent, before our half is ended.
func (l *Loop) farewell(s *Session) bool {
	s.bade = true
	return s.conn.Shutdown() == nil && l.flush(s, s.conn)
}

// endedTLS is a peer that has ended its half by a FIN, in the middle of a handshake
// or later. Without a close_notify before it counts as one.
func (l *Loop) endedTLS(s *Session) (*Session, Next) {
	switch {
	case s.phase == greeting:
		if s.held != nil { // who only looks whether the port is open is no failure
			l.ctr.Causes[TLSClosed].Add(1)
		}
		return s, Close
	case s.shake != nil:
		s.shake.ended = true
		s.shake.conn.End() // all may have been said
		return l.next(s)
	}
	s.conn.End()
	s, next := l.decrypt(s, nil)
	if s.phase == over && !next.Ends() { // it was no end in good order, but it was one
		s.said = true
		return l.next(s)
	}
	return s, next
}

// kept is the memory that TLS keeps for a connection beyond what an idle one
// takes.
func (s *Session) kept() int64 {
	switch {
	case s.shake != nil && s.shake.begun:
		return handshakeSize + int64(s.shake.conn.Kept())
	case s.shake != nil:
		return queuedSize + int64(s.shake.conn.Kept())
	case s.conn != nil:
		return int64(s.conn.Kept())
	}
	return 0
}

// early says whether a handshake has to be done before more is read.
func (s *Session) early() bool {
	return s.shake != nil && (s.shake.ended || s.shake.conn.Kept() > maxEarly)
}

// causeOfTLS is the counter of what went wrong.
func causeOfTLS(err error) int {
	switch secure.CauseOf(err) {
	case secure.Closed:
		return TLSClosed
	case secure.NotTLS:
		return TLSPlainText
	case secure.Version:
		return TLSVersion
	case secure.Cipher:
		return TLSCipher
	case secure.Protocol:
		return TLSProtocol
	case secure.Timeout:
		return TLSTimeout
	case secure.NoCertificate:
		return TLSNoCertificate
	case secure.Expired, secure.UnknownAuthority, secure.WrongName, secure.BadCertificate:
		return TLSBadCertificate
	case secure.AlertCertificate:
		return TLSUntrusted
	case secure.Alert, secure.AlertHandshake, secure.AlertName, secure.AlertProtocol:
		return TLSAlert
	}
	return TLSBroken
}
