package loadgen

import (
	"bytes"
	"math/bits"
	"time"

	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/ws"
)

// Exchange is what messages to send over the connections that are open. With
// an Interval each connection sends one message per interval, at a moment of
// its own, and latency counts from the moment it should have been sent: a
// message that is late because the one before it was slow counts as slow, too
// (no coordinated omission). Without, each sends the next as soon as the last
// came back (closed loop).
type Exchange struct {
	Size     int           // bytes per message, at least 1
	SizeMax  int           // sizes are spread evenly over Size..SizeMax; 0: all are Size
	Depth    int           // messages under way at once per connection; 0 and 1: one
	Heat     int           // cut Duration into so many pieces and keep the latency of each; 0: no
	Interval time.Duration // 0: closed loop
	Duration time.Duration // 0: until PerConn messages are done
	PerConn  uint32        // messages per connection; 0: no limit
	Sample   int64         // only so many of the open connections, evenly spaced; 0: all; not with an Interval
	Window   int           // messages under way at once per thread; 0: no limit
	Verify   bool          // its latencies are counted apart
	Drain    time.Duration // how long to wait for the last answers
}

// exchange is a loop's progress in one.
type exchange struct {
	Exchange
	chosen   int64   // slots of this loop that take part, if they are open
	slots    []int32 // which; nil: the first to the last
	cursor   int64   // sends looked at so far, over all rounds
	under    int     // messages under way
	progress uint32  // the loop's clock at the last answer, modulo 2^32
	began    uint64  // the loop's clock
	start    time.Time
	draining bool
	late     bool // draining, and what was due before the end may still be sent
	running  bool
	pipes    []pipe   // by slot; nil with a Depth of 1
	times    []uint32 // Depth intended send times for each slot; nil with a Depth of 1
	heat     *heat    // nil: not kept
}

func (l *loop) beginExchange() {
	now := l.clock()
	l.ex = exchange{Exchange: l.job.ex, began: now, progress: uint32(now), start: time.Now(), running: true}
	l.ex.chosen = l.plan.Conns
	if l.ex.Sample > 0 && l.sample < l.total().Open() {
		l.ex.slots = l.choose(l.sample)
		l.ex.chosen = int64(len(l.ex.slots))
	}
	for i := range l.conns {
		l.conns[i].seq = 0
	}
	for p := range l.times {
		if l.ex.Verify && l.times[p].Echo != nil {
			l.times[p].verify()
		}
	}
	if x := &l.ex; x.Depth > 1 {
		x.pipes, x.times = make([]pipe, len(l.conns)), make([]uint32, len(l.conns)*x.Depth)
	}
	if x := &l.ex; x.Heat > 0 && x.Duration > 0 {
		x.heat = newHeat(x.Heat, x.Duration)
	}
}

// choose picks n of the open connections, evenly spaced.
func (l *loop) choose(n int64) (slots []int32) {
	held, nth := l.total().Open(), int64(0)
	for slot := range l.conns {
		if l.conns[slot].state != open {
			continue
		}
		if (nth+1)*n/held > nth*n/held {
			slots = append(slots, int32(slot))
		}
		nth++
	}
	return slots
}

// slotOf is the k-th slot that takes part.
func (l *loop) slotOf(k int64) int64 {
	if l.ex.slots == nil {
		return k
	}
	return int64(l.ex.slots[k])
}

// patient is how long a loop waits at most before it looks at its orders, in
// microseconds.
const patient = 100_000

// exchange starts what is due and returns how long to wait, in microseconds.
func (l *loop) exchange() int {
	x := &l.ex
	now := l.clock()
	elapsed := time.Since(x.start)
	if !x.draining && (l.shared.stopEx.Load() || x.Duration > 0 && elapsed >= x.Duration) {
		x.draining = true
		x.progress = uint32(now)
	}
	x.late = x.draining && x.Interval > 0 && x.Duration > 0 && !l.shared.stopEx.Load() && elapsed < x.Duration+x.overtime()
	wait := patient
	if !x.draining || l.lag() {
		wait = l.startDue(now)
	}
	begun := x.draining && !l.lag() || x.PerConn > 0 && x.Interval == 0 && x.cursor >= x.chosen
	quiet := time.Duration(uint32(now)-x.progress) * time.Microsecond
	switch {
	case x.chosen == 0 && x.Duration == 0,
		begun && x.under == 0,
		l.total().Open() == 0 && l.retry.idle(), // nobody is left
		begun && quiet >= x.Drain,
		x.draining && l.shared.stopEx.Load(): // interrupted: nobody waits for answers
		l.endExchange()
		return 0
	}
	if left := int((x.Duration - elapsed) / time.Microsecond); x.Duration > 0 && !x.draining {
		wait = min(wait, max(1, left))
	}
	return wait
}

// overtime is how long after the end messages are still sent that were due
// before it: long enough for a stall, not for a load that can never be carried.
func (x *exchange) overtime() time.Duration { return min(x.Drain, max(time.Second, x.Duration/2)) }

// lag says whether messages that were due before the end are still to be begun.
func (l *loop) lag() bool {
	x := &l.ex
	return x.late && x.chosen > 0 && l.offset(x.cursor%x.chosen, uint32(x.cursor/x.chosen)) < x.Duration
}

// startDue begins the sends that are due, a burst at most.
func (l *loop) startDue(now uint64) int {
	x := &l.ex
	if x.chosen == 0 {
		return patient
	}
	for range workBurst {
		if x.Interval == 0 && (x.cursor >= x.chosen || x.Window > 0 && x.under >= x.Window) {
			return patient // what comes back starts the rest
		}
		slot, round := l.slotOf(x.cursor%x.chosen), uint32(x.cursor/x.chosen)
		intended := now
		if x.Interval > 0 {
			at := l.offset(x.cursor%x.chosen, round)
			if x.Duration > 0 && at >= x.Duration {
				return patient
			}
			if intended = x.began + uint64(at/time.Microsecond); intended > now {
				return int(min(patient, intended-now))
			}
		}
		x.cursor++
		// A connection that has no room for another message catches up when
		// one is done; its latency counts from the intended time.
		if c := &l.conns[slot]; c.state == open && c.seq <= round && l.room(slot, c) && !l.owed[slot] {
			l.start(slot, c, uint32(intended))
			if x.Interval == 0 {
				l.refill(slot, c, now)
			}
		}
	}
	return 0
}

// offset is when connection k of those that take part should send its message
// of that round, from the beginning of the exchange: spread evenly over the
// interval.
func (l *loop) offset(k int64, round uint32) time.Duration {
	x := &l.ex
	// In 128 bits: an hour of nanoseconds times a million connections.
	hi, lo := bits.Mul64(uint64(x.Interval), uint64(k))
	in, _ := bits.Div64(hi, lo, uint64(x.chosen))
	return time.Duration(in) + x.Interval*time.Duration(round)
}

// start sends the next message of a connection; there must be room for it.
func (l *loop) start(slot int64, c *conn, intended uint32) {
	if c.seq == 0 {
		l.noDelay(c)
	}
	if !c.busy {
		c.recv = 0
	}
	c.busy, c.sent = true, 0
	c.seq++
	l.began(slot, c, intended)
	l.count(slot).Sent++
	l.ex.under++
	l.flush(slot, c)
}

// noDelay keeps a message's tail from waiting for an ACK, where messages may
// have one.
func (l *loop) noDelay(c *conn) {
	if l.ex.Size > 512 || l.ex.SizeMax > 512 || l.ex.Depth > 1 {
		sys.NoDelay(int(c.fd))
	}
}

// sizeOf is the size of a connection's message: one of the range, always the
// same for the same message.
func (l *loop) sizeOf(slot int64, seq uint32) int {
	x := &l.ex
	if x.SizeMax <= x.Size {
		return x.Size
	}
	h := (uint64(l.plan.Offset+slot)*0xD6E8FEB86659FD93 + uint64(seq)) * 0x9E3779B97F4A7C15
	return x.Size + int((h>>40)%uint64(x.SizeMax-x.Size+1))
}

// message is the payload of a connection's message.
func (l *loop) message(slot int64, seq uint32) []byte {
	m := l.shared.pattern.message(l.plan.Offset+slot, seq, l.sizeOf(slot, seq))
	if l.churn != nil && l.churn.ServerCloses && seq == l.churn.PerConn && !l.isWS(slot) {
		return l.lastWord(m)
	}
	return m
}

// unsent is what is next to be written of the message or handshake under way;
// empty: nothing.
func (l *loop) unsent(slot int64, c *conn) []byte {
	switch {
	case c.state == upgrading:
		return l.request(slot, c)
	case !c.busy || l.written(slot, c):
		return nil
	case !l.isWS(slot):
		return l.message(slot, c.seq)[c.sent:]
	}
	return ws.AppendPart(l.out[:0], l.shared.opcode, l.message(slot, c.seq), l.maskKey(slot, c.seq), int(c.sent), cap(l.out))
}

// written says whether the newest message has been written whole.
func (l *loop) written(slot int64, c *conn) bool {
	n := l.sizeOf(slot, c.seq)
	if l.isWS(slot) {
		n = ws.FrameSize(n)
	}
	return int(c.sent) >= n
}

// flush writes what the socket takes of what is under way; the rest goes when
// epoll reports room. It tells whether the connection still lives.
func (l *loop) flush(slot int64, c *conn) bool {
	if len(l.mute) > 0 {
		if _, is := l.mute[slot]; is {
			return c.live()
		}
	}
	for out := l.unsent(slot, c); len(out) > 0; out = l.unsent(slot, c) {
		l.calls++
		n, errno := sys.Send(int(c.fd), out)
		switch errno {
		case 0:
			c.sent += uint32(n)
		case sys.EINTR:
		case sys.EAGAIN:
			return true
		default:
			l.writeFailed(slot, c, errno)
			return c.live()
		}
	}
	if len(l.rare) > 0 {
		l.sendPong(slot, c)
	}
	return c.live()
}

// writeFailed is a socket that takes no more. Its peer may have said why: a close
// frame or an answer that is not an echo. That is still to be read, in the order
// in which it came, and only then the connection is lost.
func (l *loop) writeFailed(slot int64, c *conn, errno sys.Errno) {
	if c.state == upgrading {
		l.failConnect(slot, c, handshakeClosed)
		return
	}
	if l.mute == nil {
		l.mute = map[int64]cause{}
	}
	l.mute[slot] = writeCause(errno)
	l.readLater(slot)
}

// awaitedNow is the message whose echo comes next, and how much of it has been
// written. It is nil if none is to come: what is there is the answer that the
// connection owes, or nothing that anybody asked for.
func (l *loop) awaitedNow(slot int64, c *conn, in []byte) (want []byte, written int) {
	switch {
	case l.owed[slot]:
		return nil, 0
	case !c.busy:
		why := echoSurplus
		if !l.isWS(slot) {
			why = unexpected(in, why)
		}
		l.keepFirst(slot, why, "", in)
		l.blame(slot, why, 1)
		return nil, 0
	}
	seq := l.awaited(slot, c)
	want = l.message(slot, seq)
	switch {
	case seq != c.seq:
		return want, len(want)
	case l.isWS(slot):
		return want, max(0, int(c.sent)-(ws.FrameSize(len(want))-len(want)))
	}
	return want, int(c.sent)
}

// received compares what came back with what was sent, byte for byte.
func (l *loop) received(slot int64, c *conn, in []byte) {
	for len(in) > 0 && c.state == open {
		want, written := l.awaitedNow(slot, c, in)
		if want == nil {
			return
		}
		n := min(len(in), len(want)-int(c.recv))
		if int(c.recv)+n > written || !bytes.Equal(in[:n], want[c.recv:int(c.recv)+n]) {
			l.mismatch(slot, c, in)
			return
		}
		c.recv += uint32(n)
		in = in[n:]
		if int(c.recv) == len(want) {
			l.complete(slot, c)
		}
	}
}

// mismatch ends a connection whose echo differs: what follows cannot be told
// apart any more.
func (l *loop) mismatch(slot int64, c *conn, in []byte) {
	why := echoMismatch
	if c.recv == 0 && !l.isWS(slot) {
		why = unexpected(in, why)
	}
	l.count(slot).Mismatched++
	l.keepFirst(slot, why, "", in)
	l.lose(slot, c, why)
}

// complete is a message that came back whole.
func (l *loop) complete(slot int64, c *conn) {
	x := &l.ex
	now := l.clock()
	seq, intended := l.answered(slot, c)
	x.under--
	x.progress = uint32(now)
	p := l.proto(slot)
	l.n[p].Received++
	l.n[p].Bytes += int64(l.sizeOf(slot, seq))
	if l.churn != nil {
		l.transacted(slot, c, uint32(now))
		return
	}
	took := int64(uint32(now)-intended) * 1000
	if x.Verify {
		l.times[p].Verify.Record(took)
	} else {
		l.times[p].Echo.Record(took)
	}
	if x.heat != nil {
		x.heat.add(time.Since(x.start)-time.Duration(took), took)
	}
	l.refill(slot, c, now)
}

// refill starts what a connection has room for: in a closed loop the next
// messages, with an interval those whose time has come meanwhile. These are
// also sent after the end of the exchange, if they were due before it: left out,
// the longest waits would be missing.
func (l *loop) refill(slot int64, c *conn, now uint64) {
	x := &l.ex
	for x.running && c.state == open && (x.PerConn == 0 || c.seq < x.PerConn) && l.room(slot, c) {
		next := now
		if x.Interval > 0 {
			at := l.offset(slot, c.seq)
			next = x.began + uint64(at/time.Microsecond)
			if next > now || x.Duration > 0 && at >= x.Duration || x.draining && !x.late {
				return
			}
		} else if x.draining {
			return
		}
		l.start(slot, c, uint32(next))
	}
}

// abandon gives up what a connection has under way, and says how much that is.
func (l *loop) abandon(slot int64, c *conn) int64 {
	n := l.underWay(slot, c)
	c.busy = false
	l.ex.under -= n
	return int64(n)
}

// expire ends the wait for a connection's answers. After an interruption nobody
// has waited: its messages count nowhere.
func (l *loop) expire(slot int64, c *conn) {
	n := l.abandon(slot, c)
	l.owe(slot)
	if l.shared.stopEx.Load() {
		l.count(slot).Sent -= n
		return
	}
	l.count(slot).Missing += n
	l.blame(slot, echoTimeout, n)
}

// endExchange counts what never came back, and what should have been sent and
// never was, and ends the order.
func (l *loop) endExchange() {
	l.ex.running = false
	for i := range l.conns {
		if c := &l.conns[i]; c.busy {
			l.expire(int64(i), c)
		}
	}
	l.countOverdue()
	l.finish()
}

// owe remembers that a message of an exchange that is over was never answered.
// Its answer may still come, after a network was away for longer than the
// exchange could wait: it is nothing that nobody asked for, and no mismatch. The
// connection is held but sends nothing more, for what comes could not be told
// apart.
func (l *loop) owe(slot int64) {
	if l.conns[slot].state != open {
		return
	}
	if l.owed == nil {
		l.owed = map[int64]bool{}
	}
	l.owed[slot] = true
}

// countOverdue counts the messages of open connections that were due and not
// begun.
func (l *loop) countOverdue() {
	x := &l.ex
	if x.Interval == 0 || x.Duration == 0 || l.shared.stopEx.Load() {
		return
	}
	for slot := range int64(len(l.conns)) {
		c := &l.conns[slot]
		first := l.offset(slot, 0)
		if c.state != open || first >= x.Duration {
			continue
		}
		l.blame(slot, echoOverdue, max(0, int64((x.Duration-1-first)/x.Interval)+1-int64(c.seq)))
	}
}
