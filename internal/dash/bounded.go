package dash

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// maxRequests bounds the connections to an endpoint, so that requests never take
// the fds that the program needs for its connections.
const maxRequests = 64

// boundedListener is a listener with at most maxRequests connections open. For one more
// the oldest is closed, those first that have not sent a whole request yet. So a scrape
// or a health check gets through at once, however many are connected. Streams (profiles,
// viewers of the page) are never closed for another: they are meant to last, and have
// bounds of their own, far below maxRequests.
type boundedListener struct {
	net.Listener
	mu    sync.Mutex
	conns map[*boundedConn]bool
}

// boundedConn is one of its connections.
type boundedConn struct {
	net.Conn
	of     *boundedListener
	since  time.Time // when asking or stream changed
	asking bool      // it has sent a whole request, which is being answered
	stream bool      // that answer is a stream
}

// Accept implements net.Listener.
func (c *boundedListener) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	g := &boundedConn{Conn: conn, of: c, since: time.Now()}
	if out := c.admit(g); out != nil {
		_ = out.Close()
	}
	return g, nil
}

// admit adds g and returns the connection that is to be closed for it; nil: none.
func (c *boundedListener) admit(g *boundedConn) (out *boundedConn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.conns) >= maxRequests {
		for other := range c.conns {
			if !other.stream && (out == nil || other.before(out)) {
				out = other
			}
		}
		delete(c.conns, out)
	}
	c.conns[g] = true
	return out
}

// before says whether c is closed rather than other.
func (c *boundedConn) before(other *boundedConn) bool {
	if c.asking != other.asking {
		return !c.asking
	}
	return c.since.Before(other.since)
}

// note is http.Server.ConnState: it notes that a request has begun or been answered.
func (c *boundedListener) note(conn net.Conn, state http.ConnState) {
	g, ok := conn.(*boundedConn)
	if !ok || state != http.StateActive && state != http.StateIdle {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	// StateActive begins with the first byte of a request; setAsking is called once all
	// of it has come.
	g.asking, g.stream, g.since = false, false, time.Now()
}

// Close implements net.Conn.
func (c *boundedConn) Close() error {
	c.of.mu.Lock()
	delete(c.of.conns, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// connKey is the key of a request's connection in the request's context.
type connKey struct{}

// withConn is http.Server.ConnContext.
func withConn(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, conn)
}

// setAsking notes that all of r has come.
func setAsking(r *http.Request) { mark(r, func(g *boundedConn) { g.asking = true }) }

// setStream notes that the answer to r is a stream.
func setStream(r *http.Request) { mark(r, func(g *boundedConn) { g.stream = true }) }

func mark(r *http.Request, change func(*boundedConn)) {
	if g, ok := r.Context().Value(connKey{}).(*boundedConn); ok {
		g.of.mu.Lock()
		change(g)
		g.of.mu.Unlock()
	}
}

// whole has next write its answer into memory, and sends it once next has returned: so a
// client that reads slowly does not make next hold a lock, or one of a few places.
func whole(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kept := &bufferedAnswer{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(kept, r)
		w.WriteHeader(kept.status)
		_, _ = w.Write(kept.body.Bytes())
	})
}

// bufferedAnswer collects an answer in memory.
type bufferedAnswer struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// WriteHeader implements http.ResponseWriter.
func (k *bufferedAnswer) WriteHeader(status int) { k.status = status }

// Write implements http.ResponseWriter.
func (k *bufferedAnswer) Write(b []byte) (int, error) { return k.body.Write(b) }
