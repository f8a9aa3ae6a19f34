package loadgen

import (
	"bytes"
	"errors"
	"io"
	"sync"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/secure"
	"github.com/c10m/c10m/internal/sys"
)

// sealSize is how much is encrypted at once: four records, one send(2).
const sealSize = 4 * secure.MaxPlaintext

// tlsTransport secures the connections of another transport, whose receiver it is.
// A connection is connected upward when its handshake is over.
//
// Where some destinations are plain their connections pass through it.
//
// Handshakes run in goroutines, which crypto/tls wants. They never touch a socket:
// what they have to say waits in the connection until the thread, woken by its
// eventfd, sends it. So it does not matter whose fd table the sockets are in.
type tlsTransport struct {
	clock
	shared *shared
	plan   plan.Plan // of its thread
	inner  transport
	to     tlsReceiver
	bell   int        // eventfd: a handshake has news
	list   []*secured // by slot; nil: none, TCP still connects, or it is plain
	was    []bool     // by slot: it was secured before
	plain  []byte     // what a connection said

	mu    sync.Mutex
	news  []*secured // whose handshakes have something to say
	heard []*secured // the same, while they are looked at
}

// secured is a connection.
type secured struct {
	*secure.Conn
	slot    int64
	began   uint64 // the clock when its ClientHello was sent; 0: not yet
	open    bool   // its handshake is over
	gone    bool   // the inner transport has released it
	lingers bool   // closed upward; what is left is still to be sent

	// Of the transport's mu.
	told bool  // it is in news
	over bool  // its handshake is ...
	err  error // ... and ended so
}

func newTLS(s *shared, part plan.Plan, inner transport) (*tlsTransport, error) {
	bell, err := s.newBell()
	if err != nil {
		return nil, err
	}
	return &tlsTransport{
		clock: newClock(), shared: s, plan: part, inner: inner, bell: bell,
		list: make([]*secured, part.Conns), was: make([]bool, part.Conns),
		plain: make([]byte, secure.MaxPlaintext),
	}, nil
}

// start closes, in a private fd table, the copies of the other threads' bells: only
// its own is needed there.
func (t *tlsTransport) start(wakes []int, to receiver) error {
	t.to = to.(tlsReceiver)
	for _, bell := range t.shared.bells {
		if t.plan.PrivateTables && bell != t.bell {
			sys.Close(bell)
		}
	}
	return t.inner.start(append(wakes, t.bell), t)
}

func (t *tlsTransport) open(slot int64) cause {
	if s := t.list[slot]; s != nil { // the slot is needed: what it lingers for is lost
		t.release(s, true)
	}
	return t.inner.open(slot)
}

// profile is how a slot's destination is connected to; nil: in the clear.
func (t *tlsTransport) profile(slot int64) *secure.Profile {
	return t.shared.profiles[t.plan.Tuple(t.plan.Offset+slot).Dest]
}

// isPlain says whether a slot's connection is not secured.
func (t *tlsTransport) isPlain(slot int64) bool { return t.shared.mixed && t.profile(slot) == nil }

// connected begins the handshake.
func (t *tlsTransport) connected(slot int64) {
	if t.isPlain(slot) {
		t.to.connected(slot)
		return
	}
	t.inner.noDelay(slot) // our second flight and the first message follow each other
	resume := t.plan.TLS.Resume == plan.ResumeAll || t.was[slot]
	s := &secured{Conn: t.profile(slot).Client(resume), slot: slot}
	t.list[slot] = s
	t.to.reached(slot)
	t.shared.handshakes.Handshake(s.Conn, func() { t.tell(s, false, nil) }, func(err error) { t.tell(s, true, err) })
}

// tell wakes the thread for a connection's handshake; another goroutine calls it.
func (t *tlsTransport) tell(s *secured, over bool, err error) {
	t.mu.Lock()
	s.over, s.err = over, err
	first := len(t.news) == 0
	if !s.told {
		s.told = true
		t.news = append(t.news, s)
	}
	t.mu.Unlock()
	if first {
		t.shared.ring(t.bell)
	}
}

func (t *tlsTransport) poll(timeout int) error {
	err := t.inner.poll(timeout)
	t.hear()
	return err
}

// hear sends what handshakes have to say, and ends those that are over.
func (t *tlsTransport) hear() {
	t.mu.Lock()
	t.news, t.heard = t.heard[:0], t.news
	for _, s := range t.heard {
		s.told = false
	}
	t.mu.Unlock()
	for i, s := range t.heard {
		t.heard[i] = nil
		if !t.alive(s) {
			continue
		}
		t.mu.Lock()
		over, err := s.over, s.err
		t.mu.Unlock()
		if s.began == 0 { // what it waited for its turn is no time of the server
			s.began = t.now()
		}
		t.flush(s)
		switch {
		case !over:
		case err != nil:
			t.fail(s, err)
		case !s.open:
			t.secured(s)
		}
	}
}

// secured is the end of a handshake that succeeded.
func (t *tlsTransport) secured(s *secured) {
	s.open = true
	t.was[s.slot] = true
	agreed, resumed := s.Agreed()
	t.to.agreed(s.slot, t.now()-s.began, agreed, resumed)
	t.to.connected(s.slot)
	if t.alive(s) {
		t.read(s) // what came right behind the handshake
	}
	if s.gone && t.alive(s) {
		t.end(s, readClosed)
	}
}

// alive says whether a connection is one upward.
func (t *tlsTransport) alive(s *secured) bool { return t.list[s.slot] == s && !s.lingers }

func (t *tlsTransport) received(slot int64, in []byte) {
	s := t.list[slot]
	switch {
	case s == nil && t.isPlain(slot):
		t.to.received(slot, in)
	case s == nil || s.lingers:
	case s.open:
		s.Feed(in)
		t.read(s)
	default: // nobody knows when the handshake gets to it
		s.Feed(bytes.Clone(in))
	}
}

// read delivers all that a connection has said.
func (t *tlsTransport) read(s *secured) {
	for {
		n, err := s.Read(t.plain)
		if n > 0 {
			t.to.received(s.slot, t.plain[:n])
		}
		switch {
		case !t.alive(s): // the receiver has closed it
			s.Rest()
			return
		case err == secure.ErrWait:
			t.flush(s) // an answer to a new key
			return
		case err != nil:
			t.fail(s, err)
			return
		}
	}
}

// fail ends a connection for an error of its handshake or of a read.
func (t *tlsTransport) fail(s *secured, err error) {
	why := tlsCause(err)
	switch {
	case errors.Is(err, io.EOF) && s.open:
		why = readClosed // in good order; ours goes the same way
		_ = s.Shutdown()
	case errors.Is(err, io.ErrUnexpectedEOF) && s.open:
		why = readClosed
	default:
		t.to.because(s.slot, why, err)
	}
	t.flush(s) // an alert says why to the peer
	t.end(s, why)
}

// end releases a connection and reports why.
func (t *tlsTransport) end(s *secured, why cause) {
	t.release(s, false)
	t.to.ended(s.slot, why)
}

func (t *tlsTransport) release(s *secured, reset bool) {
	t.list[s.slot] = nil
	if !s.gone {
		t.inner.close(s.slot, reset)
	}
}

// ended of a handshake is told once it has read what came before.
func (t *tlsTransport) ended(slot int64, why cause) {
	s := t.list[slot]
	switch {
	case s == nil:
		t.to.ended(slot, why)
	case s.lingers:
		t.list[slot] = nil
	case s.open:
		t.list[slot] = nil
		t.to.ended(slot, why)
	default:
		s.gone = true
		s.End()
	}
}

func (t *tlsTransport) send(slot int64, p []byte) (n int) {
	s := t.list[slot]
	if s == nil && t.isPlain(slot) {
		return t.inner.send(slot, p)
	}
	if s == nil || !s.open || s.lingers || s.gone || len(s.Pending()) > 0 {
		return 0
	}
	for flushed := true; n < len(p) && flushed; {
		part := p[n:min(len(p), n+sealSize)]
		if err := s.Write(part); err != nil {
			t.tell(s, true, err) // the next poll ends it
			return n
		}
		n += len(part)
		flushed = t.flush(s)
	}
	return n
}

// flush sends what there is, and says whether that was taken whole. If not,
// writable follows.
func (t *tlsTransport) flush(s *secured) bool {
	for out := s.Pending(); len(out) > 0 && !s.gone; out = s.Pending() {
		n := t.inner.send(s.slot, out)
		s.Sent(n)
		if n < len(out) {
			return false
		}
	}
	return true
}

func (t *tlsTransport) writable(slot int64) {
	s := t.list[slot]
	switch {
	case s == nil && t.isPlain(slot):
		t.to.writable(slot)
	case s == nil || !t.flush(s):
	case s.lingers:
		t.release(s, false)
	case s.open:
		t.to.writable(slot)
	}
}

// noDelay: a secured connection has it since its connect.
func (t *tlsTransport) noDelay(slot int64) {
	if t.isPlain(slot) {
		t.inner.noDelay(slot)
	}
}

// close says close_notify before FIN, RFC 8446 section 6.1.
func (t *tlsTransport) close(slot int64, reset bool) {
	s := t.list[slot]
	switch {
	case s == nil:
		t.inner.close(slot, reset)
		return
	case s.lingers && !reset:
		return
	case !s.open:
		s.Drop()
	case !reset && !s.gone:
		_ = s.Shutdown()
		if !t.flush(s) {
			s.lingers = true
			return
		}
	}
	t.release(s, reset)
}

func (t *tlsTransport) calls() int64 { return t.inner.calls() }

func (t *tlsTransport) stop(private bool) {
	for _, s := range t.list {
		if s != nil && !s.open {
			s.Drop()
		}
	}
	t.inner.stop(private)
}
