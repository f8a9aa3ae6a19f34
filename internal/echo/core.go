package echo

import (
	"cmp"
	"sync/atomic"
	"time"

	"github.com/c10m/c10m/internal/secure"
	"github.com/c10m/c10m/internal/sys"
)

// Core is an echo server without its engine: the configuration, the counters and
// the decisions that all event loops share.
type Core struct {
	Config
	ctr      *Counters
	pool     *secure.Pool // of handshakes; nil without TLS
	draining atomic.Bool
	began    time.Time    // of the clock
	told     atomic.Int64 // when a failure of the kernel was last logged, nanoseconds of the clock
}

// New makes the core of one engine, which counts in ctr.
func New(cfg Config, ctr *Counters) *Core {
	c := &Core{Config: cfg.withDefaults(), ctr: ctr, began: time.Now()}
	if cfg.TLS != nil {
		c.pool = secure.NewPool(mostHandshakes, sys.Cores(), patience)
	}
	return c
}

// Ready announces that every port accepts.
func (c *Core) Ready() {
	if c.OnReady != nil {
		c.OnReady()
	}
	c.ctr.State.Store(int32(Ready))
}

// Drain refuses connections from now on.
func (c *Core) Drain() {
	c.draining.Store(true)
	c.ctr.State.Store(int32(Stopping))
}

// Draining says whether the engine is about to end.
func (c *Core) Draining() bool { return c.draining.Load() }

// clock is the time since the core was made, on the monotonic clock.
func (c *Core) clock() time.Duration { return time.Since(c.began) }

// Next is how a connection goes on.
type Next uint8

// What the engine is to wait for, or to do. Write is back-pressure: more output waits
// for the peer than its share of the budget, so nothing is read from it; a
// level-triggered engine must not watch for EPOLLRDHUP then, or it would spin. After
// Pause nothing happens to the connection until Conns.Turn is called for it.
const (
	Read      Next = iota // wait for bytes
	ReadWrite             // wait for bytes, and for room in the socket's send buffer
	Write                 // wait only for room in the socket's send buffer
	Pause                 // wait for nothing: the TLS handshake must be done before more is read
	Close                 // close it: all output has been sent
	Abort                 // reset it: SO_LINGER with zero seconds (socket(7)), and close
)

// String names what an engine does next.
func (n Next) String() string {
	return [...]string{"read", "read and write", "write", "pause", "close", "abort"}[n]
}

// Ends says whether the connection ends.
func (n Next) Ends() bool { return n >= Close }

// Conns is the engine's side of a loop.
type Conns interface {
	// Turn tells the engine how the connection of s goes on. Input, Writable, EOF, Leave,
	// Tick and Told call it for connections other than the one that they are about. If
	// next ends the connection, the engine calls Gone before Turn returns.
	Turn(s *Session, next Next)
	// Wake asks the engine to call Told soon, on the loop's thread. Any goroutine that is
	// not locked to a thread may call it.
	Wake()
}

// socket is the system calls that the core makes on connections; tests have their own.
type socket interface {
	Send(fd int, p []byte) (int, sys.Errno)
	ShutdownWrite(fd int) sys.Errno
	Unsent(fd int) int
}

// kernel is the socket of real connections.
type kernel struct{}

func (kernel) Send(fd int, p []byte) (int, sys.Errno) { return sys.Send(fd, p) }
func (kernel) ShutdownWrite(fd int) sys.Errno         { return sys.ShutdownWrite(fd) }
func (kernel) Unsent(fd int) int                      { return sys.Unsent(fd) }

// Admit counts an accepted connection and decides whether to serve it. It refuses
// before files or memory run out, so that accept4(2) itself never fails for want of
// them. A connection that is not admitted must be reset at once, without a call of Gone.
func (l *Loop) Admit(port int) bool { return l.AdmitOrPass(noFD, port) == Admitted }

// noFD is a connection that cannot be passed on.
const noFD = -1

// Admission is the decision about an accepted connection.
type Admission uint8

// The decisions.
const (
	Refused  Admission = iota // to be reset
	Admitted                  // to be served
	Passed                    // to be closed, not reset: another engine has it now, and counts it
)

// AdmitOrPass is Admit for an engine that may pass connections on to others
// (Config.PassOn) when it is full.
func (l *Loop) AdmitOrPass(fd, port int) Admission {
	c := l.core
	if c.Draining() {
		return c.refuse(Draining)
	}
	open := c.ctr.Open.Add(1)
	scarce := c.ctr.Scarce.Load()
	switch {
	case open > c.Limit:
		c.ctr.Open.Add(-1)
		if c.passOn(fd) {
			return Passed
		}
		return c.refuse(OverLimit)
	case scarce != 0 && open > c.ctr.Most.Load():
		c.ctr.Open.Add(-1)
		return c.refuse(int(scarce))
	case c.TotalOpen != nil && c.TotalOpen.Add(1) > c.Total:
		c.TotalOpen.Add(-1)
		c.ctr.Open.Add(-1)
		return c.refuse(OverLimit)
	}
	c.ctr.Accepted.Add(1)
	c.ctr.PortOpen[port].Add(1)
	c.ctr.traffic[l.index%stripes].open.Add(1)
	return Admitted
}

// passOn passes a connection on, unless all engines together hold as many as they may.
func (c *Core) passOn(fd int) bool {
	full := c.TotalOpen != nil && c.TotalOpen.Load() >= c.Total
	if fd == noFD || c.PassOn == nil || full || !c.PassOn(fd) {
		return false
	}
	c.ctr.PassedOn.Add(1)
	return true
}

func (c *Core) refuse(cause int) Admission {
	c.ctr.Accepted.Add(1)
	c.ctr.Causes[cause].Add(1)
	c.ctr.Closed.Add(1)
	return Refused
}

// Refuse revokes an admission: the connection cannot be served.
func (l *Loop) Refuse(port, cause int) {
	l.ctr.Causes[cause].Add(1)
	l.left(port)
}

// Unwatched is Refuse for a connection that epoll_ctl(2) rejects.
func (l *Loop) Unwatched(port int, errno sys.Errno) {
	l.core.Failed("epoll_ctl", errno)
	l.left(port)
}

// left subtracts a connection from the counts.
func (l *Loop) left(port int) {
	c := l.core
	c.ctr.traffic[l.index%stripes].open.Add(-1)
	c.ctr.Closed.Add(1)
	c.ctr.Open.Add(-1)
	if c.TotalOpen != nil {
		c.TotalOpen.Add(-1)
	}
	c.ctr.PortOpen[port].Add(-1)
}

// tellEvery is how often a failure of the kernel is logged, at most.
const tellEvery = 10 * time.Second

// Failed counts a failure of accept4(2) or epoll_ctl(2) on a new connection, by
// cause, and logs it now and then.
func (c *Core) Failed(call string, errno sys.Errno) {
	cause := CauseOf(errno)
	c.ctr.Causes[cause].Add(1)
	now, last := c.clock(), c.told.Load()
	if last != 0 && now-time.Duration(last) < tellEvery || !c.told.CompareAndSwap(last, int64(cmp.Or(now, 1))) {
		return
	}
	c.Logf("%s: %v (counted as %s): %s", call, errno, CauseNames[cause], cures[cause])
}

// cures say what helps when the kernel refuses.
var cures = map[int]string{
	OverLimit:    "raise the fd limit, or lower --max-conns",
	FileMax:      "raise fs.file-max",
	MemoryLow:    "the kernel has no memory for it: lower --max-conns, or add memory",
	WatchLimit:   "raise fs.epoll.max_user_watches",
	AcceptFailed: "the connection is lost; --engine epoll goes on, gnet ends and is started again",
}

// Count counts a cause that the engine has found.
func (c *Core) Count(cause int) { c.ctr.Causes[cause].Add(1) }
