package loadgen

import (
	"fmt"
	"time"

	"github.com/c10m/c10m/internal/pace"
	"github.com/c10m/c10m/internal/sys"
)

// hopeless is how many connects in a row must fail at least for the ramp to end.
// With many ports it is a whole round over them: some may be dead, and others
// not.
const hopeless = 256

// rampSlice is the time slice of a thread that connects as fast as it can.
const rampSlice = 50 * time.Millisecond

// sweepEvery is how often connects under way are checked for their deadline.
const sweepEvery = 100_000 // microseconds

// ramp begins some connects, as many as the pace, the burst and the window
// allow, and returns how long to wait for results in microseconds.
func (l *loop) ramp() int {
	if l.next == 0 && l.lane.rate.PerSecond == 0 {
		// Let a server on the same cores find batches to accept, instead of
		// being switched to for each connection. Best effort.
		_ = sys.SetThreadSlice(sys.Normal, rampSlice)
	}
	l.sweep()
	due := l.due()
	for i := 0; i < connectBurst && l.next < due && l.pending < l.plan.Window; i++ {
		l.connectOne(l.next)
		l.next++
	}
	if l.inRow >= max(hopeless, l.plan.Round()) {
		l.shared.halt(fmt.Sprintf("%d connects in a row failed: %s", l.inRow, l.lastFailure()))
	}
	stopped := l.shared.stopRamp.Load()
	begun := l.next == l.plan.Conns || stopped
	if begun {
		l.passOn()
	}
	switch {
	case begun && (l.pending == 0 || stopped):
		l.dropPending()
		_ = sys.SetThreadSlice(sys.Normal, 0)
		l.finish()
		return 0
	case !begun && l.next < due && l.pending < l.plan.Window:
		return 0 // more to begin at once
	}
	return 1000
}

// passOn lets the next loop of the lane ramp.
func (l *loop) passOn() {
	if l.lane.next != nil {
		l.lane.next.cmds <- command{kind: doRamp, start: l.job.start, done: l.job.done}
		l.lane.next = nil
	}
}

// due is how many of the loop's connections should have been begun by now.
func (l *loop) due() int64 {
	if l.shared.stopRamp.Load() {
		return l.next
	}
	if l.lane.rate.PerSecond == 0 {
		return l.plan.Conns
	}
	p := pace.Constant{PerSecond: l.lane.rate.PerSecond}
	return min(l.plan.Conns, p.Due(time.Since(l.job.start))-l.lane.offset)
}

// connectOne begins the connection of one slot: socket, connect and one
// epoll_ctl; two more only where a source address or a port range is asked for.
func (l *loop) connectOne(slot int64) {
	l.count(slot).Attempted++
	if l.dial(slot) {
		l.pending++
	}
}

// dial begins a connect, the first one of a slot or another. It tells whether
// it is under way.
func (l *loop) dial(slot int64) bool {
	c := &l.conns[slot]
	tuple := l.plan.Tuple(l.plan.Offset + slot)
	fd, errno := sys.Socket(l.shared.family)
	if errno != 0 {
		l.fail(slot, c, socketCause(errno))
		return false
	}
	c.fd = int32(fd)
	c.t = l.micros()
	if why, ok := l.prepare(fd, tuple.Source); !ok {
		sys.Close(fd)
		l.fail(slot, c, why)
		return false
	}
	// An interrupted connect goes on by itself, like one in progress.
	if errno = sys.Connect(fd, &l.shared.dest[tuple.Port]); errno != 0 && errno != sys.EINPROGRESS && errno != sys.EINTR {
		sys.Close(fd)
		l.fail(slot, c, connectCause(errno))
		return false
	}
	c.gen++
	if errno = l.ep.Add(fd, connEvents, int32(slot), int32(c.gen)); errno != 0 {
		sys.Close(fd)
		why := epollOther
		if errno == sys.ENOSPC {
			why = epollNoWatches
		}
		l.fail(slot, c, why)
		return false
	}
	c.state = connecting
	return true
}

// prepare sets what must be set before connect(2).
func (l *loop) prepare(fd, source int) (why cause, ok bool) {
	if l.wide && sys.LocalPortRange(fd, l.plan.Local.Low, l.plan.Local.High) != 0 {
		l.wide = false // before Linux 6.3: the usual search must do
	}
	if l.plan.KeepAlive > 0 {
		sys.NewKeepAlive(l.plan.KeepAlive).Set(fd)
	}
	if len(l.shared.src) == 0 {
		return 0, true
	}
	sys.BindLate(fd) // before Linux 4.2 bind takes the port at once, which still works
	switch errno := sys.Bind(fd, &l.shared.src[source]); errno {
	case 0:
		return 0, true
	case sys.EADDRNOTAVAIL, sys.EADDRINUSE:
		return bindNoAddress, false
	}
	return bindOther, false
}

// connected is a connect that succeeded. One whose local port happened to be the
// very one it went to, where nobody listens, is joined to itself (simultaneous
// open, RFC 9293 section 3.5) and would echo perfectly.
func (l *loop) connected(slot int64, c *conn) {
	if l.shared.inRange && sys.BoundTo(int(c.fd), &l.shared.dest[l.plan.Tuple(l.plan.Offset+slot).Port]) {
		sys.Reset(int(c.fd)) // no TIME_WAIT on the port of a server that is to come back
		l.failConnect(slot, c, connectSelf)
		return
	}
	l.times[l.proto(slot)].Connect.Record(int64(l.micros()-c.t) * 1000)
	if l.isWS(slot) {
		c.state, c.sent = upgrading, 0
		l.flush(slot, c)
		return
	}
	l.established(slot, c)
}

// established is a connection that can be used.
func (l *loop) established(slot int64, c *conn) {
	c.state = open
	if l.restoring(slot) {
		l.restored(slot, c)
		return
	}
	l.pending--
	l.inRow = 0
	l.count(slot).Established++
	if l.churn != nil {
		l.firstMessage(slot, c)
	}
}

// failConnect is a connection that was under way and was not established.
func (l *loop) failConnect(slot int64, c *conn, why cause) {
	if !l.restoring(slot) {
		l.pending--
	}
	c.gen++
	l.forget(slot)
	sys.Close(int(c.fd))
	l.fail(slot, c, why)
}

func (l *loop) fail(slot int64, c *conn, why cause) {
	if l.restoring(slot) {
		l.tryFailed(slot, c, why)
		return
	}
	c.state = failed
	l.count(slot).Failed++
	l.blame(slot, why, 1)
	l.inRow++
	if l.churn != nil {
		l.broken(slot)
	}
}

// sweep ends connects that are under way for too long. Slots connect in order,
// so only the oldest need a look.
func (l *loop) sweep() {
	now := l.micros()
	if now-l.swept < sweepEvery {
		return
	}
	l.swept = now
	limit := uint32(l.plan.ConnectTimeout / time.Microsecond)
	for ; l.oldest < l.next; l.oldest++ {
		c := &l.conns[l.oldest]
		why := connectTimeout
		switch {
		case l.restoring(l.oldest):
			continue // sweepTries looks after it
		case c.state == connecting:
		case c.state == upgrading:
			why = handshakeTimeout
		default:
			continue
		}
		if now-c.t < limit {
			return
		}
		l.failConnect(l.oldest, c, why)
	}
}

// dropPending takes back the connects that were under way when the ramp was
// stopped.
func (l *loop) dropPending() {
	for slot := l.oldest; slot < l.next && l.pending > 0; slot++ {
		c := &l.conns[slot]
		if (c.state == connecting || c.state == upgrading) && !l.restoring(slot) {
			l.takeBack(slot, c)
		}
	}
}

// takeBack ends a connect that is under way: it was not attempted to the end,
// and counts nowhere.
func (l *loop) takeBack(slot int64, c *conn) {
	l.forget(slot)
	sys.Close(int(c.fd))
	c.gen++
	c.state = unused
	l.pending--
	l.count(slot).Attempted--
}

// lastFailure names the commonest failure so far.
func (l *loop) lastFailure() string {
	most, n := cause(0), int64(0)
	for c := range nCauses {
		if sum := l.errs[TCP][c] + l.errs[WS][c]; sum > n {
			most, n = c, sum
		}
	}
	return most.String()
}
