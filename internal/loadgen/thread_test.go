package loadgen

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/sys"
)

// endless is a file that every read of is full; the thread closes it. It is memory
// with nothing in it: a read of /dev/zero is cut short by any signal, and the Go
// runtime preempts by signals.
func endless(t *testing.T) int {
	t.Helper()
	f, err := sys.SharedMemory("endless", 1<<40)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	fd, err := syscall.Dup(int(f.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	syscall.CloseOnExec(fd)
	return fd
}

// A server that sends faster than we read does not keep the thread: the others
// and orders have their turn, and then it is read on.
func TestFloodIsReadInTurns(t *testing.T) {
	one, link := idleThread(t, testPlan(1, 3, 1))
	hold(one, 1, endless(t), open)
	surplus := func() int64 { return one.cs.errs[TCP][echoSurplus] }
	link.read(1, false)
	if n := surplus(); n != readBurst {
		t.Fatalf("%d reads in a turn, want %d", n, readBurst)
	}
	link.readOn()
	if n := surplus(); n != 2*readBurst {
		t.Fatalf("%d reads in two turns, want %d", n, 2*readBurst)
	}
	one.cs.lose(1, readOther) // closes the file
	link.readOn()
	link.readOn()
	if n := surplus(); n != 2*readBurst || len(link.unread) != 0 {
		t.Errorf("%d reads, %v left to read, though the connection is gone", n, link.unread)
	}
}

// A connection that never stops is read on without another event, and orders are
// heard meanwhile.
func TestFloodIsReadOn(t *testing.T) {
	e, err := Start(testPlan(listen(t, silent), 1, 1), 64)
	if err != nil {
		t.Fatal(err)
	}
	e.Ramp(context.Background())
	e.each(func(one *thread) {
		fd := endless(t)
		err = syscall.Dup3(fd, fdOf(one, 0), syscall.O_CLOEXEC)
		sys.Close(fd)
		one.cs.link.(*sockets).read(0, false)
	})
	if err != nil {
		t.Fatal(err)
	}
	const want = 100 * readBurst
	n := int64(0)
	for end := time.Now().Add(time.Minute); n < want && time.Now().Before(end); {
		n = e.Live().Errors["echo_surplus"]
	}
	if _, err := e.Stop(); err != nil || n < want {
		t.Errorf("%d reads, want %d and more; %v", n, want, err)
	}
}

// What epoll says of a socket that a slot had before touches no other: not while
// there is none, and not the next one.
func TestStaleEvents(t *testing.T) {
	one, link := idleThread(t, testPlan(1, 1, 1))
	hold(one, 0, endless(t), open)
	before := link.list[0].mark()
	one.cs.lose(0, readOther)
	link.event(0, before, sys.EpollIn|sys.EpollHup)
	hold(one, 0, endless(t), open)
	link.list[0] += 1 << generation
	link.event(0, before, sys.EpollIn|sys.EpollHup)
	if n := one.cs.errs[TCP][echoSurplus]; n != 0 || one.cs.total().Lost != 1 {
		t.Errorf("%d reads, %+v", n, one.cs.total())
	}
	link.event(0, link.list[0].mark(), sys.EpollIn)
	if n := one.cs.errs[TCP][echoSurplus]; n != readBurst {
		t.Errorf("%d reads of the socket that is there, want %d", n, readBurst)
	}
	one.cs.lose(0, readOther)
}

// What a thread whose epoll fails has under way counts nowhere, what it holds is
// lost: the result adds up.
func TestThreadDies(t *testing.T) {
	one, _ := idleThread(t, testPlan(1, 5, 1))
	cs := one.cs
	for slot, state := range []connState{open, connecting, upgrading} {
		hold(one, int64(slot), endless(t), state)
	}
	cs.list[3].state = failed
	cs.list[0].busy, cs.msgs.under, cs.pending = true, 1, 2
	cs.n[TCP] = Counts{Attempted: 4, Established: 1, Failed: 1, Sent: 1}
	done := false
	one.cmds <- command{kind: doStop, done: func() { done = true }}
	one.die(errors.New("epoll is gone"))
	c := one.pub.load()
	if c != (Counts{Attempted: 2, Established: 1, Failed: 1, Lost: 1, Sent: 1, Missing: 1}) ||
		cs.errs[TCP][readOther] != 1 || !done || cs.pending != 0 || cs.msgs.under != 0 {
		t.Errorf("%+v, %v, done %v, %d pending, %d under way", c, cs.errs, done, cs.pending, cs.msgs.under)
	}
}

// silent reads and never answers.
func silent(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// Messages under way when a run is interrupted are no failure of anybody's.
func TestInterruptLosesNothing(t *testing.T) {
	for _, run := range []func(*Engine, context.Context){
		func(e *Engine, ctx context.Context) {
			e.Ramp(ctx)
			e.Exchange(ctx, Exchange{Size: 64, Depth: 4, Duration: time.Hour, Drain: time.Hour})
		},
		func(e *Engine, ctx context.Context) {
			e.Churn(ctx, Churn{Users: 5, Size: 64, Duration: time.Hour, Drain: time.Hour})
		},
	} {
		e, err := Start(testPlan(listen(t, silent), 5, 1), 64)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		go func() {
			for end := time.Now().Add(time.Minute); e.Counts().Sent < 5 && time.Now().Before(end); {
				time.Sleep(time.Millisecond)
			}
			cancel()
		}()
		run(e, ctx)
		tally, err := e.Stop()
		if err != nil || tally.Established != 5 || tally.Sent != 0 || tally.Missing != 0 || len(tally.Errors) != 0 {
			t.Errorf("%+v, %v, %v; want nothing lost", tally.Counts, tally.Errors, err)
		}
	}
}

// An answer that comes after its churn is over is late, and no surplus.
func TestLateAnswerAfterChurn(t *testing.T) {
	const users = 4
	over := make(chan struct{})
	e, err := Start(churnPlan(listen(t, func(c net.Conn) {
		buf := make([]byte, 64)
		_, _ = io.ReadFull(c, buf)
		<-over
		_, _ = c.Write(buf)
	}), users, 1), 64)
	if err != nil {
		t.Fatal(err)
	}
	e.Churn(context.Background(), Churn{Users: users, Size: 64, Duration: 300 * time.Millisecond,
		Drain: 100 * time.Millisecond})
	sent := e.Counts().Sent
	close(over)
	for end := time.Now().Add(time.Minute); e.Counts().Open() > 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	tally, err := e.Stop()
	if err != nil || tally.Missing != sent || tally.Errors["echo_timeout"] != sent ||
		tally.Errors["echo_surplus"] != 0 || tally.Open() != 0 {
		t.Errorf("%+v, %v, %v; want %d lost and no surplus", tally.Counts, tally.Errors, err, sent)
	}
}

// A connection that comes back in the middle of an exchange sends like the
// others: nothing waits for an ACK.
func TestRestoredHasNoDelay(t *testing.T) {
	dropped := make(chan struct{}, 1)
	p := testPlan(listen(t, func(c net.Conn) {
		select {
		case dropped <- struct{}{}:
			_, _ = io.ReadFull(c, make([]byte, 1000))
		default:
			echo(c)
		}
	}), 1, 1)
	p.Reconnect = true
	e, err := Start(p, 1000)
	if err != nil {
		t.Fatal(err)
	}
	e.Ramp(context.Background())
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		for end := time.Now().Add(time.Minute); e.Counts().Received < 3 && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	e.Exchange(ctx, Exchange{Size: 1000, Interval: 10 * time.Millisecond, Duration: time.Hour, Drain: time.Minute})
	set := 0
	e.each(func(one *thread) {
		set, err = syscall.GetsockoptInt(fdOf(one, 0), syscall.IPPROTO_TCP, syscall.TCP_NODELAY)
	})
	if err != nil || set == 0 {
		t.Errorf("TCP_NODELAY is %d, %v", set, err)
	}
	if tally, err := e.Stop(); err != nil || tally.Reconnected != 1 || tally.Received < 3 {
		t.Errorf("%+v, %v, %v; want the connection restored", tally.Counts, tally.Errors, err)
	}
}

// A socket whose local port is the one it connects to is joined to itself: that
// is no server.
func TestSelfConnect(t *testing.T) {
	fd, _ := sys.Socket(syscall.AF_INET)
	errno := sys.LocalPortRange(fd, 40000, 40001)
	sys.Close(fd)
	if errno == syscall.ENOPROTOOPT {
		t.Skip("a socket cannot be told its local port range before Linux 6.3")
	}
	for _, host := range []string{"127.0.0.1", "::1"} {
		// The port is one of those that the kernel deals out, so another program of this
		// machine may have taken it meanwhile: then another one is tried.
		for tries := 20; ; tries-- {
			l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
			if host == "::1" && (errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT)) {
				break // a machine without IPv6
			}
			if err != nil {
				t.Fatal(err)
			}
			port := l.Addr().(*net.TCPAddr).Port
			_ = l.Close()
			tally, err := connectFrom(t, netip.MustParseAddr(host), port)
			if tries > 0 && tally.Errors["connect_self"] == 0 {
				continue
			}
			if err != nil || tally.Established != 0 || tally.Received != 0 || tally.Errors["connect_self"] != 1 {
				t.Errorf("%s: %+v, %v, %v; want one connect_self", host, tally.Counts, tally.Errors, err)
			}
			break
		}
	}
}

// connectFrom makes one connection, to a port from the same port.
func connectFrom(t *testing.T, host netip.Addr, port int) (Tally, error) {
	t.Helper()
	p := testPlan(port, 1, 1)
	p.Places = plan.At(host, port)
	p.Local = plan.LocalPorts{Low: port, High: port} // which fills the range, so that each socket is told it
	e, err := Start(p, 64)
	if err != nil {
		t.Fatal(err)
	}
	e.Ramp(context.Background())
	e.Exchange(context.Background(), Exchange{Size: 64, PerConn: 1, Drain: time.Minute})
	return e.Stop()
}
