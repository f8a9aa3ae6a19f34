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

// crowd is a listener with at most maxRequests connections open. One more need not
// wait for a slow one to end: it takes the place of the oldest, those first that
// have not sent a request yet. So a scrape or a health check gets through at once,
// however many are connected. Streams (profiles, viewers of the page) are meant to
// last; they have bounds of their own, far below maxRequests, and keep their
// place.
type crowd struct {
	net.Listener
	mu     sync.Mutex
	guests map[*guest]bool
}

// guest is one connection.
type guest struct {
	net.Conn
	crowd  *crowd
	since  time.Time // of its state
	asking bool      // a request of it is being answered
	stream bool
}

// Accept implements net.Listener.
func (c *crowd) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	g := &guest{Conn: conn, crowd: c, since: time.Now()}
	if out := c.admit(g); out != nil {
		_ = out.Close()
	}
	return g, nil
}

// admit adds g and returns the connection that has to go for it; nil: none.
func (c *crowd) admit(g *guest) (out *guest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.guests) >= maxRequests {
		for other := range c.guests {
			if !other.stream && (out == nil || other.before(out)) {
				out = other
			}
		}
		delete(c.guests, out)
	}
	c.guests[g] = true
	return out
}

// before says whether g has to go rather than other.
func (g *guest) before(other *guest) bool {
	if g.asking != other.asking {
		return !g.asking
	}
	return g.since.Before(other.since)
}

// note follows a connection's state, http.Server.ConnState.
func (c *crowd) note(conn net.Conn, state http.ConnState) {
	g, ok := conn.(*guest)
	if !ok || state != http.StateActive && state != http.StateIdle {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	// StateActive begins with the first byte of a request: a peer that sends one and
	// stops there has sent no request.
	g.asking, g.stream, g.since = false, false, time.Now()
}

// Close implements net.Conn.
func (g *guest) Close() error {
	g.crowd.mu.Lock()
	delete(g.crowd.guests, g)
	g.crowd.mu.Unlock()
	return g.Conn.Close()
}

// guestKey is where a request's context has its connection.
type guestKey struct{}

// withGuest is http.Server.ConnContext.
func withGuest(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, guestKey{}, conn)
}

// setAsking notes that a whole request has come.
func setAsking(r *http.Request) { mark(r, func(g *guest) { g.asking = true }) }

// setStream notes that the answer to r is meant to last.
func setStream(r *http.Request) { mark(r, func(g *guest) { g.stream = true }) }

func mark(r *http.Request, change func(*guest)) {
	if g, ok := r.Context().Value(guestKey{}).(*guest); ok {
		g.crowd.mu.Lock()
		change(g)
		g.crowd.mu.Unlock()
	}
}

// whole has next write its answer into memory and sends it afterwards: what next
// holds meanwhile, a lock or a place, is not held by a reader that is slow.
func whole(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kept := &keeper{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(kept, r)
		w.WriteHeader(kept.status)
		_, _ = w.Write(kept.body.Bytes())
	})
}

// keeper is an answer that is being made.
type keeper struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// WriteHeader implements http.ResponseWriter.
func (k *keeper) WriteHeader(status int) { k.status = status }

// Write implements http.ResponseWriter.
func (k *keeper) Write(b []byte) (int, error) { return k.body.Write(b) }
