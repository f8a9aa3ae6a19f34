package echo

import (
	"io"
	"sync"
	"time"

	"github.com/c10m/c10m/internal/secure"
)

// TLS lies between a connection's socket and its session: Input decrypts what it is
// given, send encrypts what it is given, and a close_notify alert (RFC 8446 section
// 6.1) goes before the FIN. Such a connection keeps its session while it is idle.
//
// The ClientHello is kept as bytes until all of it has come, so that a peer that sends
// nothing takes no place in the pool of handshakes (secure.Pool). Then the handshake
// runs in a goroutine of that pool, which tells the loop when there is something to
// send, and how the handshake ended.

// How many handshakes may be under way at once in one process, and how long one
// may wait for its peer while others wait to begin.
const (
	mostHandshakes = 4096
	patience       = time.Second
)

// What a handshake takes, bytes, beside what its peer has sent: while it is queued, and
// once it is under way, with its goroutine's stack, its keys and the transcript.
const (
	queuedSize    = 2 << 10
	handshakeSize = 24 << 10
)

// maxEarly is how much is read from a peer while its handshake is not done yet.
const maxEarly = 64 << 10

// handshakeTLS is a TLS handshake under way: what its goroutine and the loop share.
type handshakeTLS struct {
	core *Core
	conn *secure.Conn
	// Of the loop alone.
	s     *Session // nil: the connection is gone
	begun bool     // the handshake has sent something
	ended bool     // the peer has sent its FIN

	mu   sync.Mutex // over all below
	loop *Loop      // nil: the connection is moving to another loop
	told bool       // the loop has been told to look and has not yet
	over bool       // the handshake is done
	err  error      // how it ended, if over
}

// openTLS opens a connection of TLS.
func (l *Loop) openTLS(fd, port int) *Session {
	s := l.take(fd, port, awaitingHello)
	s.deadline(&l.handshakes, l.core.Handshake)
	return s
}

// hello handles what a peer sends until its ClientHello is all there.
func (l *Loop) hello(s *Session, in []byte) (*Session, Next) {
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
	h := &handshakeTLS{core: l.core, conn: secure.Server(l.core.TLS), s: s, loop: l}
	h.conn.Feed(at)
	l.core.ctr.TLSUnderWay.Add(1)
	l.core.pool.Handshake(h.conn, h.news, h.end)
	h.conn.Feed(rest)
	s.held.free()
	s.held, s.tls, s.phase = nil, h, handshakingTLS
	return l.next(s)
}

// notHTTPS is the answer to an HTTP request that comes without TLS.
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

// news tells the loop to look at the handshake. Any thread may call it.
func (h *handshakeTLS) news() {
	h.mu.Lock()
	l, first := h.loop, !h.told
	h.told = true
	h.mu.Unlock()
	if first && l != nil {
		l.inbox.put(l, h)
	}
}

// end notes how the handshake ended. Any thread may call it.
func (h *handshakeTLS) end(err error) {
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

// look returns whether the handshake still belongs to l, whether it is done, and how it
// ended.
func (h *handshakeTLS) look(l *Loop) (here, over bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.loop != l {
		return false, false, nil
	}
	h.told = false
	return true, h.over, h.err
}

// move gives the handshake to another loop, or to none.
func (h *handshakeTLS) move(to *Loop) {
	h.mu.Lock()
	h.loop = to
	told := h.told
	h.mu.Unlock()
	if told && to != nil {
		to.inbox.put(to, h)
	}
}

// inbox is the handshakes that a loop has to look at.
type inbox struct {
	mu   sync.Mutex
	list []*handshakeTLS
}

func (b *inbox) put(l *Loop, h *handshakeTLS) {
	b.mu.Lock()
	b.list = append(b.list, h)
	first := len(b.list) == 1
	b.mu.Unlock()
	if first {
		l.conns.Wake()
	}
}

// Told sends what handshakes have to send, and opens the connections of those that are
// done. The engine calls it after Conns.Wake.
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
			s.finished = h.ended // its FIN has come already, so there is none to wait for
			s, next = l.insecure(s, h.conn, causeOfTLS(err))
		default:
			s, next = l.secured(s, h)
		}
		l.conns.Turn(s, next)
	}
}

// secured opens a connection whose handshake has succeeded.
func (l *Loop) secured(s *Session, h *handshakeTLS) (*Session, Next) {
	l.handshakes.remove(s)
	s.conn, s.tls = h.conn, nil
	s.phase = plain
	if l.core.Ports[s.port].Proto == WS {
		s.phase = handshaking
		s.deadline(&l.handshakes, l.core.Handshake)
	}
	return l.decrypt(s, nil)
}

// flushed sends what c has to send.
func (l *Loop) flushed(s *Session, c *secure.Conn) (*Session, Next) {
	if !l.flush(s, c) {
		return s, Abort
	}
	return l.next(s)
}

// flush sends what c has to send; false if the connection is broken.
func (l *Loop) flush(s *Session, c *secure.Conn) bool {
	out := c.Pending()
	if len(out) == 0 {
		return true
	}
	_, ok := l.put(int(s.fd), int(s.port), s.phase, s, out)
	c.Sent(len(out))
	return ok
}

// work is a buffer for decrypted bytes: a frame of 64 KiB and the record in which it
// ends.
type work [64<<10 + secure.MaxPlaintext]byte

var works = sync.Pool{New: func() any { return new(work) }}

// decrypt is Input of ciphertext.
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
		case next.Ends() || s.finished:
			c.Rest()
			return s, next
		case err == nil:
			continue
		case err == secure.ErrWait:
			return l.flushed(s, c) // the peer may have asked for a KeyUpdate, RFC 8446 section 4.6.3
		case err == io.EOF || secure.CauseOf(err) == secure.Closed:
			s.finished = true // what waits is still sent, then our close_notify and FIN
			return l.flushed(s, c)
		}
		return l.insecure(s, c, causeOfTLS(err))
	}
}

// insecure ends a connection whose TLS has failed, once our alert has been sent.
func (l *Loop) insecure(s *Session, c *secure.Conn, cause int) (*Session, Next) {
	s.held.free()
	s.ws.Free()
	s.held, s.ws, s.conn, s.tls, s.phase = nil, nil, nil, nil, over
	if !l.flush(s, c) {
		l.ctr.Causes[cause].Add(1)
		return s, Abort
	}
	return l.ended(s, nil, 0, cause)
}

// closeNotify sends close_notify, which goes before our FIN.
func (l *Loop) closeNotify(s *Session) bool {
	s.notified = true
	return s.conn.Shutdown() == nil && l.flush(s, s.conn)
}

// endedTLS handles a peer's FIN, in the middle of a handshake or later. It counts as an
// orderly end also without a close_notify before it.
func (l *Loop) endedTLS(s *Session) (*Session, Next) {
	switch {
	case s.phase == awaitingHello:
		if s.held != nil { // a peer that has sent nothing, like a port scan, is no failure
			l.ctr.Causes[TLSClosed].Add(1)
		}
		return s, Close
	case s.tls != nil:
		s.tls.ended = true
		s.tls.conn.End() // the handshake may have all that it needs
		return l.next(s)
	}
	s.conn.End()
	s, next := l.decrypt(s, nil)
	if s.phase == over && !next.Ends() { // an error of TLS: the FIN that follows has come already
		s.finished = true
		return l.next(s)
	}
	return s, next
}

// kept is how many bytes TLS keeps for a connection beyond what an idle one takes.
func (s *Session) kept() int64 {
	switch {
	case s.tls != nil && s.tls.begun:
		return handshakeSize + int64(s.tls.conn.Kept())
	case s.tls != nil:
		return queuedSize + int64(s.tls.conn.Kept())
	case s.conn != nil:
		return int64(s.conn.Kept())
	}
	return 0
}

// early says whether nothing more is to be read until the handshake is done, because
// more than maxEarly bytes wait for it, or the peer has sent its FIN.
func (s *Session) early() bool {
	return s.tls != nil && (s.tls.ended || s.tls.conn.Kept() > maxEarly)
}

// causeOfTLS is the cause that an error of TLS is counted as.
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
