package echo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/panjf2000/gnet/v2"
	"github.com/panjf2000/gnet/v2/pkg/logging"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/sys"
)

// Config is one engine, decided.
type Config struct {
	Bind        netip.Addr
	Ports       []Port
	Loops       int           // event loops
	Limit       int64         // connections of this engine, below what its fd table holds
	Total       int64         // connections of all engines together that share TotalOpen
	TotalOpen   *atomic.Int64 // counted by all of them; nil: this engine alone
	MaxOutbound int           // bytes that may wait for a slow reader
	MaxMessage  int64         // bytes of a WebSocket message; 0: ws.DefaultMaxMessage
	Handshake   time.Duration // what a WebSocket handshake may take; 0: DefaultHandshake
	IdleTimeout time.Duration // 0: none
	KeepAlive   time.Duration // probe peers silent for so long; 0: never
	CloseOnEOT  bool          // close a TCP connection, first, after a read that ends with byte 4
	Logf        func(format string, args ...any)
	OnReady     func() // called once, when every port accepts; may be nil
}

// Port is one listening port and what it speaks.
type Port struct {
	Number int
	Proto  string // TCP or WS
}

// The protocols of ports.
const (
	TCP = "tcp"
	WS  = "ws"
)

// ErrStopped is an engine that ended though nobody asked it to: gnet stops
// everything when accept4(2) fails with EMFILE, ENFILE, ENOBUFS or ENOMEM.
var ErrStopped = errors.New("event engine stopped by itself")

// Engine is one gnet engine with its counters.
type Engine struct {
	gnet.BuiltinEventEngine
	cfg      Config
	ctr      *Counters
	index    map[int]int // listening port -> index into Counters.PortOpen
	eng      gnet.Engine
	booted   chan struct{} // closed when every loop runs
	draining atomic.Bool
	idle     *idleTable
	loops    [stripes]atomic.Value // gnet.EventLoop, in the order they first had a message
	ws       *wsEngine             // nil without a WebSocket port
}

// refused marks a connection that is closed in OnOpen and was never counted as
// open. A boxed byte: it allocates nothing.
const refused = uint8(1)

// Serve runs an engine until ctx ends (nil) or the engine does (ErrStopped).
// ctr.State turns Ready once every port accepts.
func Serve(ctx context.Context, cfg Config, ctr *Counters) error {
	e := &Engine{cfg: cfg, ctr: ctr, index: make(map[int]int, len(cfg.Ports)), booted: make(chan struct{})}
	if cfg.IdleTimeout > 0 {
		e.idle = newIdleTable(cfg.IdleTimeout)
	}
	addrs := make([]string, len(cfg.Ports))
	for i, p := range cfg.Ports {
		e.index[p.Number] = i
		if p.Proto == WS && e.ws == nil {
			e.ws = newWSEngine(cfg)
		}
		// Always an explicit address and family: with "tcp://:port" and
		// ReusePort all IPv4 connections land on the first loop.
		family := "tcp6"
		if cfg.Bind.Is4() {
			family = "tcp4"
		}
		addrs[i] = family + "://" + netip.AddrPortFrom(cfg.Bind, uint16(p.Number)).String()
		if cfg.Bind == netip.IPv6Unspecified() {
			// gnet's "tcp6" sockets are IPv6 alone: IPv4 has listeners of its own.
			addrs = append(addrs, "tcp4://"+netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(p.Number)).String())
		}
	}
	done := make(chan struct{})
	defer close(done)
	go e.stopWhen(ctx, done)
	err := gnet.Rotate(e, addrs,
		gnet.WithReusePort(true), gnet.WithReuseAddr(true), gnet.WithTicker(true),
		gnet.WithNumEventLoop(cfg.Loops), gnet.WithTCPNoDelay(gnet.TCPNoDelay),
		gnet.WithLogger(logger{cfg.Logf}), gnet.WithLogLevel(logging.ErrorLevel))
	if e.ws != nil {
		e.ws.linger.wait(lingerTime)
	}
	ctr.State.Store(int32(Stopped))
	switch {
	case err != nil:
		return fmt.Errorf("run event engine: %w", err)
	case ctx.Err() == nil:
		return ErrStopped
	}
	return nil
}

// stopWhen ends the engine when ctx does. An engine that never booted has
// nothing to stop.
func (e *Engine) stopWhen(ctx context.Context, done <-chan struct{}) {
	select {
	case <-done:
		return
	case <-ctx.Done():
	}
	select {
	case <-done:
	case <-e.booted:
		e.draining.Store(true)
		e.ctr.State.Store(int32(Stopping))
		stop, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		_ = e.eng.Stop(stop)
	}
}

// stopTimeout bounds how long closing every connection may take.
const stopTimeout = 30 * time.Second

// tick is how often OnTick looks for idle connections.
const tick = 100 * time.Millisecond

// OnBoot is called once every listener of the first loop is open.
func (e *Engine) OnBoot(eng gnet.Engine) gnet.Action {
	e.eng = eng
	return gnet.None
}

// OnTick is called for the first time when all loops run, off the loops.
func (e *Engine) OnTick() (time.Duration, gnet.Action) {
	if e.ctr.State.Load() == int32(Starting) {
		if e.cfg.KeepAlive > 0 {
			// By the listeners: a connection inherits it for nothing.
			if err := sys.NewKeepAlive(e.cfg.KeepAlive).SetListeners(); err != nil {
				e.cfg.Logf("peers that vanish are not noticed: %v", err)
			}
		}
		if e.cfg.OnReady != nil {
			e.cfg.OnReady()
		}
		e.ctr.State.Store(int32(Ready))
		close(e.booted)
	}
	next := time.Hour
	if e.ws != nil {
		e.expire(time.Now())
		next = deadlineTick
	}
	if e.idle != nil {
		e.idle.sweep(time.Now(), func() { e.ctr.Causes[IdleTimeout].Add(1) })
		next = tick
	}
	return next, gnet.None
}

// OnOpen admits a connection or refuses it with RST. Refusing here, below the
// limits of files and of memory, is what keeps accept4(2) from ever failing with
// EMFILE, ENFILE, ENOBUFS or ENOMEM.
func (e *Engine) OnOpen(c gnet.Conn) ([]byte, gnet.Action) {
	e.ctr.Accepted.Add(1)
	if e.draining.Load() {
		return e.refuse(c, Draining)
	}
	open := e.ctr.Open.Add(1)
	if open > e.cfg.Limit {
		e.ctr.Open.Add(-1)
		return e.refuse(c, OverLimit)
	}
	if scarce := e.ctr.Scarce.Load(); scarce != 0 && open > e.ctr.Most.Load() {
		e.ctr.Open.Add(-1)
		return e.refuse(c, int(scarce))
	}
	if e.cfg.TotalOpen != nil && e.cfg.TotalOpen.Add(1) > e.cfg.Total {
		e.cfg.TotalOpen.Add(-1)
		e.ctr.Open.Add(-1)
		return e.refuse(c, OverLimit)
	}
	port := e.portOf(c)
	e.ctr.PortOpen[port].Add(1)
	if e.idle != nil {
		e.idle.add(c)
	}
	if e.cfg.Ports[port].Proto == WS {
		e.openWS(c)
	}
	return nil, gnet.None
}

func (e *Engine) refuse(c gnet.Conn, cause int) ([]byte, gnet.Action) {
	e.ctr.Causes[cause].Add(1)
	c.SetContext(refused)
	_ = c.SetLinger(0)
	return nil, gnet.Close
}

func (e *Engine) portOf(c gnet.Conn) int {
	if a, ok := c.LocalAddr().(*net.TCPAddr); ok {
		return e.index[a.Port]
	}
	return 0
}

// OnClose takes a connection out of the counts.
func (e *Engine) OnClose(c gnet.Conn, err error) gnet.Action {
	e.ctr.Closed.Add(1)
	if n := c.OutboundBuffered(); n > 0 && errors.Is(err, io.EOF) {
		// The peer has ended its half and may still be reading. gnet writes
		// what waits for it once more, and drops what the socket does not take.
		sys.RoomToSend(c.Fd(), n)
	}
	switch st := c.Context().(type) {
	case uint8: // refused
		return gnet.None
	case *wsConn:
		e.closeWS(c, st, err)
	}
	e.ctr.Open.Add(-1)
	if e.cfg.TotalOpen != nil {
		e.cfg.TotalOpen.Add(-1)
	}
	e.ctr.PortOpen[e.portOf(c)].Add(-1)
	if e.idle != nil {
		e.idle.remove(c)
	}
	return gnet.None
}

// loopOf numbers the event loop that a connection is on, by looking at those below
// it; none is locked.
func (e *Engine) loopOf(c gnet.Conn) int {
	own := any(c.EventLoop())
	for i := range e.loops {
		known := e.loops[i].Load()
		if known == nil && !e.loops[i].CompareAndSwap(nil, own) {
			known = e.loops[i].Load() // another loop has just taken it
		}
		if known == nil || known == own {
			return i
		}
	}
	return c.Fd()
}

// OnTraffic echoes what has arrived. The bytes are the loop's own read buffer:
// nothing is copied unless the peer does not take its echo, and then no more
// than MaxOutbound is kept before the connection is dropped.
func (e *Engine) OnTraffic(c gnet.Conn) gnet.Action {
	buf, err := c.Next(-1)
	if st, ok := c.Context().(*wsConn); ok {
		return e.trafficWS(c, st, buf)
	}
	if err != nil || len(buf) == 0 {
		return gnet.None
	}
	if e.idle != nil {
		e.idle.touch(c)
	}
	n, last := len(buf), buf[len(buf)-1]
	if _, err := c.Write(buf); err != nil {
		return gnet.None // the write has closed it
	}
	e.ctr.Echoed(e.loopOf(c), 1, n)
	if c.OutboundBuffered() > e.cfg.MaxOutbound {
		e.ctr.Causes[SlowReader].Add(1)
		_ = c.SetLinger(0)
		return gnet.Close
	}
	if e.cfg.CloseOnEOT && last == plan.EndOfTransmission {
		return gnet.Close
	}
	return gnet.None
}

// logger passes gnet's errors on and drops the rest.
type logger struct {
	logf func(format string, args ...any)
}

func (l logger) Debugf(string, ...any)             {}
func (l logger) Infof(string, ...any)              {}
func (l logger) Warnf(string, ...any)              {}
func (l logger) Errorf(format string, args ...any) { l.logf(format, args...) }
func (l logger) Fatalf(format string, args ...any) { l.logf(format, args...) }
