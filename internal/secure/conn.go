package secure

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// ErrWait says that there is nothing to read before more is fed.
var ErrWait error = wait{}

// wait is a temporary net.Error: tls.Conn takes any other for the end of the
// connection, and remembers it.
type wait struct{}

func (wait) Error() string   { return "nothing to read yet" }
func (wait) Timeout() bool   { return true }
func (wait) Temporary() bool { return true }

// Conn is one end of a TLS connection. Its methods are for one goroutine at a
// time; while the handshake runs, in a goroutine of a Pool, only Feed, End, Drop,
// Kept and those about what is to be sent may be called beside it.
type Conn struct {
	tls     *tls.Conn
	scratch *scratch // that Read works in; nil: it has nothing under way
	wire    wire
}

// Client is the end that connects.
func Client(cfg *tls.Config) *Conn {
	c := new(Conn)
	c.tls = tls.Client(&c.wire, cfg)
	return c
}

// Server is the end that was connected to.
func Server(cfg *tls.Config) *Conn {
	c := new(Conn)
	c.tls = tls.Server(&c.wire, cfg)
	return c
}

// Feed takes ciphertext that came. b has to stay as it is until Read has said
// ErrWait, or failed; before the first Read it is copied, because who feeds may not
// know yet whether the handshake is done.
func (c *Conn) Feed(b []byte) { c.wire.feed(b) }

// End says that no more will come, because the peer has closed. What was fed is
// still read; a handshake that wants more ends with io.ErrUnexpectedEOF.
func (c *Conn) End() { c.wire.end(io.EOF) }

// Drop gives the connection up. A handshake that is queued or waits for its peer
// ends soon.
func (c *Conn) Drop() { c.wire.end(net.ErrClosed) }

// Read decrypts into b, which should have room for a record, MaxPlaintext bytes.
// It never waits. ErrWait: nothing whole is there; io.EOF, perhaps with the last
// bytes: the peer has closed in good order; any other error ends the connection,
// see CauseOf. It may have to send something (an alert, a new key), so look at Out
// afterwards. Read on until there is an error, or call Rest: Read keeps memory to
// work in meanwhile.
func (c *Conn) Read(b []byte) (int, error) {
	c.borrow()
	n, err := c.tls.Read(b)
	if err == nil {
		return n, nil
	}
	c.Rest()
	if errors.Is(err, ErrWait) {
		err = ErrWait
	}
	return n, err
}

// Write encrypts b; Out gives what is to be sent. b may be the memory that Out
// appends to.
func (c *Conn) Write(b []byte) error {
	_, err := c.tls.Write(b)
	return err
}

// Shutdown says that nothing more will be written: the close_notify alert, RFC
// 8446 section 6.1.
func (c *Conn) Shutdown() error { return c.tls.CloseWrite() }

// Out takes what is to be sent, appended to b.
func (c *Conn) Out(b []byte) []byte { return c.wire.take(b) }

// Pending is what is to be sent, without taking it: Sent takes the first n bytes.
func (c *Conn) Pending() []byte { return c.wire.pending() }

// Sent takes the first n bytes of what is to be sent.
func (c *Conn) Sent(n int) { c.wire.sent(n) }

// Kept is how many bytes were fed and not read yet, or are to be sent.
func (c *Conn) Kept() int { return c.wire.kept() }

// State is what was agreed on.
func (c *Conn) State() tls.ConnectionState { return c.tls.ConnectionState() }

// wire is the connection that tls.Conn believes to have. While the handshake
// runs, its Read waits; afterwards it never does.
type wire struct {
	mu   sync.Mutex
	job  *job   // the handshake under way, nil: none
	in   []byte // not read yet, our own memory
	lent []byte // not read yet, behind in; the caller's memory
	out  *block // not sent yet; nil: nothing
	over error  // what Read says when all is read; nil: wait
	used bool   // there was a Read after the handshake
}

func (w *wire) begin(j *job) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.job = j
}

// dropped is the error of a handshake that was given up before it began.
func (w *wire) dropped() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over == net.ErrClosed {
		return w.over
	}
	return nil
}

// finish is the end of a handshake. rest is what it has read and not used. One
// that was to make room for others may have been quicker.
func (w *wire) finish(rest []byte, done bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.job = nil
	if done && w.over == os.ErrDeadlineExceeded {
		w.over = nil
	}
	if len(rest) > 0 {
		w.in = append(rest, w.in...)
	}
}

func (w *wire) feed(b []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.job != nil || !w.used {
		w.in = append(w.in, b...)
		if w.job != nil {
			w.job.ready()
		}
		return
	}
	w.in = append(w.in, w.lent...)
	w.lent = b
}

// own keeps what Read has not taken up: rest, and what is still lent.
func (w *wire) own(rest []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(rest)+len(w.lent) > 0 {
		kept := make([]byte, 0, len(rest)+len(w.in)+len(w.lent))
		kept = append(append(append(kept, rest...), w.in...), w.lent...)
		w.in, w.lent = kept, nil
	}
}

func (w *wire) end(why error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over == nil || w.over == io.EOF {
		w.over = why
	}
	if w.job != nil {
		w.job.ready()
	}
}

func (w *wire) take(b []byte) []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.out != nil {
		b = append(b, w.out.b...)
		w.out.free() // an idle connection keeps no buffer
		w.out = nil
	}
	return b
}

func (w *wire) pending() []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.out == nil {
		return nil
	}
	return w.out.b
}

func (w *wire) sent(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.out == nil:
	case n == len(w.out.b):
		w.out.free()
		w.out = nil
	default: // a handshake has just said more
		w.out.b = append(w.out.b[:0], w.out.b[n:]...)
	}
}

func (w *wire) kept() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(w.in) + len(w.lent)
	if w.out != nil {
		n += len(w.out.b)
	}
	return n
}

// Read implements net.Conn.
func (w *wire) Read(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.used = w.job == nil
	for len(w.in)+len(w.lent) == 0 || w.over == net.ErrClosed {
		switch {
		case w.over != nil:
			return 0, w.over
		case w.job == nil:
			return 0, wait{}
		}
		w.job.wait()
	}
	from := &w.in
	if len(w.in) == 0 {
		from = &w.lent
	}
	n := copy(b, *from)
	if *from = (*from)[n:]; len(*from) == 0 {
		*from = nil
	}
	return n, nil
}

// Write implements net.Conn; it takes everything.
func (w *wire) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.out == nil {
		w.out = newBlock()
	}
	w.out.b = append(w.out.b, b...)
	return len(b), nil
}

// RemoteAddr is asked for by a client that keeps sessions and names no server: all
// connections of a configuration are taken to be to the same.
func (*wire) RemoteAddr() net.Addr { return peer{} }

// peer is the address of whoever is at the other end.
type peer struct{}

func (peer) Network() string { return "tls" }
func (peer) String() string  { return "peer" }

// The rest of net.Conn has no meaning here.
func (*wire) Close() error                     { return nil }
func (*wire) LocalAddr() net.Addr              { return nil }
func (*wire) SetDeadline(time.Time) error      { return nil }
func (*wire) SetReadDeadline(time.Time) error  { return nil }
func (*wire) SetWriteDeadline(time.Time) error { return nil }
