package epoll

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/echo"
	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/tests/nettest"
)

// pretend runs an engine whose fd limit is nofile, whatever the process's is.
func pretend(tb testing.TB, cfg echo.Config, nofile int64) (*engine, *server) {
	tb.Helper()
	e := &engine{nofile: nofile}
	s := serveWith(tb, cfg, func(ctx context.Context, core *echo.Core) error {
		e.core = core
		return e.serve(ctx)
	})
	return e, s
}

// loops are a lane's loops and how many connections each holds.
func (a *lane) held() (open []int64, turn int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	turn = -1
	for i, l := range a.loops {
		open = append(open, l.open.Load())
		if l == a.turn {
			turn = i
		}
	}
	return open, turn
}

// TestPrivateTables: one process holds many times what one fd table does, starts
// a loop when one is nearly full and not before, loses none, and ends the loops
// again that hold nothing.
func TestPrivateTables(t *testing.T) {
	if err := sys.CanPrivateFDTable(); err != nil {
		t.Fatal(err)
	}
	const conns = 1000
	before := runtime.NumGoroutine()
	e, s := pretend(t, echo.Config{Loops: 1, Limit: conns}, 128)
	if !e.private {
		t.Fatal("one table of 128 fds is to hold 1,000 connections")
	}
	if open, turn := e.lanes[0].held(); len(open) != 1 || turn != 0 {
		t.Errorf("%d loops before the first connection, want 1", len(open))
	}
	var all []*net.TCPConn
	for range conns {
		c := s.dial(t)
		echoes(t, c)
		all = append(all, c)
	}
	open, _ := e.lanes[0].held()
	t.Logf("connections by loop: %d", open)
	sum, full := int64(0), 0
	for _, n := range open {
		sum += n
		if n > 100 {
			full++
		}
	}
	if sum != conns || s.PortOpen[0].Load() != conns || len(open) > full+2 || full < conns/128 {
		t.Errorf("%d connections, by loop %d: want %d in full tables, one that is being filled and one that waits",
			sum, open, conns)
	}
	for _, c := range all {
		echoes(t, c)
		_ = c.Close()
	}
	nettest.Await(t, "the end of loops that hold nothing", func() bool {
		open, turn := e.lanes[0].held()
		return len(open) == 1 && turn == 0 && open[0] == 0
	})
	nettest.Await(t, "their threads' end", func() bool { return runtime.NumGoroutine() <= before+3 })
	c := s.dial(t)
	echoes(t, c)
	if s.Accepted.Load() != conns+1 || s.Causes[echo.OverLimit].Load() != 0 {
		t.Errorf("%d accepted, %d refused", s.Accepted.Load(), s.Causes[echo.OverLimit].Load())
	}
}

// TestOneTable: where one fd table holds all, no further loop is started, however
// full the server is.
func TestOneTable(t *testing.T) {
	e, s := pretend(t, echo.Config{Limit: 10}, 10_000)
	for range 10 {
		echoes(t, s.dial(t))
	}
	for range 20 {
		if c, err := net.Dial("tcp4", s.addr); err == nil {
			_, _ = c.Read(make([]byte, 1))
			_ = c.Close()
		}
	}
	for _, a := range e.lanes {
		a.mu.Lock()
		if len(a.loops) != 1 || a.starting || a.turn != a.loops[0] {
			t.Errorf("lane %d has %d loops, starting %v", a.id, len(a.loops), a.starting)
		}
		a.mu.Unlock()
	}
	if s.Open.Load() != 10 || s.Causes[echo.OverLimit].Load() != 20 {
		t.Errorf("%d open, %d refused", s.Open.Load(), s.Causes[echo.OverLimit].Load())
	}
}

// TestEndlessFDLimit: an fd limit of a billion, as containers have it, takes no
// memory for a billion connections.
func TestEndlessFDLimit(t *testing.T) {
	e, s := pretend(t, echo.Config{Limit: 1000}, 1<<30)
	echoes(t, s.dial(t))
	if e.private || len(e.shared.conns) > 100_000 {
		t.Errorf("room for %d connections of 1,000, private %v", len(e.shared.conns), e.private)
	}
}

// TestTurnComesBack: under churn a loop that has room again is used before
// another is started.
func TestTurnComesBack(t *testing.T) {
	e, s := pretend(t, echo.Config{Loops: 1, Limit: 600}, 128)
	var held []*net.TCPConn
	for i := range 3000 {
		c := s.dial(t)
		echoes(t, c)
		held = append(held, c)
		if len(held) > 300 {
			k := (i * 7) % len(held)
			_ = held[k].Close()
			held[k] = held[len(held)-1]
			held = held[:len(held)-1]
		}
	}
	open, _ := e.lanes[0].held()
	t.Logf("connections by loop: %d", open)
	if len(open) > 6 {
		t.Errorf("%d loops for 300 connections in tables of about 110", len(open))
	}
	for _, c := range held {
		echoes(t, c)
	}
}

// TestNoOtherTable: where another loop cannot be started, what the tables cannot
// hold is refused and counted, and who is in stays.
func TestNoOtherTable(t *testing.T) {
	e, s := pretend(t, echo.Config{Loops: 1, Limit: 1000}, 128)
	a := e.lanes[0]
	a.mu.Lock()
	a.retry = time.Now().Add(time.Hour)
	a.mu.Unlock()
	var in []*net.TCPConn
	for {
		c, err := net.Dial("tcp4", s.addr)
		if err != nil {
			break // the reset came before Dial looked
		}
		t.Cleanup(func() { _ = c.Close() })
		_, _ = c.Write([]byte{1})
		if n, err := c.Read(make([]byte, 1)); n != 1 || err != nil {
			break
		}
		in = append(in, c.(*net.TCPConn))
	}
	if n := s.Causes[echo.OverLimit].Load(); n != 1 || len(in) < 100 {
		t.Errorf("%d refused after %d were let in", n, len(in))
	}
	for _, c := range in {
		echoes(t, c)
	}
	_ = in[0].Close()
	nettest.Await(t, "room", func() bool { return s.Open.Load() == int64(len(in)-1) })
	echoes(t, s.dial(t))
}

// TestLanes: connections are dealt to the lanes, and each holds its share.
func TestLanes(t *testing.T) {
	_, s := pretend(t, echo.Config{Loops: 2, Limit: 400}, 300)
	for range 300 {
		echoes(t, s.dial(t))
	}
	each := s.LoopOpen(2)
	if each[0]+each[1] != 300 || s.Open.Load() != 300 || each[0] == 0 || each[1] == 0 {
		t.Errorf("%d open, by lane %d: want 300", s.Open.Load(), each)
	}
}

// TestPanic: a loop that panics ends the engine, which says so.
func TestPanic(t *testing.T) {
	var now atomic.Bool
	var logged atomic.Value
	e := &engine{nofile: 10_000, crashing: func() {
		if now.Load() {
			panic("out of cheese")
		}
	}}
	cfg := echo.Config{}
	addr := place(t, &cfg)
	cfg.Logf = func(format string, a ...any) {
		if len(a) == 1 {
			if b, ok := a[0].([]byte); ok {
				logged.Store(string(b))
			}
		}
	}
	ctr := new(echo.Counters)
	ended := make(chan error, 1)
	go func() {
		ended <- echo.Serve(context.Background(), func(ctx context.Context, core *echo.Core) error {
			e.core = core
			return e.serve(ctx)
		}, cfg, ctr)
	}()
	nettest.Await(t, "ready", func() bool { return echo.State(ctr.State.Load()) == echo.Ready })
	now.Store(true)
	c, err := net.Dial("tcp4", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	err = <-ended
	if said := fmt.Sprint(err); !strings.Contains(said, "panicked") || !strings.Contains(said, "out of cheese") {
		t.Errorf("Serve: %v, want the panic", err)
	}
	if s, _ := logged.Load().(string); !strings.Contains(s, "goroutine ") {
		t.Errorf("logged %q, want a stack", s)
	}
	now.Store(false)
	_ = e.end() // a process would end here
}

// rawSockets makes unconnected sockets, and to is where they are to connect to.
func rawSockets(t *testing.T, n int, addr string) (fds []int, to sys.Addr) {
	t.Helper()
	at := netip.MustParseAddrPort(addr)
	for range n {
		fd, errno := sys.Socket(sys.Family(at.Addr()))
		if errno != 0 {
			t.Fatal(errno)
		}
		t.Cleanup(func() { sys.Close(fd) })
		fds = append(fds, fd)
	}
	return fds, sys.NewAddr(at.Addr(), at.Port())
}

// echoesRaw sends a byte over a non-blocking socket and waits for it.
func echoesRaw(t *testing.T, fd int) {
	t.Helper()
	nettest.Await(t, "the connection", func() bool { n, errno := sys.Send(fd, []byte{7}); return n == 1 && errno == 0 })
	b := make([]byte, 1)
	nettest.Await(t, "the echo", func() bool { n, errno := sys.Read(fd, b); return n == 1 && errno == 0 && b[0] == 7 })
}

// TestNoFiles: accept4(2) fails with EMFILE. It is counted, nothing that is held
// suffers, no processor is used up meanwhile, and what waits is accepted once it
// can be.
func TestNoFiles(t *testing.T) {
	_, s := pretend(t, echo.Config{Loops: 1, Limit: 100_000}, 10_000) // it does not know better
	var in []*net.TCPConn
	for range 40 {
		in = append(in, s.dial(t))
		echoes(t, in[len(in)-1])
	}
	more, to := rawSockets(t, 60, s.addr)
	was, err := sys.GetNofile()
	if err != nil {
		t.Fatal(err)
	}
	limit := func(n uint64) {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: n, Max: was.Hard}); err != nil {
			t.Fatal(err)
		}
	}
	defer limit(was.Soft)
	limit(64)
	for _, fd := range more {
		if errno := sys.Connect(fd, &to); errno != 0 && errno != sys.EINPROGRESS {
			t.Fatal(errno)
		}
	}
	nettest.Await(t, "EMFILE", func() bool { return s.Causes[echo.OverLimit].Load() > 0 })
	open := s.Open.Load()
	if used := sys.CPUOfProcess(func() { time.Sleep(500 * time.Millisecond) }); used > 200*time.Millisecond {
		t.Errorf("%v of processor time in 500 ms without files", used)
	}
	if open >= 100 || s.Open.Load() != open {
		t.Errorf("%d, then %d open with 64 files", open, s.Open.Load())
	}
	for _, c := range in {
		echoes(t, c)
	}
	limit(was.Soft)
	for _, fd := range more {
		echoesRaw(t, fd)
	}
	if n := s.Open.Load(); n != 100 {
		t.Errorf("%d open, want 100", n)
	}
}

// TestNoWatch: epoll_ctl(2) takes no more (fs.epoll.max_user_watches, which is the
// machine's; here the instance is gone). The connection is reset and counted, and
// no place is kept for it.
func TestNoWatch(t *testing.T) {
	h := newHarness(t, echo.TCP)
	h.ep.Close()
	p := h.connect(t)
	if _, errno := sys.Read(p.peer, make([]byte, 1)); errno != 0 {
		t.Errorf("read: %v, want the end", errno)
	}
	if h.table.conns[p.own].ofLane(0) || h.open.Load() != 1 || h.ctr.Open.Load() != 1 ||
		h.ctr.Causes[echo.AcceptFailed].Load() != 1 {
		t.Errorf("%d open, %d counted, causes %d", h.open.Load(), h.ctr.Open.Load(),
			h.ctr.Causes[echo.AcceptFailed].Load())
	}
	var err error
	if h.ep, err = sys.NewEpoll(); err != nil {
		t.Fatal(err)
	}
}

// TestPassOn: an engine that has as many connections as it may passes on what it
// accepts, and one that is handed a connection serves it.
func TestPassOn(t *testing.T) {
	door := make(chan int, 1)
	full := serve(t, echo.Config{Limit: 1, Total: 10, TotalOpen: new(atomic.Int64), PassOn: func(fd int) bool {
		own, errno := sys.Dup(fd)
		if errno != 0 {
			return false
		}
		door <- own
		return true
	}})
	var held sync.WaitGroup
	echoes(t, full.dial(t))
	c := full.dial(t)
	taken := false
	other := echo.Config{Limit: 5, Handed: func(done <-chan struct{}, take func(int)) {
		defer held.Done()
		for {
			select {
			case fd := <-door:
				take(fd)
				taken = true
			case <-done:
				return
			}
		}
	}}
	held.Add(1)
	s := serveWith(t, other, func(ctx context.Context, core *echo.Core) error {
		core.Ports[0].Number = portOf(t, full.addr) // it would listen there beside the other
		return Serve(ctx, core)
	})
	echoes(t, c)
	if full.PassedOn.Load() != 1 || full.Open.Load() != 1 || s.Open.Load() != 1 || s.Accepted.Load() != 1 {
		t.Errorf("passed on %d, open %d and %d", full.PassedOn.Load(), full.Open.Load(), s.Open.Load())
	}
	_ = c.Close()
	nettest.Await(t, "the end", func() bool { return s.Open.Load() == 0 })
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	held.Wait()
	if !taken {
		t.Error("take has not returned")
	}
}

func portOf(t *testing.T, addr string) int {
	t.Helper()
	at, err := netip.ParseAddrPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return int(at.Port())
}

// TestTablesPassNothingOn: an engine whose loops have fd tables of their own takes
// nothing from others, so it hands them nothing either: what is above its limit is
// refused, though others would have room.
func TestTablesPassNothingOn(t *testing.T) {
	const limit = 150
	var passed atomic.Int64
	e, s := pretend(t, echo.Config{Loops: 1, Limit: limit, TotalOpen: new(atomic.Int64), Total: 2 * limit,
		PassOn: func(int) bool { passed.Add(1); return true }}, 128)
	if !e.private {
		t.Fatal("one table of 128 fds is to hold 150 connections")
	}
	for range limit {
		echoes(t, s.dial(t))
	}
	if err := s.refusal(); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("one above the limit: %v, want a reset", err)
	}
	nettest.Await(t, "the count", func() bool { return s.Causes[echo.OverLimit].Load() == 1 })
	if passed.Load() != 0 || s.Causes[echo.OverLimit].Load() != 1 {
		t.Errorf("%d passed on, %d refused; want 0 and 1", passed.Load(), s.Causes[echo.OverLimit].Load())
	}
}
