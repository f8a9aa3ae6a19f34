package gnet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/panjf2000/gnet/v2"
	"github.com/panjf2000/gnet/v2/pkg/logging"

	"github.com/c10m/c10m/internal/echo"
	"github.com/c10m/c10m/internal/sys"
)

// engine is gnet's event handler.
type engine struct {
	gnet.BuiltinEventEngine
	core   *echo.Core
	index  map[int]int // listening port -> index into Config.Ports
	eng    gnet.Engine
	booted chan struct{} // closed when every loop runs
	done   chan struct{} // closed when it has ended
	loops  []atomic.Pointer[loop]
	lanes  []*lane // one for each loop
}

// Serve is the echo.Engine. gnet ends on an error of accept4(2), with every
// connection: Admit keeps clear of the errors that we know of, and after any other
// gnet is started again.
func Serve(ctx context.Context, core *echo.Core) error {
	for {
		began := time.Now()
		if err := rotate(ctx, core); err != nil || ctx.Err() != nil {
			return err
		}
		core.Logf("gnet ended on an error of accept4(2), and all connections with it; it is started again")
		if time.Since(began) < restartEvery {
			select {
			case <-ctx.Done():
			case <-time.After(restartEvery):
			}
		}
	}
}

// restartEvery is the least time between two starts of gnet.
const restartEvery = time.Second

// rotate runs gnet until ctx ends or it does.
func rotate(ctx context.Context, core *echo.Core) error {
	e := &engine{core: core, index: make(map[int]int, len(core.Ports)), booted: make(chan struct{}),
		loops: make([]atomic.Pointer[loop], core.Loops)}
	end := time.Now()
	defer func() {
		for _, l := range e.lanes {
			l.end(time.Until(end))
		}
	}()
	for i := range core.Loops {
		l, err := newLane(core, i)
		if err != nil {
			return err
		}
		e.lanes = append(e.lanes, l)
	}
	addrs := make([]string, 0, len(core.Ports))
	for i, p := range core.Ports {
		e.index[p.Number] = i
		// Always an explicit address and family: with "tcp://:port" and
		// ReusePort all IPv4 connections land on the first loop.
		family := "tcp6"
		if core.Bind.Is4() {
			family = "tcp4"
		}
		addrs = append(addrs, family+"://"+netip.AddrPortFrom(core.Bind, uint16(p.Number)).String())
		if core.Bind == netip.IPv6Unspecified() {
			// gnet's "tcp6" sockets are IPv6 alone: IPv4 has listeners of its own.
			addrs = append(addrs, "tcp4://"+netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(p.Number)).String())
		}
	}
	e.done = make(chan struct{})
	defer close(e.done)
	go e.stopWhen(ctx, e.done)
	err := e.start(addrs)
	if ctx.Err() != nil {
		end = time.Now().Add(lingerTime)
	}
	return err
}

// start runs gnet to its end, or gives up after startTimeout: when a listener cannot be
// opened, gnet waits for ever for loops that it never started.
func (e *engine) start(addrs []string) error {
	ended := make(chan error, 1)
	go func() {
		ended <- gnet.Rotate(e, addrs,
			gnet.WithReusePort(true), gnet.WithReuseAddr(true), gnet.WithTicker(true),
			gnet.WithNumEventLoop(e.core.Loops), gnet.WithTCPNoDelay(gnet.TCPNoDelay),
			gnet.WithReadBufferCap(readSize),
			gnet.WithLogger(logger{e.core}), gnet.WithLogLevel(logging.ErrorLevel))
	}()
	select {
	case err := <-ended:
		return err
	case <-e.booted:
		return <-ended
	case <-time.After(startTimeout):
		return fmt.Errorf("open %d listeners: not done after %v", len(addrs)*e.core.Loops, startTimeout)
	}
}

// readSize is the one read buffer of a loop, a power of two: a WebSocket frame of 64
// KiB, or as much in records of TLS, is read at once.
const readSize = 128 << 10

// startTimeout bounds how long gnet may take to listen.
const startTimeout = 60 * time.Second

// lingerTime is how long peers have at shutdown to read what waits for them and to
// answer a close frame.
const lingerTime = 5 * time.Second

// stopWhen ends the engine when ctx does. An engine that never booted has
// nothing to stop.
func (e *engine) stopWhen(ctx context.Context, done <-chan struct{}) {
	select {
	case <-done:
		return
	case <-ctx.Done():
	}
	select {
	case <-done:
	case <-e.booted:
		e.core.Drain()
		stop, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		_ = e.eng.Stop(stop)
	}
}

// stopTimeout bounds how long closing every connection may take.
const stopTimeout = 30 * time.Second

// tick is how often the loops check deadlines, and look for urgent data, which takes
// two looks: it is found within a second.
const tick = 400 * time.Millisecond

// OnBoot is called once every listener of the first loop is open.
func (e *engine) OnBoot(eng gnet.Engine) gnet.Action {
	e.eng = eng
	return gnet.None
}

// OnTick is called for the first time when all loops run, off the loops.
func (e *engine) OnTick() (time.Duration, gnet.Action) {
	select {
	case <-e.booted:
	default:
		if e.core.KeepAlive > 0 {
			// Set on the listeners: a connection inherits it without a system call.
			if err := sys.NewKeepAlive(e.core.KeepAlive).SetListeners(); err != nil {
				e.core.Logf("peers that vanish are not noticed: %v", err)
			}
		}
		e.core.Ready()
		close(e.booted)
		if e.core.Handed != nil {
			go e.core.Handed(e.done, e.take)
		}
	}
	for i := range e.loops {
		if l := e.loops[i].Load(); l != nil {
			l.look()
		}
	}
	return tick, gnet.None
}

// settled is the context of connections that are no longer counted here: they were
// refused, have ended, or have moved to a lane. A boxed byte allocates nothing.
const settled = uint8(1)

// OnOpen admits a connection or refuses it with RST. Refusing here, below the
// limits of files and memory, keeps accept4(2) from ever failing with EMFILE,
// ENFILE, ENOBUFS or ENOMEM, on which gnet ends.
func (e *engine) OnOpen(c gnet.Conn) ([]byte, gnet.Action) {
	l, port := e.loopOf(c), e.portOf(c)
	admission := l.AdmitOrPass(c.Fd(), port)
	if admission != echo.Admitted {
		c.SetContext(settled)
		if admission == echo.Refused {
			_ = c.SetLinger(0)
		}
		return nil, gnet.Close
	}
	c.SetContext(&l.contexts[port])
	if l.idle != nil {
		l.idle.add(c)
	}
	if s := l.Open(c.Fd(), port); s != nil {
		l.keep(c, s)
	}
	return nil, gnet.None
}

// take serves a connection that another engine has accepted.
func (e *engine) take(fd int) {
	f := os.NewFile(uintptr(fd), "handed")
	c, err := net.FileConn(f)
	_ = f.Close()
	if err != nil {
		return // its peer is gone already
	}
	// Only from this goroutine: gnet chooses the loop without a lock.
	done, err := e.eng.Register(gnet.NewNetConnContext(context.Background(), c))
	if err != nil {
		_ = c.Close()
		return
	}
	<-done // OnOpen has been called
}

func (e *engine) portOf(c gnet.Conn) int {
	if a, ok := c.LocalAddr().(*net.TCPAddr); ok {
		return e.index[a.Port]
	}
	return 0
}

// loopOf is our loop beside the event loop that a connection is on, made with its
// first connection.
func (e *engine) loopOf(c gnet.Conn) *loop {
	ev := c.EventLoop()
	for i := 0; ; i++ {
		l := e.loops[i].Load()
		if l == nil {
			l = newLoop(e.core, i, ev, c.Fd(), e.lanes[i])
			if !e.loops[i].CompareAndSwap(nil, l) {
				l = e.loops[i].Load() // another loop has just taken the place
			}
		}
		if l.event == ev {
			return l
		}
	}
}

// OnTraffic echoes what has arrived. The bytes are the loop's own read buffer.
func (e *engine) OnTraffic(c gnet.Conn) gnet.Action {
	buf, err := c.Next(-1)
	if err != nil || len(buf) == 0 {
		return gnet.None
	}
	l, port, s := where(c)
	if l == nil {
		return gnet.None
	}
	if l.idle != nil {
		l.idle.touch(c.Fd())
	}
	after, next := l.Input(c.Fd(), port, s, buf)
	return l.proceed(c, port, s, after, next)
}

// OnClose removes a connection from the counts. But where the peer has ended its half
// and output still waits for it, or a close frame is to be sent at shutdown, the
// connection moves to the lane and goes on there.
func (e *engine) OnClose(c gnet.Conn, err error) gnet.Action {
	l, port, s := where(c)
	if l == nil {
		return gnet.None
	}
	if l.idle != nil {
		l.idle.remove(c.Fd())
	}
	next := echo.Close
	switch {
	case errors.Is(err, io.EOF):
		s, next = l.EOF(c.Fd(), port, s)
	case err == nil && e.core.Draining():
		s, next = l.Leave(c.Fd(), port, s, echo.NoCause)
	}
	if next.Ends() || !l.move(c, port, s) {
		l.Gone(c.Fd(), port, s)
	}
	return gnet.None
}

// logger passes gnet's errors on and drops the rest. Errors of accept4(2) are
// counted here: gnet reports them nowhere else.
type logger struct{ core *echo.Core }

func (l logger) Debugf(string, ...any) {}
func (l logger) Infof(string, ...any)  {}
func (l logger) Warnf(string, ...any)  {}
func (l logger) Errorf(format string, args ...any) {
	if errno, is := failedAccept(format, args); is {
		l.core.Failed("accept4", errno)
		return
	}
	l.core.Logf(format, args...)
}
func (l logger) Fatalf(format string, args ...any) { l.core.Logf(format, args...) }

// failedAccept takes the error of accept4(2) out of gnet's message about it.
func failedAccept(format string, args []any) (sys.Errno, bool) {
	if !strings.HasPrefix(format, "Accept() failed") || len(args) != 1 {
		return 0, false
	}
	errno, is := args[0].(sys.Errno)
	return errno, is
}
