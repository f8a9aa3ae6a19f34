// Package loadgen is the client's engine: locked OS threads, each with its own
// epoll instance, its own share of the connections, one I/O buffer, counters
// and histograms; nothing is shared until it stops. An idle connection costs 28
// bytes of flat array.
package loadgen

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"time"
	"unsafe"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/unit"
	"github.com/c10m/c10m/internal/ws"
)

// Engine executes a plan, phase by phase: Ramp, any number of Exchange, Close,
// Stop. Its methods are for one goroutine, except Counts, Live, Halt and
// HaltReason.
type Engine struct {
	shared *shared
	loops  []*loop
	mem    []byte // of the connections
}

// Start makes the threads, with private fd tables where the plan says so. Call
// it before anything opens sockets: a private table starts as a copy.
func Start(p plan.Plan, maxSize int) (*Engine, error) {
	s, err := newShared(p, maxSize)
	if err != nil {
		return nil, err
	}
	// The flat array of all connections is outside the Go heap: its size would
	// otherwise set how much garbage may pile up beside it.
	mem, err := sys.Alloc(int(p.Conns) * int(unsafe.Sizeof(conn{})))
	if err != nil {
		return nil, err
	}
	if s.wake, err = sys.Eventfd(); err != nil {
		sys.Free(mem)
		return nil, fmt.Errorf("create wake-up eventfd: %w", err)
	}
	e := &Engine{shared: s, mem: mem}
	conns := unsafe.Slice((*conn)(unsafe.Pointer(unsafe.SliceData(mem))), p.Conns)
	started, wide := make(chan error), p.WidePorts()
	for _, part := range p.Split(p.Threads) {
		l := newLoop(s, part, conns[part.Offset-p.Offset:][:part.Conns], wide)
		e.loops = append(e.loops, l)
		s.threads.Go(func() { l.run(p.PrivateTables, started) })
	}
	for range e.loops {
		if e := <-started; e != nil && err == nil {
			err = e
		}
	}
	if err != nil {
		_, _ = e.Stop() // says the same
		return nil, fmt.Errorf("start client threads: %w", err)
	}
	e.makeLanes(p)
	return e, nil
}

// newShared is what all loops read of a plan.
func newShared(p plan.Plan, maxSize int) (*shared, error) {
	s := &shared{family: sys.Family(p.Host), pattern: newPattern(maxSize, p.WebSocket.Text), opcode: ws.OpBinary}
	if p.WebSocket.Text {
		s.opcode = ws.OpText
	}
	for i, port := range p.Ports {
		s.inRange = s.inRange || p.Local.Has(port)
		s.dest = append(s.dest, sys.NewAddr(p.Host, uint16(port)))
		if !p.IsWS(i) {
			s.requests = append(s.requests, nil)
			continue
		}
		host := netip.AddrPortFrom(p.Host, uint16(port)).String()
		t, err := ws.NewTemplate(host, cmp.Or(p.WebSocket.Path, "/"), p.WebSocket.Headers, p.WebSocket.Subprotocol)
		if err != nil {
			return nil, fmt.Errorf("write handshake: %w", err)
		}
		s.requests = append(s.requests, t)
	}
	for _, ip := range p.Sources {
		s.src = append(s.src, sys.NewAddr(ip, 0))
	}
	return s, nil
}

func newLoop(s *shared, part plan.Plan, conns []conn, wide bool) *loop {
	l := &loop{
		shared: s, plan: part, epoch: time.Now(),
		events: make([]sys.Event, eventBatch), buf: make([]byte, headroom+readSize), conns: conns,
		cmds: make(chan command, 2), wide: wide,
	}
	if part.Proto != plan.WS {
		l.times[TCP] = newTimes(TCP)
	}
	if part.Proto == plan.WS || part.Proto == plan.Mixed {
		l.times[WS], l.out, l.rare = newTimes(WS), make([]byte, 0, readSize), map[int64]*rare{}
	}
	return l
}

// makeLanes chains the loops into as many lanes as there are cores to run them.
func (e *Engine) makeLanes(p plan.Plan) {
	n := min(len(e.loops), max(1, runtime.NumCPU()))
	for i, l := range e.loops {
		l.lane.rate = unit.Rate{PerSecond: p.Rate.PerSecond / float64(n)}
		if i+n < len(e.loops) {
			next := e.loops[i+n]
			l.lane.next = next
			next.lane.offset = l.lane.offset + l.plan.Conns
		}
	}
}

// Ramp establishes the plan's connections. It returns when all are
// established or failed, or when ctx ended or Halt was called.
func (e *Engine) Ramp(ctx context.Context) {
	heads := min(len(e.loops), max(1, runtime.NumCPU()))
	e.do(ctx, e.loops[:heads], command{kind: doRamp}, len(e.loops), func() { e.shared.halt("interrupted") })
}

// Halt stops the ramp, keeping what is established. It may be called from
// anywhere; the first reason given is kept.
func (e *Engine) Halt(reason string) { e.shared.halt(reason) }

// HaltReason is why the ramp was stopped, "" if it was not.
func (e *Engine) HaltReason() string {
	if r := e.shared.reason.Load(); r != nil {
		return *r
	}
	return ""
}

// Exchange sends messages over what is open, until x is done or ctx ends.
func (e *Engine) Exchange(ctx context.Context, x Exchange) {
	e.shared.stopEx.Store(false)
	e.shareSample(x.Sample)
	e.do(ctx, e.loops, command{kind: doExchange, ex: x}, len(e.loops), func() { e.shared.stopEx.Store(true) })
}

// shareSample gives each loop its part of an even spread of n over all
// connections that are open.
func (e *Engine) shareSample(n int64) {
	all, before := max(1, e.Counts().Open()), int64(0)
	upTo := func(conns int64) int64 { return conns * min(n, all) / all }
	for _, l := range e.loops {
		held := l.pub.load().Open()
		l.sample = upTo(before+held) - upTo(before)
		before += held
	}
}

// Close ends all connections the way the plan says. When ctx ends first, the
// rest is left to Stop.
func (e *Engine) Close(ctx context.Context) {
	e.do(ctx, e.loops, command{kind: doClose}, len(e.loops), func() { e.shared.leave.Store(true) })
}

// Census counts what is open where.
func (e *Engine) Census() Census {
	c := Census{PerPort: make([]int64, len(e.shared.dest)), PerSource: make([]int64, max(1, len(e.shared.src)))}
	var mu sync.Mutex
	e.each(func(l *loop) {
		mu.Lock()
		defer mu.Unlock()
		c.PerThread = append(c.PerThread, l.total().Open())
		for slot := range l.conns {
			if l.conns[slot].state == open {
				t := l.plan.Tuple(l.plan.Offset + int64(slot))
				c.PerPort[t.Port]++
				c.PerSource[t.Source]++
			}
		}
	})
	return c
}

// each lets every loop do something, in its own thread.
func (e *Engine) each(take func(*loop)) {
	e.do(context.Background(), e.loops, command{kind: doCensus, take: take}, len(e.loops), func() {})
}

// do gives an order to some loops and waits until n loops have done it. When
// ctx ends first, it calls stop, and they end what they do.
func (e *Engine) do(ctx context.Context, to []*loop, c command, n int, stop func()) {
	var wg sync.WaitGroup
	wg.Add(n)
	c.done, c.start = wg.Done, time.Now()
	for _, l := range to {
		l.cmds <- c
	}
	e.shared.signal()
	done := make(chan struct{})
	go func() {
		wg.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		stop()
		e.shared.signal()
		<-done
	}
}

// Counts sums what the loops have published so far.
func (e *Engine) Counts() (c Counts) {
	for _, l := range e.loops {
		c.add(l.pub.load())
	}
	return c
}

// Stop ends the threads and sums what they counted. It does not wait for the
// connections that are still open: they are closed behind it, as the threads
// end, and what the engine took is given back.
func (e *Engine) Stop() (Tally, error) {
	e.do(context.Background(), e.loops, command{kind: doStop}, len(e.loops), func() {})
	t := newTally()
	var err error
	for _, l := range e.loops {
		t.add(l)
		if l.err != nil {
			err = l.err
		}
	}
	go func() {
		e.shared.threads.Wait()
		e.shared.closeWake()
		sys.Free(e.mem)
	}()
	return t, err
}
