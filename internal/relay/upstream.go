package relay

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/c10m/c10m/internal/echo"
)

// buffers hold requests and answers while they are passed on. There is no io.Copy here:
// between two TCPConns it would splice(2) through a pipe, two more fds a direction.
var buffers = sync.Pool{New: func() any { b := make([]byte, bufferSize); return &b }}

// answer passes on each of a client's requests and the answer to it, over an upstream
// connection of its own or of the pool. It returns the error of an upstream, or nil
// once the client has ended.
func (r *Relay) answer(c net.Conn, upstream int) error {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	for {
		n, err := c.Read(*buf)
		if err != nil {
			return nil
		}
		request := (*buf)[:n]
		if r.cfg.Mode == Pool {
			err = r.pooled(upstream, request)
		} else {
			err = r.once(upstream, request)
		}
		if err != nil {
			return err
		}
		r.requests.Add(1)
		r.ctr.Echoed(upstream, 1, n)
		_ = c.SetWriteDeadline(time.Now().Add(r.cfg.AnswerTime))
		if _, err := c.Write(request); err != nil {
			r.noReader(c, err)
			return nil
		}
	}
}

// noReader resets a client to which an answer could not be written. If the write has
// timed out the client counts as a slow reader.
func (r *Relay) noReader(c net.Conn, err error) {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		r.ctr.Causes[echo.SlowReader].Add(1)
	}
	reset(c)
}

// once exchanges a request over a new upstream connection.
func (r *Relay) once(upstream int, request []byte) error {
	up, err := r.dial(r.cfg.Upstreams[upstream])
	if err != nil {
		return err
	}
	defer r.untrack(up)
	if err := r.exchange(up, request); err != nil {
		r.fail("upstream", err)
		return err
	}
	return nil
}

// pooled exchanges a request over a connection of the pool. If the upstream has closed
// that connection while it was idle, a new one is tried, once.
func (r *Relay) pooled(upstream int, request []byte) error {
	p := r.pools[upstream]
	up, used, err := p.get()
	if err != nil {
		return err
	}
	var kept []byte
	if used {
		kept = bytes.Clone(request) // exchange writes the answer over it
	}
	err = r.exchange(up, request)
	if used && errors.Is(err, errStale) {
		r.untrack(up)
		if up, err = p.dial(); err != nil {
			p.put(nil)
			return err
		}
		copy(request, kept)
		used, err = false, r.exchange(up, request)
	}
	if err != nil {
		r.untrack(up)
		p.put(nil)
		r.fail("upstream", err)
		return err
	}
	if used {
		r.reused.Add(1)
	}
	p.put(up)
	return nil
}

// errStale is the error of an upstream that ended before the first byte of the answer.
var errStale = errors.New("upstream has closed the connection")

// exchange sends a request and reads the answer, of as many bytes, into the same memory.
func (r *Relay) exchange(up net.Conn, request []byte) error {
	_ = up.SetDeadline(time.Now().Add(r.cfg.AnswerTime))
	if _, err := up.Write(request); err != nil {
		return errors.Join(errStale, err)
	}
	n, err := io.ReadFull(up, request)
	if err != nil && n == 0 {
		return errors.Join(errStale, err)
	}
	return err
}

// pipe passes bytes both ways between a client and an upstream connection of its own
// until either ends. It returns the error of the upstream; nil if the client has ended,
// or the upstream in good order.
func (r *Relay) pipe(c net.Conn, upstream int) error {
	up, err := r.dial(r.cfg.Upstreams[upstream])
	if err != nil {
		return err
	}
	defer r.untrack(up)
	back := make(chan error, 1)
	go func() {
		_, failed, gone := copyAll(c, up, r.cfg.AnswerTime)
		switch {
		case gone != nil:
			r.noReader(c, gone)
			_ = up.Close()
		case failed != nil:
			reset(c) // the upstream has failed
		default:
			_ = c.(*net.TCPConn).CloseWrite()
		}
		back <- failed
	}()
	// A client that reads no answers makes its upstream stop reading, too. So upstreams
	// have twice the time, and the client is found out first.
	n, gone, failed := copyAll(up, c, 2*r.cfg.AnswerTime)
	r.requests.Add(n)
	if n > 1 {
		r.reused.Add(n - 1)
	}
	switch {
	case failed != nil:
		reset(c)
		_ = up.Close()
	case gone != nil:
		_ = up.Close()
	default:
		_ = up.(*net.TCPConn).CloseWrite()
	}
	if err := <-back; failed == nil {
		failed = err
	}
	if failed == nil || errors.Is(failed, net.ErrClosed) { // ErrClosed: we have closed it ourselves
		return nil
	}
	r.fail("upstream", failed)
	return failed
}

// copyAll writes to one connection what it reads from the other, until from ends or
// either fails. It returns how many reads it took, the error of from (nil after a FIN)
// and that of to, where each write may take as long as patience.
func copyAll(to, from net.Conn, patience time.Duration) (reads int64, ofFrom, ofTo error) {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	for {
		n, err := from.Read(*buf)
		if n > 0 {
			reads++
			_ = to.SetWriteDeadline(time.Now().Add(patience))
			if _, err := to.Write((*buf)[:n]); err != nil {
				return reads, nil, err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return reads, nil, nil
		case err != nil:
			return reads, err, nil
		}
	}
}

// pool is a fixed number of slots for upstream connections.
type pool struct {
	slots chan net.Conn // free slots, each with its connection, or nil where none is open yet
	dial  func() (net.Conn, error)
}

func newPool(n int, dial func() (net.Conn, error)) *pool {
	p := &pool{slots: make(chan net.Conn, n), dial: dial}
	for range n {
		p.slots <- nil
	}
	return p
}

// get waits for a free slot and returns its connection, which it opens if there is none.
// used says that the connection has been used before.
func (p *pool) get() (c net.Conn, used bool, err error) {
	if c = <-p.slots; c != nil {
		return c, true, nil
	}
	if c, err = p.dial(); err != nil {
		p.put(nil)
	}
	return c, false, err
}

// put frees a slot, with its connection, or with nil after an error.
func (p *pool) put(c net.Conn) { p.slots <- c }
