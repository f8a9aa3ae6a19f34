package loadgen

import (
	"context"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/tests/nettest"
)

// eotServer echoes and closes first after a read that ends with plan.EndOfTransmission. It
// counts its connections and those it closed first.
type eotServer struct {
	port            int
	accepted, ended atomic.Int64
}

func newEOTServer(t *testing.T) *eotServer {
	s := &eotServer{}
	s.port = listen(t, func(c net.Conn) {
		s.accepted.Add(1)
		echoUntil(c, func(read []byte) bool {
			if read[len(read)-1] != plan.EndOfTransmission {
				return false
			}
			s.ended.Add(1)
			return true
		})
	})
	return s
}

func churnPlan(port int, conns int64, threads int) plan.Plan {
	p := testPlan(port, conns, threads)
	p.Close = plan.CloseFIN
	return p
}

func TestChurn(t *testing.T) {
	const users, loops = 30, 20
	for _, tt := range []struct {
		name         string
		slots        int64
		c            Churn
		conns, ended int64 // opened in all, closed by the server
	}{
		{"per request", users, Churn{PerConn: 1}, users * loops, 0},
		{"keep-alive", users, Churn{PerConn: 5}, users * loops / 5, 0},
		{"kept", users, Churn{}, users, 0},
		{"pool", 4, Churn{}, 4, 0},
		{"per request, the server closes", users, Churn{PerConn: 1, ServerCloses: true}, users * loops, users * loops},
		{"keep-alive, the server closes", users, Churn{PerConn: 4, ServerCloses: true}, users * loops / 4, users * loops / 4},
		{"large messages", users, Churn{PerConn: 2, ServerCloses: true, SizeMax: 20_000}, users * loops / 2,
			users * loops / 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, threads := range []int{1, 2} {
				s := newEOTServer(t)
				e, err := Start(churnPlan(s.port, tt.slots, threads), 20_000)
				if err != nil {
					t.Fatal(err)
				}
				c := tt.c
				c.Users, c.Loops, c.Size, c.Drain = users, loops, 64, time.Minute
				e.Churn(context.Background(), c)
				open := e.Counts().Open()
				e.Close(context.Background())
				tally, err := e.Stop()
				if err != nil || tally.Received != users*loops || len(tally.Errors) != 0 || tally.Lost != 0 {
					t.Fatalf("%d threads: %+v, %v, %v; want %d transactions", threads, tally.Counts, tally.Errors, err, users*loops)
				}
				if tally.Established != tt.conns || tally.Closed != tt.conns || tally.Open() != 0 {
					t.Errorf("%d threads: %+v; want %d connections, all closed", threads, tally.Counts, tt.conns)
				}
				if want := min(tt.slots, tt.conns); tt.c.PerConn == 0 && open != want {
					t.Errorf("%d threads: %d open at the end, want %d kept", threads, open, want)
				}
				if n := s.ended.Load(); n != tt.ended {
					t.Errorf("%d threads: the server closed %d first, want %d", threads, n, tt.ended)
				}
				if l := tally.Echo.Summary(); l.Count != users*loops {
					t.Errorf("%d threads: %d latencies, want one a transaction", threads, l.Count)
				}
			}
		})
	}
}

// A server that closes each third connection unasked: users try again, every
// failure is counted, and all transactions are done.
func TestChurnTriesAgain(t *testing.T) {
	var came atomic.Int64
	port := listen(t, func(c net.Conn) {
		if came.Add(1)%3 != 0 {
			echo(c)
		}
	})
	e, err := Start(churnPlan(port, 5, 1), 64)
	if err != nil {
		t.Fatal(err)
	}
	e.Churn(context.Background(), Churn{Users: 5, Loops: 10, PerConn: 1, Size: 64, Drain: time.Minute})
	tally, err := e.Stop()
	if err != nil || tally.Received != 50 || tally.Errors.Sum() < 10 || tally.Open() != 0 {
		t.Errorf("%+v, %v, %v; want 50 transactions and the failures counted", tally.Counts, tally.Errors, err)
	}
}

// Nobody answers: transactions time out, and the run ends in time.
func TestChurnTimesOut(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0") // accepts in the kernel alone
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	e, err := Start(churnPlan(l.Addr().(*net.TCPAddr).Port, 3, 1), 64)
	if err != nil {
		t.Fatal(err)
	}
	e.Churn(context.Background(), Churn{Users: 3, PerConn: 1, Size: 64, Duration: time.Second,
		Timeout: 200 * time.Millisecond, Drain: time.Minute})
	tally, err := e.Stop()
	if err != nil || tally.Received != 0 || tally.Errors["echo_timeout"] < 3 ||
		tally.Lost != tally.Errors["echo_timeout"] {
		t.Errorf("%+v, %v, %v; want time-outs", tally.Counts, tally.Errors, err)
	}
}

func TestFifo(t *testing.T) {
	var f fifo[int]
	next := 0
	for i := range 10_000 {
		f.push(i)
		if i%3 != 0 {
			if f.first() != next || f.pop() != next {
				t.Fatalf("at %d: out of order", i)
			}
			next++
		}
	}
	if f.len() != 10_000-next || len(f.list) > 2*f.len()+2048 {
		t.Errorf("%d left in %d places, want %d", f.len(), len(f.list), 10_000-next)
	}
}

// A connect is part of its transaction: --timeout bounds it as well.
func TestChurnTimesOutWhileConnecting(t *testing.T) {
	port := nettest.FullQueue(t)
	p := churnPlan(port, 3, 1)
	p.ConnectTimeout = time.Hour
	e, err := Start(p, 64)
	if err != nil {
		t.Fatal(err)
	}
	e.Churn(context.Background(), Churn{Users: 3, PerConn: 1, Size: 64, Duration: time.Second,
		Timeout: 200 * time.Millisecond, Drain: time.Second})
	tally, err := e.Stop()
	if err != nil || tally.Errors["connect_timeout"] < 3 {
		t.Errorf("%+v, %v, %v; want connects that timed out", tally.Counts, tally.Errors, err)
	}
}

// Work that nobody does is given up; what is bounded by its time goes on.
func TestChurnGivesUpWhenEverythingFails(t *testing.T) {
	port := nettest.DeadPort(t)
	for _, tt := range []struct {
		name  string
		c     Churn
		gives bool
	}{
		{"a fixed amount of work", Churn{Loops: 1000, Duration: time.Hour}, true},
		{"a fixed time", Churn{Duration: givesUpAfter + time.Second}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e, err := Start(churnPlan(port, 20, 2), 64)
			if err != nil {
				t.Fatal(err)
			}
			c := tt.c
			c.Users, c.PerConn, c.Size, c.Drain = 20, 1, 64, time.Second
			e.Churn(context.Background(), c)
			why := e.HaltReason()
			if _, err := e.Stop(); err != nil {
				t.Fatal(err)
			}
			if gave := strings.Contains(why, "in a row failed: connect_refused"); gave != tt.gives {
				t.Errorf("it ended with %q, want given up: %v", why, tt.gives)
			}
		})
	}
}
