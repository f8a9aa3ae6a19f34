package relay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/c10m/c10m/internal/echo"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/sys"
)

// Mode is how upstream connections are used.
type Mode string

// The modes.
const (
	PerRequest Mode = "per-request" // a new one for each request, closed by us
	Pool       Mode = "pool"        // Config.Pool of them, shared by all clients
	KeepAlive  Mode = "keepalive"   // one for each client, as long as it stays
)

// Config is the configuration of a relay.
type Config struct {
	Bind      netip.Addr
	Ports     []echo.Port
	Upstreams []netip.AddrPort // used in turn, one for each client
	Mode      Mode
	Pool      int   // upstream connections, for Pool
	Limit     int64 // client connections; the surplus is refused with RST
	// AnswerTime is how long an upstream may take to answer, and a client to read an
	// answer. 0: 30 s.
	AnswerTime time.Duration
}

const (
	// dialTime bounds an upstream connect.
	dialTime   = 10 * time.Second
	answerTime = 30 * time.Second
	// bufferSize is the largest request that is passed on in one piece.
	bufferSize = 16 << 10
)

// Relay is a relay and what it has counted.
type Relay struct {
	cfg   Config
	ctr   *echo.Counters
	pools []*pool // by upstream

	requests, opened, reused atomic.Int64
	next                     atomic.Uint64 // by which clients are given upstreams in turn
	mu                       sync.Mutex
	failed                   result.ErrorCounts
	open                     map[net.Conn]struct{} // closed at the end
	ended                    bool
	clients                  sync.WaitGroup
}

// New makes a relay that counts its clients in ctr.
func New(cfg Config, ctr *echo.Counters) *Relay {
	cfg.AnswerTime = cmp.Or(cfg.AnswerTime, answerTime)
	r := &Relay{cfg: cfg, ctr: ctr, failed: result.ErrorCounts{}, open: map[net.Conn]struct{}{}}
	each := max(1, cfg.Pool/len(cfg.Upstreams))
	for _, at := range cfg.Upstreams {
		r.pools = append(r.pools, newPool(each, func() (net.Conn, error) { return r.dial(at) }))
	}
	return r
}

// Serve relays until ctx ends; ready is called once every port accepts.
func (r *Relay) Serve(ctx context.Context, ready func()) error {
	r.ctr.PID.Store(int32(os.Getpid()))
	listeners := make([]net.Listener, 0, len(r.cfg.Ports))
	defer func() {
		for _, l := range listeners {
			_ = l.Close()
		}
	}()
	for _, p := range r.cfg.Ports {
		l, err := net.Listen("tcp", netip.AddrPortFrom(r.cfg.Bind, uint16(p.Number)).String())
		if err != nil {
			return fmt.Errorf("listen: %w", err)
		}
		listeners = append(listeners, l)
	}
	var accepting sync.WaitGroup
	for i, l := range listeners {
		accepting.Go(func() { r.accept(l, i) })
	}
	r.ctr.State.Store(int32(echo.Ready))
	ready()
	<-ctx.Done()
	r.ctr.State.Store(int32(echo.Stopping))
	for _, l := range listeners {
		_ = l.Close()
	}
	accepting.Wait()
	r.closeAll()
	r.clients.Wait()
	r.ctr.State.Store(int32(echo.Stopped))
	return nil
}

// accept takes clients from one port until it is closed.
func (r *Relay) accept(l net.Listener, port int) {
	for {
		c, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // out of fds or memory: a later call may succeed
			r.fail("accept", err)
			time.Sleep(10 * time.Millisecond)
			continue
		}
		r.ctr.Accepted.Add(1)
		if r.ctr.Open.Add(1) > r.cfg.Limit || !r.track(c) {
			r.ctr.Open.Add(-1)
			r.ctr.Closed.Add(1)
			r.ctr.Causes[echo.OverLimit].Add(1)
			reset(c)
			continue
		}
		r.ctr.PortOpen[port].Add(1)
		r.clients.Go(func() {
			defer func() {
				r.untrack(c)
				r.ctr.Open.Add(-1)
				r.ctr.Closed.Add(1)
				r.ctr.PortOpen[port].Add(-1)
			}()
			r.client(c, int(r.next.Add(1)%uint64(len(r.cfg.Upstreams))))
		})
	}
}

// client serves one client to its end.
func (r *Relay) client(c net.Conn, upstream int) {
	var err error
	if r.cfg.Mode == KeepAlive {
		err = r.pipe(c, upstream)
	} else {
		err = r.answer(c, upstream)
	}
	if err != nil { // a FIN would tell the client that all went well
		r.ctr.Causes[echo.Upstream].Add(1)
		reset(c)
	}
}

// dial opens an upstream connection.
func (r *Relay) dial(to netip.AddrPort) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTime}
	c, err := d.Dial("tcp", to.String())
	if err != nil {
		r.fail("connect", err)
		return nil, err
	}
	r.opened.Add(1)
	if !r.track(c) {
		return nil, net.ErrClosed
	}
	return c, nil
}

// track notes a connection, which is closed when the relay ends. If it has ended
// already, the connection is closed at once and track returns false.
func (r *Relay) track(c net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		_ = c.Close()
		return false
	}
	r.open[c] = struct{}{}
	return true
}

// untrack closes a connection that track has noted.
func (r *Relay) untrack(c net.Conn) {
	r.mu.Lock()
	delete(r.open, c)
	r.mu.Unlock()
	_ = c.Close()
}

func (r *Relay) closeAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	for c := range r.open {
		_ = c.Close()
	}
	clear(r.open)
}

// fail counts an error by phase and cause.
func (r *Relay) fail(phase string, err error) {
	cause := "other"
	for _, k := range []struct {
		errno sys.Errno
		name  string
	}{
		{sys.EADDRNOTAVAIL, "no_address"}, {sys.ECONNREFUSED, "refused"}, {sys.ECONNRESET, "reset"},
		{sys.EPIPE, "reset"}, {sys.EMFILE, "fd_limit"}, {sys.ENFILE, "file_max"},
	} {
		if errors.Is(err, k.errno) {
			cause = k.name
		}
	}
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, sys.ETIMEDOUT) {
		cause = "timeout"
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.ended {
		r.failed.Add(phase+"_"+cause, 1)
	}
}

// Report is what the relay has done upstream.
func (r *Relay) Report() *result.Relay {
	r.mu.Lock()
	defer r.mu.Unlock()
	rep := &result.Relay{Upstream: string(r.cfg.Mode), Requests: r.requests.Load(), Opened: r.opened.Load(),
		Reused: r.reused.Load()}
	if len(r.failed) > 0 {
		rep.Failed = r.failed.Plus(nil)
	}
	return rep
}

// reset ends a connection with RST.
func reset(c net.Conn) {
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	_ = c.Close()
}

// Size says how many client connections fit beside their upstream ones.
func Size(nofile uint64, ports, pool int, m Mode) (int64, error) {
	room := int64(nofile) - int64(ports) - fdReserve
	if m == Pool {
		room -= int64(pool)
	} else {
		room /= 2
	}
	if room < 1 {
		return 0, fmt.Errorf("%d ports and %d pooled connections leave no file descriptor of %d for clients", ports,
			pool, nofile)
	}
	return room, nil
}

// fdReserve is for what is neither listener nor connection.
const fdReserve = 100
