package relay

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/c10m/c10m/internal/sys"
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
		if _, err := c.Write(request); err != nil {
			return nil
		}
	}
}

// once exchanges a request over a connection that is made for it.
func (r *Relay) once(upstream int, request []byte) error {
	up, err := r.dial(r.cfg.Upstreams[upstream])
	if err != nil {
		return err
	}
	defer r.untrack(up)
	if err := exchange(up, request); err != nil {
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
		r.reused.Add(1)
		kept = bytes.Clone(request) // exchange writes the answer over it
	}
	err = exchange(up, request)
	if used && errors.Is(err, errStale) {
		r.untrack(up)
		if up, err = p.dial(); err != nil {
			p.put(nil)
			return err
		}
		copy(request, kept)
		err = exchange(up, request)
	}
	if err != nil {
		r.untrack(up)
		p.put(nil)
		r.fail("upstream", err)
		return err
	}
	p.put(up)
	return nil
}

// errStale is an upstream that ended before a byte of the answer.
var errStale = errors.New("upstream has closed the connection")

// exchange sends a request and reads as many bytes back into it.
func exchange(up net.Conn, request []byte) error {
	_ = up.SetDeadline(time.Now().Add(answerTime))
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
// own, whatever they mean, until either ends.
func (r *Relay) pipe(c net.Conn, upstream int) error {
	up, err := r.dial(r.cfg.Upstreams[upstream])
	if err != nil {
		return err
	}
	back := make(chan struct{})
	go func() {
		_, err := r.copy(c, up)
		if err == nil {
			_ = c.(*net.TCPConn).CloseWrite()
		} else {
			r.failUnlessClosed(err)
			_ = c.Close() // nothing more can be passed on
		}
		close(back)
	}()
	n, err := r.copy(up, c)
	r.requests.Add(n)
	if n > 1 {
		r.reused.Add(n - 1)
	}
	if err == nil {
		_ = up.(*net.TCPConn).CloseWrite()
	} else {
		_ = up.Close()
	}
	<-back
	r.untrack(up)
	return nil
}

// failUnlessClosed counts an upstream's error, not the end that we made.
func (r *Relay) failUnlessClosed(err error) {
	if !errors.Is(err, net.ErrClosed) && !errors.Is(err, sys.EPIPE) {
		r.fail("upstream", err)
	}
}

// copy passes on what from sends, and returns in how many reads. nil is from's
// orderly end.
func (r *Relay) copy(to, from net.Conn) (reads int64, err error) {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	for {
		n, err := from.Read(*buf)
		if n > 0 {
			reads++
			if _, err := to.Write((*buf)[:n]); err != nil {
				return reads, err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return reads, nil
		case err != nil:
			return reads, err
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
