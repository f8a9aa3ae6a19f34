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

// ErrWait is returned by Read when more has to be fed first.
var ErrWait error = wait{}

// wait is a temporary net.Error: tls.Conn remembers any other error as the end of the
// connection.
type wait struct{}

func (wait) Error() string   { return "nothing to read yet" }
func (wait) Timeout() bool   { return true }
func (wait) Temporary() bool { return true }

// Conn is one end of a TLS connection. Its methods are for one goroutine at a time.
// While the handshake runs, in a goroutine of a Pool, only Feed, End, Drop, Kept, Out,
// Pending and Sent may be called.
type Conn struct {
	tls     *tls.Conn
	scratch *scratch // the memory that Read works in; nil between two reads
	wire    wire
}

// Client makes the end that connects.
func Client(cfg *tls.Config) *Conn {
	c := new(Conn)
	c.tls = tls.Client(&c.wire, cfg)
	return c
}

// Server makes the end that was connected to.
func Server(cfg *tls.Config) *Conn {
	c := new(Conn)
	c.tls = tls.Server(&c.wire, cfg)
	return c
}

// Feed takes ciphertext that has come from the peer. b must not change until Read has
// returned an error, ErrWait among them. Before the first Read b is copied, because the
// caller may not know yet whether the handshake is done.
func (c *Conn) Feed(b []byte) { c.wire.feed(b) }

// End says that no more ciphertext will come, because the peer has sent its FIN. What
// was fed can still be read; a handshake that needs more ends with io.ErrUnexpectedEOF.
func (c *Conn) End() { c.wire.end(io.EOF) }

// Drop gives the connection up. Its handshake, if it is queued or waits for the peer,
// ends soon.
func (c *Conn) Drop() { c.wire.end(net.ErrClosed) }

// Read decrypts into b, which should have room for a record, MaxPlaintext bytes. It
// never blocks. Its errors: ErrWait, no whole record is there; io.EOF, perhaps together
// with the last bytes, the peer has sent close_notify; any other ends the connection,
// see CauseOf. Read may leave something to send (an alert, a KeyUpdate) for Out. Call it
// until it returns an error, or call Rest: in between it holds a buffer.
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

// Write encrypts b, for Out to send. b may be the memory that Out appends to.
func (c *Conn) Write(b []byte) error {
	_, err := c.tls.Write(b)
	return err
}

// Shutdown writes the close_notify alert (RFC 8446 section 6.1): nothing more follows.
func (c *Conn) Shutdown() error { return c.tls.CloseWrite() }

// Out appends to b all that is to be sent, and takes it out.
func (c *Conn) Out(b []byte) []byte { return c.wire.take(b) }

// Pending is all that is to be sent, without taking it out, which Sent does.
func (c *Conn) Pending() []byte { return c.wire.pending() }

// Sent takes out the first n bytes of Pending.
func (c *Conn) Sent(n int) { c.wire.sent(n) }

// Kept is how many bytes are held: those fed and not read yet, and those to be sent.
func (c *Conn) Kept() int { return c.wire.kept() }

// State is the result of the handshake.
func (c *Conn) State() tls.ConnectionState { return c.tls.ConnectionState() }

// wire is the net.Conn below tls.Conn: two buffers in memory. While the handshake runs
// its Read blocks; afterwards it never does.
type wire struct {
	mu   sync.Mutex
	job  *job   // the handshake under way; nil: none
	in   []byte // fed and not read yet, in our own memory
	lent []byte // what follows in, in the memory of Feed's caller
	out  *block // to be sent; nil: nothing
	over error  // what Read returns once all has been read; nil: ErrWait
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

// finish ends a handshake, done if it succeeded. rest is what it has read and not used.
// A handshake that was given up at the same moment may have succeeded before that.
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

// own copies what is not read yet, rest and what is lent, into our own memory.
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

// RemoteAddr is what crypto/tls files a session under where no server name is
// configured: then all connections of a configuration count as to the same server.
func (*wire) RemoteAddr() net.Addr { return peer{} }

// peer is the one address that all connections have.
type peer struct{}

func (peer) Network() string { return "tls" }
func (peer) String() string  { return "peer" }

// The other methods of net.Conn do nothing here.
func (*wire) Close() error                     { return nil }
func (*wire) LocalAddr() net.Addr              { return nil }
func (*wire) SetDeadline(time.Time) error      { return nil }
func (*wire) SetReadDeadline(time.Time) error  { return nil }
func (*wire) SetWriteDeadline(time.Time) error { return nil }
