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

// buffers are for requests on their way. Plain reads and writes, no io.Copy: on
// a TCPConn that would hold a splice(2) pipe, two more fds, for each direction.
var buffers = sync.Pool{New: func() any { b := make([]byte, bufferSize); return &b }}

// answer passes each request on and its answer back, over an upstream
// connection of its own or of the pool. The error is the upstream's; nil is the
// client's end.
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

// noReader ends a client that an answer could not be written to. It is counted
// if it is still there and does not read.
func (r *Relay) noReader(c net.Conn, err error) {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		r.ctr.Causes[echo.SlowReader].Add(1)
	}
	reset(c)
}

// once exchanges a request over a connection that is made for it.
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

// pooled exchanges a request over a connection of the pool. One that the
// upstream closed while it was idle is replaced, once.
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

// errStale is an upstream that ended before a byte of the answer.
var errStale = errors.New("upstream has closed the connection")

// exchange sends a request and reads as many bytes back into it.
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

// pipe passes bytes both ways between a client and an upstream connection of its
// own, whatever they mean, until either ends. The error is the upstream's; nil
// is the client's end, or the upstream's orderly one.
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
			reset(c) // nothing more can be passed on
		default:
			_ = c.(*net.TCPConn).CloseWrite()
		}
		back <- failed
	}()
	// An upstream that takes no more because the client takes no answers has
	// longer: it is the client that is found out first.
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
	if failed == nil || errors.Is(failed, net.ErrClosed) { // ErrClosed: the end that we made
		return nil
	}
	r.fail("upstream", failed)
	return failed
}

// copyAll passes on what from sends, and returns in how many reads. It ends with
// an error of from, nil for its orderly end, or one of to, which has patience
// for each write.
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

// pool is at most so many upstream connections.
type pool struct {
	slots chan net.Conn // nil: a connection that may be made
	dial  func() (net.Conn, error)
}

func newPool(n int, dial func() (net.Conn, error)) *pool {
	p := &pool{slots: make(chan net.Conn, n), dial: dial}
	for range n {
		p.slots <- nil
	}
	return p
}

// get waits for a connection; used says that it has served before.
func (p *pool) get() (c net.Conn, used bool, err error) {
	if c = <-p.slots; c != nil {
		return c, true, nil
	}
	if c, err = p.dial(); err != nil {
		p.put(nil)
	}
	return c, false, err
}

// put gives a slot back, with its connection or, after an error, without.
func (p *pool) put(c net.Conn) { p.slots <- c }
