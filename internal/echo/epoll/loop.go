package epoll

import (
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/c10m/c10m/internal/echo"
	"github.com/c10m/c10m/internal/sys"
)

const (
	// eventBatch is how many events one epoll_wait(2) takes.
	eventBatch = 256
	// readSize is the one read buffer of a loop. A full read has to be followed by
	// another, so it is larger than a message of 64 KiB with its frame's header, or its
	// records': that takes one read, and goes back by one send.
	readSize = 68 << 10
	// quiet is how long no connection must have come or gone before memory is
	// released, and a loop that holds nothing ends.
	quiet = time.Second
	// leaveTime is how long peers have at shutdown to read what waits for them, and to
	// end their half.
	leaveTime = 5 * time.Second
)

// What Event.Pad says of an event that is not a connection's; of a connection it is the
// generation, which is 0 or more.
const (
	ofListener = -1 - iota // Event.Fd is the port
	ofWake
	ofTLS
)

// loop is one locked OS thread with its own epoll instance, its own connections
// and, where the limit asks for it, its own fd table. What others may touch is
// atomic.
type loop struct {
	eng   *engine
	lane  *lane
	core  *echo.Loop
	limit int64        // connections that its fd table has room for
	open  atomic.Int64 // that it holds
	turn  atomic.Bool  // it is to accept
	inbox chan handed  // connections that it is to serve
	ready chan<- error // of a lane's first loop: told once it is ready, or why it cannot be

	ep        sys.Epoll
	tlsMu     sync.Mutex
	tlsEvents int // eventfd: TLS handshakes have something to send, or are done; 0: none
	table     *table
	sessions  sessions
	events    []sys.Event
	buf       []byte // what one read takes
	unread    []int  // fds of connections with more to read
	reading   []int  // the same while they are read

	began   time.Time
	batches uint64 // of events
	now     time.Time
	stamp   moment // now, as connections keep it
	accepts acceptor
	ticked  time.Time // when the core last looked for what takes too long
	reads   uint64    // of connections
	gave    bool      // another loop has been given connections in this batch
	came    int64     // connections that were accepted or closed
	settled int64     // came when memory was last given back
	moved   int64     // came at the last look
	still   time.Time // since when it has not changed
	swept   time.Time // when silent connections were last looked for
	leaving bool      // all is to end
	left    time.Time // when what remains is ended
}

func newLoop(a *lane) *loop {
	return &loop{eng: a.eng, lane: a, events: make([]sys.Event, eventBatch), inbox: make(chan handed, inboxSize)}
}

// run is the thread.
func (l *loop) run() {
	sys.Seat(1)
	defer sys.Seat(-1)
	runtime.LockOSThread() // never unlocked: thread and fd table end with run
	sys.ExactTimers()
	defer l.eng.threads.Done()
	defer func() {
		if p := recover(); p != nil {
			l.eng.core.Logf("%s", debug.Stack())
			l.eng.fail(fmt.Errorf("event loop %d panicked, with %d connections: %v", l.lane.id, l.open.Load(), p))
		}
	}()
	err := l.start()
	if err == nil {
		l.lane.started(l)
	} else {
		l.lane.failed()
	}
	switch {
	case l.ready != nil:
		l.ready <- err
	case err != nil:
		l.eng.core.Logf("start another event loop: %v; connections beyond the fd tables that there are will be refused",
			err)
	}
	if err != nil {
		return
	}
	for l.orders() {
		if err := l.batch(l.timeout()); err != nil {
			l.eng.fail(fmt.Errorf("event loop %d, with %d connections: %w", l.lane.id, l.open.Load(), err))
			return
		}
	}
	l.end()
}

// start makes what the loop needs. The read buffer lies outside the heap, so that
// only as much of it is resident as reads have filled.
func (l *loop) start() (err error) {
	e := l.eng
	if e.core.TLS != nil {
		if l.tlsEvents, err = sys.Eventfd(); err != nil {
			return err
		}
		defer func() {
			if err != nil {
				l.endTLSEvents()
			}
		}()
	}
	var used int // of its fd table
	if e.private {
		if used, err = sys.PrivateFDTable(l.lane.listeners...); err != nil {
			return err
		}
	}
	if l.ep, err = sys.NewEpoll(); err != nil {
		return fmt.Errorf("create epoll fd: %w", err)
	}
	if errno := l.ep.Add(e.wake, sys.EpollIn|sys.EpollET, 0, ofWake); errno != 0 {
		l.ep.Close()
		return fmt.Errorf("watch wake-up eventfd: epoll_ctl: %w", errno)
	}
	if l.tlsEvents > 0 {
		if errno := l.ep.Add(l.tlsEvents, sys.EpollIn|sys.EpollET, 0, ofTLS); errno != 0 {
			l.ep.Close()
			return fmt.Errorf("watch eventfd of handshakes: epoll_ctl: %w", errno)
		}
	}
	if l.buf, err = sys.Alloc(readSize); err != nil {
		l.ep.Close()
		return err
	}
	if err = l.takeTable(used + 1); err != nil { // and the epoll instance
		l.ep.Close()
		sys.Free(l.buf)
		return err
	}
	if e.batch {
		// More loops than cores have to take turns. SCHED_BATCH (sched(7)) makes turns long,
		// so that a loop finds many connections and messages waiting in each; with short
		// ones the cores would mostly switch. Without it everything works, but slower.
		_ = sys.SetThreadSlice(sys.Batch, 0)
	}
	l.core = e.core.Loop(l.lane.id, l)
	l.accepts = newAcceptor(l)
	l.began = time.Now()
	l.now, l.still, l.ticked, l.swept = l.began, l.began, l.began, l.began
	return nil
}

// takeTable finds out how many connections the loop's fd table has room for beside the
// fds that are in it.
func (l *loop) takeTable(used int) error {
	e := l.eng
	l.table, l.limit = e.shared, math.MaxInt64
	if !e.private { // the core's limit is the only one
		return nil
	}
	if l.limit = e.nofile - int64(used) - margin; l.limit < 1 {
		return fmt.Errorf("%d listening sockets leave no file descriptor of %d for connections",
			len(l.lane.listeners), e.nofile)
	}
	var err error
	l.table, err = newTable(e.nofile)
	return err
}

// orders does what other threads have asked of the loop: to serve connections, to begin
// to accept, to end. It returns false if the loop is to end.
func (l *loop) orders() bool {
	l.takeHanded()
	switch {
	case l.eng.leaving.Load():
		if !l.leaving {
			l.leave()
		}
		return l.open.Load() > 0 && l.now.Before(l.left)
	case l.turn.Load():
		l.accepts.begin(l)
	}
	return l.open.Load() > 0 || !l.eng.private || l.now.Sub(l.still) < quiet || !l.lane.retire(l)
}

// batch waits for events and handles them.
func (l *loop) batch(timeout time.Duration) error {
	if l.accepts.stormy(l) {
		sys.Nap(napTime)
	}
	n, err := l.ep.Wait(l.events, timeout)
	if err != nil {
		return err
	}
	l.batches++
	l.now = l.began.Add(time.Since(l.began)) // of the monotonic clock alone
	l.stamp = moment(l.now.Sub(l.began) * moments / time.Second)
	if l.eng.crashing != nil {
		l.eng.crashing()
	}
	l.weigh()
	l.readOn()
	for i := range l.events[:n] {
		switch ev := &l.events[i]; ev.Pad {
		case ofListener:
			l.accept(int(ev.Fd))
		case ofWake:
		case ofTLS:
			l.core.Told()
		default:
			if c := &l.table.conns[ev.Fd]; c.ofLane(l.lane.id) && c.gen() == ev.Pad {
				l.handle(int(ev.Fd), c, ev.Events)
			}
		}
	}
	if l.gave {
		l.gave = false
		l.eng.signal()
	}
	l.look()
	return nil
}

// timeout is how long the loop may wait for events, -1 for ever.
func (l *loop) timeout() time.Duration {
	if len(l.unread) > 0 {
		return 0
	}
	next := time.Duration(-1)
	until := func(at time.Time) {
		if d := max(0, at.Sub(l.now)); next < 0 || d < next {
			next = d
		}
	}
	if every := l.core.TickEvery(); every > 0 {
		until(l.ticked.Add(every))
	}
	if every := l.sweepEvery(); every > 0 {
		until(l.swept.Add(every))
	}
	if l.accepts.paused() {
		until(l.accepts.resume)
	}
	if l.came != l.settled {
		until(l.still.Add(quiet))
	}
	if l.leaving {
		until(l.left)
	}
	return next
}

// look does what is due by the clock.
func (l *loop) look() {
	if every := l.core.TickEvery(); every > 0 && l.now.Sub(l.ticked) >= every {
		l.ticked = l.now
		l.core.Tick()
	}
	if l.accepts.paused() && !l.now.Before(l.accepts.resume) {
		l.accepts.goOn(l)
	}
	if every := l.sweepEvery(); every > 0 && l.now.Sub(l.swept) >= every {
		l.swept = l.now
		l.sweep()
	}
	switch {
	case l.came != l.moved:
		l.moved, l.still = l.came, l.now
	case l.came != l.settled && l.now.Sub(l.still) >= quiet:
		l.settled = l.came
		l.settle()
	}
}

// settle releases the memory of connections that are gone, once none have come or
// gone for a while: never on the hot path.
func (l *loop) settle() {
	l.table.trim()
	l.sessions.trim()
	sys.Empty(l.buf)
	if l.turn.Load() {
		l.eng.signal() // there is room here: loops that hold nothing may end
	}
}

// sweepEvery is how often silent connections are looked for, 0 for never.
func (l *loop) sweepEvery() time.Duration {
	if l.open.Load() == 0 {
		return 0
	}
	return l.eng.core.Config.IdleTimeout / 4
}

// sweep begins the close of connections that have been silent for --idle-timeout. A
// connection that is not being read, because its peer does not read its echo, may not be
// silent: whether it has to go is for --stall to say.
func (l *loop) sweep() {
	most := moment(l.eng.core.Config.IdleTimeout * moments / time.Second)
	l.table.each(l.lane.id, func(fd int, c *conn) {
		switch {
		case !interest(c.watch).reads():
			c.last = l.stamp
		case l.stamp-c.last > most:
			c.last = l.stamp // the closing handshake has deadlines of its own
			l.beginClose(fd, c, echo.IdleTimeout)
		}
	})
}

// leave begins the close of every connection, and accepts no more. What has
// arrived by then is still echoed: closing a socket with unread bytes resets it,
// and the peer might lose what it was sent before.
func (l *loop) leave() {
	l.leaving, l.left = true, l.now.Add(leaveTime)
	l.accepts.end(l)
	l.table.each(l.lane.id, func(fd int, c *conn) {
		if interest(c.watch).reads() {
			l.read(fd, c, false)
		}
		if c.ofLane(l.lane.id) {
			l.beginClose(fd, c, echo.NoCause)
		}
	})
}

// end closes what is left and releases what does not end with the thread.
func (l *loop) end() {
	l.accepts.end(l)
	l.takeHanded() // they are refused
	l.table.each(l.lane.id, func(fd int, c *conn) { l.close(fd, c) })
	l.ep.Close()
	sys.Free(l.buf)
	l.endTLSEvents()
	if l.eng.private {
		l.table.release()
	}
}

// endTLSEvents closes the eventfd of handshakes. It is in the process's fd table, so a thread
// must close it that is not locked, which uses that table. The lock is against Wake, by
// a handshake that is being given up.
func (l *loop) endTLSEvents() {
	l.tlsMu.Lock()
	defer l.tlsMu.Unlock()
	if l.tlsEvents > 0 {
		go sys.Close(l.tlsEvents)
		l.tlsEvents = 0
	}
}
