package loadgen

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"time"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/unit"
	"github.com/c10m/c10m/internal/ws"
)

const (
	epollIn    = sys.EpollIn
	epollOut   = sys.EpollOut
	epollRdHup = sys.EpollRdHup
	epollET    = sys.EpollET
	epollGone  = sys.EpollErr | sys.EpollHup

	// wakeSlot is the user data of the eventfd that wakes a loop.
	wakeSlot = -1
	// headroom is kept free before the read buffer, for what a WebSocket
	// connection has left over from its last read.
	headroom = ws.MaxResponse
	// readSize is the one read buffer of a loop.
	readSize = 64 << 10
	// eventBatch is how many events one epoll_wait(2) takes.
	eventBatch = 256
	// connectBurst is how many connects are begun before results are
	// harvested: small, so that the latency is the connect's and not the
	// batch's.
	connectBurst = 16
	// readBurst is how many full reads of one connection follow each other before
	// it is the turn of the others, and of orders.
	readBurst = 8
	// workBurst is how many sends or closes are done between two polls.
	workBurst = 64
)

// loop is one locked OS thread with its own epoll instance, its own share of
// the connections and, where asked, its own fd table. Nothing of it is shared
// until it stops, except pub.
type loop struct {
	shared *shared
	plan   plan.Plan // this loop's part
	lane   lane

	ep     sys.Epoll
	events []sys.Event
	buf    []byte
	conns  []conn
	epoch  time.Time

	next    int64 // slot to connect next
	oldest  int64 // no slot below it is connecting
	pending int   // connecting now
	swept   uint32
	inRow   int // failures without a success between
	wide    bool
	retry   retry
	owed    map[int64]bool // slots whose connection still owes us an answer

	unread map[int64]struct{} // slots that had more to read when their turn was over
	turn   []int64            // the same while they are read
	mute   map[int64]cause    // slots whose socket takes no more, and why: read what the peer said of it
	ages   Ages               // of connections that were lost

	ex     exchange
	sample int64   // how many connections take part in the next exchange; the engine sets it
	churn  *churn  // nil: connections are held
	job    command // what the loop is doing; kind none while it holds
	cmds   chan command

	n     [protocols]Counts
	errs  [protocols]causes
	times [protocols]times // of the plan's protocols
	calls int64            // system calls for messages: epoll_wait, read, send
	pub   published
	live  live
	err   error

	out  []byte          // WebSocket: what is about to be written
	rare map[int64]*rare // WebSocket: by slot, see rare
}

// lane is a chain of loops that ramp one after the other: with hundreds of
// threads on a few cores only as many connect at a time as there are cores.
type lane struct {
	offset int64     // connections of the lane's earlier loops
	rate   unit.Rate // of the lane
	next   *loop
}

// command is an order to a loop; done is called when it is carried out.
type command struct {
	kind  commandKind
	start time.Time // of the whole ramp or exchange
	ex    Exchange
	churn Churn
	take  func(*loop) // for doCensus
	done  func()
}

type commandKind uint8

const (
	none commandKind = iota
	doRamp
	doExchange
	doChurn
	doCensus
	doClose
	doStop
)

// run is the thread. started is told once it is ready or has failed.
func (l *loop) run(private bool, started chan<- error) {
	runtime.LockOSThread() // never unlocked: thread and fd table end with run
	err := l.open(private)
	started <- err
	if err != nil {
		l.answer(err)
		return
	}
	if !private {
		defer l.closeFDs()
	}
	for {
		l.show()
		if l.job.kind == none && l.total().Open() == 0 && l.pending == 0 && l.retry.idle() {
			l.publish()       // what the last poll has lost
			l.begin(<-l.cmds) // nothing to watch: sleep in Go, not in epoll
		}
		timeout := l.work()
		if next := l.restore(); next >= 0 && (timeout < 0 || next < timeout) {
			timeout = next
		}
		l.publish()
		if l.job.kind == doStop {
			break
		}
		if err := l.poll(timeout); err != nil {
			l.die(err)
			return
		}
		if l.job.kind == none {
			l.takeCommand()
		}
	}
	l.publish()
	l.show()
	l.job.done()
}

// die is the end of a loop whose epoll instance failed: it loses everything.
func (l *loop) die(err error) {
	l.churn = nil
	for i := range l.conns {
		slot, c := int64(i), &l.conns[i]
		switch {
		case l.restoring(slot): // giveUp ends it
		case c.state == connecting, c.state == upgrading:
			l.takeBack(slot, c)
		case c.state == closing:
			l.closeDone(slot, c)
		case c.state == open:
			l.lose(slot, c, readOther)
		}
	}
	l.giveUp()
	l.answer(err)
}

// answer is what a loop still does that holds nothing and cannot go on: it
// answers orders, so that nobody waits for it.
func (l *loop) answer(err error) {
	l.err = err
	l.shared.halt(err.Error())
	l.publish()
	for {
		if l.job.kind == doRamp {
			l.passOn()
		}
		if l.job.kind != none {
			l.job.done()
		}
		if l.job.kind == doStop {
			return
		}
		l.job = <-l.cmds
	}
}

// open makes the loop's fd table and epoll instance.
func (l *loop) open(private bool) (err error) {
	if private {
		if err = sys.PrivateFDTable(); err != nil {
			return err
		}
	}
	if l.ep, err = sys.NewEpoll(); err != nil {
		return fmt.Errorf("create epoll fd: %w", err)
	}
	if errno := l.ep.Add(l.shared.wake, epollIn|epollET, wakeSlot, 0); errno != 0 {
		l.ep.Close()
		return fmt.Errorf("watch wake-up eventfd: epoll_ctl: %w", errno)
	}
	return nil
}

// closeFDs closes what a loop still has in an fd table that others go on using.
func (l *loop) closeFDs() {
	l.ep.Close()
	for i := range l.conns {
		switch c := &l.conns[i]; c.state {
		case connecting, upgrading, open, closing:
			sys.Close(int(c.fd))
		}
	}
}

func (l *loop) takeCommand() {
	select {
	case c := <-l.cmds:
		l.begin(c)
	default:
	}
}

// begin takes up an order.
func (l *loop) begin(c command) {
	l.job = c
	if c.kind == doClose || c.kind == doStop {
		l.giveUp()
	}
	switch c.kind {
	case doExchange:
		l.beginExchange()
	case doChurn:
		l.beginChurn()
	}
}

// finish ends the order at hand; the loop holds from here on.
func (l *loop) finish() {
	done := l.job.done
	l.job = command{}
	l.publish()
	done()
	l.takeCommand()
}

// work does a bounded piece of the order at hand and returns how long poll may
// wait for events, in microseconds; -1: for ever.
func (l *loop) work() int {
	switch l.job.kind {
	case doRamp:
		return l.ramp()
	case doExchange:
		return l.exchange()
	case doChurn:
		return l.churnSome()
	case doCensus:
		l.job.take(l)
		l.finish()
		return 0
	case doClose:
		return l.closeSome()
	}
	return -1
}

// poll waits for events and handles them.
func (l *loop) poll(timeout int) error {
	if l.job.kind == doExchange || l.job.kind == doChurn {
		l.calls++
	}
	if len(l.unread) > 0 {
		timeout = 0
	}
	n, err := l.ep.Wait(l.events, time.Duration(timeout)*time.Microsecond)
	l.readOn()
	for i := range n {
		ev := &l.events[i]
		if ev.Fd == wakeSlot {
			continue
		}
		c := &l.conns[ev.Fd]
		if c.gen != uint16(ev.Pad) {
			continue // of a socket that this slot had before
		}
		l.handle(int64(ev.Fd), c, ev.Events)
	}
	return err
}

// handle acts on the events of one connection.
func (l *loop) handle(slot int64, c *conn, events uint32) {
	switch c.state {
	case connecting:
		if events&epollGone != 0 {
			l.failConnect(slot, c, connectCause(sys.SocketError(int(c.fd))))
			return
		}
		if events&epollOut == 0 {
			return
		}
		l.connected(slot, c)
	case upgrading:
		if events&epollOut != 0 && !l.flush(slot, c) {
			return
		}
	case open:
		if events&epollOut != 0 && (c.busy || len(l.rare) > 0) {
			if !l.flush(slot, c) {
				return
			}
			if l.ex.pipes != nil {
				l.refill(slot, c, l.clock()) // a message was written whole
			}
		}
	case closing:
	default:
		return
	}
	if events&(epollIn|epollRdHup|epollGone) != 0 {
		l.readable(slot, c, events&(epollRdHup|epollGone) != 0)
	}
}

// readable drains the socket. A short read means empty, unless the peer's end
// is in there too: then read on to see it.
func (l *loop) readable(slot int64, c *conn, ended bool) {
	for reads := 0; c.live(); reads++ {
		if reads == readBurst {
			l.readLater(slot) // epoll reports each edge once
			return
		}
		l.calls++
		n, errno := sys.Read(int(c.fd), l.buf[headroom:])
		switch {
		case errno == sys.EINTR:
			continue
		case errno == sys.EAGAIN:
			return
		case errno != 0 || n == 0:
			l.ended(slot, c, errno)
			return
		}
		if l.isWS(slot) {
			l.receivedWS(slot, c, l.withLeftOver(slot, n))
		} else {
			l.received(slot, c, l.buf[headroom:][:n])
		}
		if n < readSize && !ended {
			return
		}
	}
}

// readLater makes readOn come back to a connection.
func (l *loop) readLater(slot int64) {
	if l.unread == nil {
		l.unread = map[int64]struct{}{}
	}
	l.unread[slot] = struct{}{}
}

// readOn comes back to the connections that had more to read.
func (l *loop) readOn() {
	if len(l.unread) == 0 {
		return
	}
	l.turn = slices.AppendSeq(l.turn[:0], maps.Keys(l.unread))
	clear(l.unread)
	for _, slot := range l.turn {
		c := &l.conns[slot]
		l.readable(slot, c, true) // its end may be in there, too
		if _, more := l.unread[slot]; more {
			continue
		}
		if why, is := l.mute[slot]; is && c.state == open {
			l.lose(slot, c, why) // its peer has said nothing of it
		}
	}
}

// ended is the end of the peer's stream, or its reset.
func (l *loop) ended(slot int64, c *conn, errno sys.Errno) {
	switch c.state {
	case upgrading:
		l.failConnect(slot, c, handshakeClosed)
	case closing:
		l.closeDone(slot, c)
	default:
		why, is := l.mute[slot]
		if !is {
			why = readCause(errno)
		}
		l.lose(slot, c, why)
	}
}

// lose ends a connection that was established.
func (l *loop) lose(slot int64, c *conn, why cause) {
	if causeTable[why].byPeer {
		l.ages.lost(l.clock(), c.t)
	}
	if c.busy {
		l.count(slot).Missing += l.abandon(slot, c)
	}
	l.forget(slot)
	c.state = closed
	c.gen++
	sys.Close(int(c.fd))
	l.count(slot).Lost++
	l.blame(slot, why, 1)
	l.mourn(slot)
	if l.churn != nil {
		l.broken(slot)
	}
}

// isWS says whether a slot's connection is a WebSocket one.
func (l *loop) isWS(slot int64) bool {
	switch l.plan.Proto {
	case plan.WS:
		return true
	case plan.Mixed:
		return l.plan.IsWS(l.plan.Tuple(l.plan.Offset + slot).Port)
	}
	return false
}

// proto is TCP or WS.
func (l *loop) proto(slot int64) int {
	if l.isWS(slot) {
		return WS
	}
	return TCP
}

// count is where a slot's connection is counted.
func (l *loop) count(slot int64) *Counts { return &l.n[l.proto(slot)] }

// blame counts n failures of a slot's connection under their cause.
func (l *loop) blame(slot int64, why cause, n int64) { l.errs[l.proto(slot)][why] += n }

// total is the counts of all protocols.
func (l *loop) total() (c Counts) {
	for i := range l.n {
		c.add(l.n[i])
	}
	return c
}

// publish shows the counts to others.
func (l *loop) publish() {
	c := l.total()
	l.pub.store(&c)
}

// clock is microseconds since the loop's epoch.
func (l *loop) clock() uint64 { return uint64(time.Since(l.epoch) / time.Microsecond) }

// micros is the clock as connections keep it: modulo 2^32, which is 71 minutes.
// Only the difference of two that lie closer together means anything.
func (l *loop) micros() uint32 { return uint32(l.clock()) }
