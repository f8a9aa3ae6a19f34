package loadgen

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/tcp"
	"github.com/c10m/c10m/internal/unit"
	"github.com/c10m/c10m/internal/ws"
)

// Engine executes a plan, phase by phase: Ramp, any number of Exchange, Close,
// Stop. Its methods are for one goroutine, except Counts, Live, Halt and
// HaltReason.
type Engine struct {
	shared  *shared
	threads []*thread
	lanes   int     // threads that ramp at a time, one a core
	sizes   []int64 // connections of each thread
	conns   int64   // of the plan
	rate    unit.Rate
	at      int64  // how many are meant to be open
	mem     []byte // of the connections
	packets bool   // there are no sockets
}

// Start makes the threads, with private fd tables where the plan says so. Call
// it before anything opens sockets: a private table starts as a copy.
func Start(p plan.Plan, maxSize int) (*Engine, error) {
	s, err := newShared(p, maxSize)
	if err != nil {
		return nil, err
	}
	// The flat arrays of all connections are outside the Go heap: their size would
	// otherwise set how much garbage may pile up beside it.
	mem, err := sys.Alloc(int(p.Conns * connBytes))
	if err != nil {
		return nil, err
	}
	if s.wake, err = sys.Eventfd(); err != nil {
		sys.Free(mem)
		return nil, fmt.Errorf("create wake-up eventfd: %w", err)
	}
	e := &Engine{shared: s, mem: mem, conns: p.Conns, rate: p.Rate, packets: p.Packets.On()}
	for i, part := range p.Split(p.Threads) {
		t, err := newThread(s, part, mem[(part.Offset-p.Offset)*connBytes:][:part.Conns*connBytes])
		if err != nil {
			e.free()
			return nil, fmt.Errorf("make client thread: %w", err)
		}
		t.cs.part, t.cs.parts = int64(i), int64(p.Threads)
		e.threads = append(e.threads, t)
		e.sizes = append(e.sizes, part.Conns)
	}
	sys.Seat(len(e.threads))
	started := make(chan error)
	for _, t := range e.threads {
		s.threads.Go(func() { t.run(p.PrivateTables, started) })
	}
	for range e.threads {
		if e := <-started; e != nil && err == nil {
			err = e
		}
	}
	if err != nil {
		_, _ = e.Stop() // returns the same error
		return nil, fmt.Errorf("start client threads: %w", err)
	}
	e.lanes = min(len(e.threads), sys.Cores()) // a quota of processor time counts
	return e, nil
}

// free releases what was made for threads that never ran.
func (e *Engine) free() {
	for _, t := range e.threads {
		t.cs.link.stop(false)
		t.cs.msgs.hears.free()
		t.cs.pings.free()
	}
	e.shared.closeWake()
	sys.Free(e.mem)
}

// newShared is what all threads read of a plan.
func newShared(p plan.Plan, maxSize int) (*shared, error) {
	s := &shared{to: p.List(), wide: p.WidePorts(), pattern: newPattern(maxSize, p.WebSocket.Text), opcode: ws.OpBinary}
	if p.WebSocket.Text {
		s.opcode = ws.OpText
	}
	lines, err := linesOf(&p.Target)
	if err != nil {
		return nil, err
	}
	if s.said, err = newSaid(p.Talk, lines, p.Seed); err != nil {
		return nil, err
	}
	if s.said.listens() {
		s.broadcasts = newBroadcasts()
	}
	s.secret = tcp.NewSecret()
	for i := range s.to {
		to := &s.to[i]
		s.inRange = s.inRange || p.Local.Has(int(to.At.Port()))
		s.dest = append(s.dest, sys.NewAddr(to.At.Addr(), to.At.Port()))
		var request *ws.Template
		if to.WS {
			if request, err = Request(&p.Target, to, lines); err != nil {
				return nil, err
			}
			if p.Talk.Deflate {
				request.OfferDeflate()
			}
		}
		s.requests = append(s.requests, request)
	}
	for _, ip := range p.Sources {
		s.src = append(s.src, sys.NewAddr(ip, 0))
	}
	for _, ip := range p.SourcesV6 {
		s.srcV6 = append(s.srcV6, sys.NewAddr(ip, 0))
	}
	return s, s.secure(p)
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
	e.do(ctx, e.threads, command{kind: doExchange, ex: x}, len(e.threads), func() { e.shared.stopEx.Store(true) })
}

// shareSample spreads a sample of n connections evenly over all that are open, and
// gives each thread its part.
func (e *Engine) shareSample(n int64) {
	all, before := max(1, e.Counts().Open()), int64(0)
	upTo := func(conns int64) int64 { return conns * min(n, all) / all }
	for _, t := range e.threads {
		held := t.pub.load().Open()
		t.sample = upTo(before+held) - upTo(before)
		before += held
	}
}

// Close ends all connections the way the plan says. When ctx ends first, the
// rest is left to Stop.
func (e *Engine) Close(ctx context.Context) {
	e.do(ctx, e.threads, command{kind: doClose}, len(e.threads), func() { e.shared.leave.Store(true) })
}

// Census counts what is open where.
func (e *Engine) Census() Census {
	c := Census{PerDest: make([]int64, len(e.shared.to)), PerSource: make([]int64, max(1, len(e.shared.src)))}
	var mu sync.Mutex
	e.each(func(t *thread) {
		mu.Lock()
		defer mu.Unlock()
		c.PerThread = append(c.PerThread, t.cs.total().Open())
		for slot := range t.cs.list {
			if t.cs.list[slot].state == open {
				to := t.cs.plan.Tuple(t.cs.plan.Offset + int64(slot))
				c.PerDest[to.Dest]++
				c.PerSource[to.Source]++
			}
		}
	})
	return c
}

// each runs a function in every thread.
func (e *Engine) each(take func(*thread)) {
	e.do(context.Background(), e.threads, command{kind: doCensus, take: take}, len(e.threads), func() {})
}

// do gives a command to some threads and waits until n threads have done it. If
// ctx ends first, it calls stop, and they end what they are doing.
func (e *Engine) do(ctx context.Context, to []*thread, c command, n int, stop func()) {
	var wg sync.WaitGroup
	wg.Add(n)
	c.done, c.start = wg.Done, time.Now()
	for _, t := range to {
		t.cmds <- c
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

// Counts sums what the threads have published so far.
func (e *Engine) Counts() (c Counts) {
	for _, t := range e.threads {
		c.add(t.pub.load())
	}
	return c
}

// Stop ends the threads and sums what they counted. It does not wait for
// connections that are still open: they are closed as the threads end, and the
// engine's memory is freed. Those without sockets it does wait for: when this
// process ends, the kernel resets none of them, and the server would keep them.
func (e *Engine) Stop() (Tally, error) {
	e.do(context.Background(), e.threads, command{kind: doStop}, len(e.threads), func() {})
	if e.packets {
		e.shared.threads.Wait()
	}
	sum := newTally()
	var err error
	for _, t := range e.threads {
		sum.add(&t.cs.ledger)
		sum.Calls += t.calls
		if own, is := t.cs.link.(ownTCP); is {
			sum.addPackets(own.counted())
		}
		if t.err != nil {
			err = t.err
		}
	}
	sum.First = e.shared.answer.Load()
	if e.shared.broadcasts != nil {
		sum.FanOut = e.shared.broadcasts.sum()
	}
	go func() {
		e.shared.threads.Wait()
		e.shared.closeWake()
		sys.Free(e.mem)
	}()
	return sum, err
}
