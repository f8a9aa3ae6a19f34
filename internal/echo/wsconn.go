package echo

import (
	"io"
	"sync"

	"github.com/panjf2000/gnet/v2/pkg/pool/byteslice"

	"github.com/c10m/c10m/internal/ws"
)

// wsConn is what the server keeps of a WebSocket connection that is in the
// middle of something: its handshake, a message that is not all there yet, its
// end. It comes from a pool and goes back to it; an idle connection has none of
// its own, its context is the address of idle.
type wsConn struct {
	phase   phase
	shut    bool        // closing: our side of the connection is shut down
	waking  bool        // closing: a timer will look whether it can be
	session *ws.Session // open: of the message under way
	held    []byte      // what arrived and waits for more; from byteslice's pool
	due     deadline
}

// phase of a WebSocket connection.
type phase uint8

const (
	handshaking phase = iota
	upgraded
	closing // our close frame, or refusal, is written; the rest is drained
	gone    // about to be closed without a word
)

// The contexts of all connections that need no state of their own.
var (
	idle    = &wsConn{phase: upgraded}
	dropped = &wsConn{phase: gone}
)

var wsConns = sync.Pool{New: func() any { return new(wsConn) }}

// newWSConn takes a state from the pool. conn is closed if a deadline passes.
func newWSConn(p phase, conn io.Closer) *wsConn {
	st := wsConns.Get().(*wsConn)
	st.phase, st.due.conn = p, conn
	return st
}

// shared says whether st is a constant that all connections use.
func (st *wsConn) shared() bool { return st == idle || st == dropped }

// free gives everything back.
func (st *wsConn) free() {
	if st.shared() {
		return
	}
	st.due.stop()
	st.session.Free()
	st.drop()
	*st = wsConn{}
	wsConns.Put(st)
}

// hold keeps b behind what is held already.
func (st *wsConn) hold(b []byte) {
	if n := len(st.held) + len(b); n > cap(st.held) {
		more := byteslice.Get(n)[:len(st.held)]
		copy(more, st.held)
		byteslice.Put(st.held)
		st.held = more
	}
	st.held = append(st.held, b...)
}

// drop forgets what is held.
func (st *wsConn) drop() {
	if st.held != nil {
		byteslice.Put(st.held)
		st.held = nil
	}
}

// request takes the client's opening handshake. answer is nil while it is not
// all there; it is out, grown. rest is what follows the handshake in in.
func (st *wsConn) request(in, out []byte, lim ws.Limits) (answer, rest []byte, ok bool) {
	at, before := in, len(st.held)
	if before > 0 {
		st.hold(in[:min(len(in), ws.DefaultMaxHeader)]) // a longer one is refused
		at = st.held
	}
	n, answer, ok := ws.Upgrade(at, out, lim)
	if n == 0 {
		if before == 0 {
			st.hold(in)
		}
		return nil, nil, false
	}
	st.drop()
	return answer, in[max(0, n-before):], ok
}

// frames takes the next step: what Echo says of what is held and of in. left is
// what of in the next step must look at; it is empty once in is taken up. With
// idle only in is looked at, and session and kept are what a state of its own
// would have to hold.
func (st *wsConn) frames(in []byte, lim ws.Limits) step {
	before := len(st.held)
	if before == 0 {
		s, out, n, sent, v := ws.Echo(st.session, in, lim)
		return step{session: s, out: out, sent: sent, kept: in[n:], verdict: v}
	}
	k := min(len(in), ws.MaxHeld) // more than enough for the frame that is waited for
	st.hold(in[:k])
	s, out, n, sent, v := ws.Echo(st.session, st.held, lim)
	if n >= before { // what is left lies in in, too
		return step{session: s, out: out, sent: sent, left: in[n-before:], done: len(st.held), verdict: v}
	}
	return step{session: s, out: out, sent: sent, left: in[k:], done: n, verdict: v}
}

// step is the outcome of wsConn.frames.
type step struct {
	session *ws.Session
	out     []byte // to be written before settle
	sent    ws.Count
	kept    []byte // of in: to be held
	left    []byte // of in: not looked at yet
	done    int    // of held: not needed any more
	verdict ws.Verdict
}

// idle says whether the connection needs no state after a step that began with
// none.
func (p *step) idle() bool { return p.session == nil && len(p.kept) == 0 }

// settle ends a step once its output is written or copied.
func (st *wsConn) settle(p step) {
	st.session = p.session.Sent()
	switch {
	case p.done == len(st.held):
		st.drop()
	case p.done > 0:
		st.held = st.held[:copy(st.held, st.held[p.done:])]
	}
	if len(p.kept) > 0 {
		st.hold(p.kept)
	}
}

// resting says whether nothing is under way any more.
func (st *wsConn) resting() bool { return st.session == nil && len(st.held) == 0 }
