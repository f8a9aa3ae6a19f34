package secure

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
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
// time; only while the handshake runs, in one of its own, are Feed, End and Out
// called beside it.
type Conn struct {
	tls  *tls.Conn
	wire wire
	done bool // the handshake is over
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

// handshake runs in a goroutine of a Pool until it is over.
func (c *Conn) handshake(tell func()) error {
	c.wire.begin(tell)
	err := c.tls.Handshake()
	c.wire.finish()
	return err
}

// Feed takes ciphertext that came. The bytes are copied.
func (c *Conn) Feed(b []byte) { c.wire.feed(b) }

// End says that no more will come: the peer has closed, or the connection is to
// be given up. A handshake that waits ends with io.ErrUnexpectedEOF.
func (c *Conn) End() { c.wire.end() }

// Read decrypts into b. ErrWait: nothing whole is there; io.EOF: the peer has
// closed in good order; any other error ends the connection, see CauseOf.
func (c *Conn) Read(b []byte) (int, error) {
	n, err := c.tls.Read(b)
	if errors.As(err, new(wait)) {
		return n, ErrWait
	}
	return n, err
}

// Write encrypts b; Out gives what is to be sent.
func (c *Conn) Write(b []byte) error {
	_, err := c.tls.Write(b)
	return err
}

// Shutdown says that nothing more will be written: the close_notify alert, RFC
// 8446 section 6.1.
func (c *Conn) Shutdown() error { return c.tls.CloseWrite() }

// Out takes what is to be sent, appended to b.
func (c *Conn) Out(b []byte) []byte { return c.wire.take(b) }

// State is what was agreed on.
func (c *Conn) State() tls.ConnectionState { return c.tls.ConnectionState() }

// wire is the connection that tls.Conn believes to have. While the handshake
// runs, its Read waits; afterwards it never does.
type wire struct {
	mu     sync.Mutex
	more   *sync.Cond // nil unless a handshake runs
	tell   func()     // called when there is something to send
	in     []byte     // not read yet
	out    []byte     // not sent yet
	closed bool
}

func (w *wire) begin(tell func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.more, w.tell = sync.NewCond(&w.mu), tell
}

func (w *wire) finish() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.more, w.tell = nil, nil
}

func (w *wire) feed(b []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.in = append(w.in, b...)
	if w.more != nil {
		w.more.Signal()
	}
}

func (w *wire) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	if w.more != nil {
		w.more.Signal()
	}
}

func (w *wire) take(b []byte) []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	b = append(b, w.out...)
	w.out = nil // an idle connection keeps no buffer
	return b
}

// Read implements net.Conn.
func (w *wire) Read(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.in) == 0 {
		switch {
		case w.closed:
			return 0, io.EOF
		case w.more == nil:
			return 0, wait{}
		}
		w.more.Wait()
	}
	n := copy(b, w.in)
	if w.in = w.in[n:]; len(w.in) == 0 {
		w.in = nil
	}
	return n, nil
}

// Write implements net.Conn; it takes everything.
func (w *wire) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.out = append(w.out, b...)
	if w.tell != nil {
		w.tell()
	}
	return len(b), nil
}

// The rest of net.Conn has no meaning here.
func (*wire) Close() error                     { return nil }
func (*wire) LocalAddr() net.Addr              { return nil }
func (*wire) RemoteAddr() net.Addr             { return nil }
func (*wire) SetDeadline(time.Time) error      { return nil }
func (*wire) SetReadDeadline(time.Time) error  { return nil }
func (*wire) SetWriteDeadline(time.Time) error { return nil }
