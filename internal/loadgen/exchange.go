package loadgen

import (
	"bytes"
	"time"

	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/ws"
)

// Exchange is what messages to send over the connections that are open. With
// an Interval each connection sends one message per interval, at a moment of
// its own, and latency counts from the moment it should have been sent.
// Without, each sends the next as soon as the last came back (closed loop).
type Exchange struct {
	Size     int           // bytes per message, at least 1
	Interval time.Duration // 0: closed loop
	Duration time.Duration // 0: until PerConn messages are done
	PerConn  uint32        // messages per connection; 0: no limit
	Sample   int64         // only so many connections, evenly spaced; 0: all
	Window   int           // messages under way at once per thread; 0: no limit
	Drain    time.Duration // how long to wait for the last answers
}

// exchange is a loop's progress in one.
type exchange struct {
	Exchange
	chosen   int64  // connections of this loop that take part
	cursor   int64  // sends looked at so far, over all rounds
	under    int    // messages under way
	progress uint32 // micros of the last answer
	began    uint32 // micros
	draining bool
	running  bool
}

func (l *loop) beginExchange() {
	l.ex = exchange{Exchange: l.job.ex, began: l.micros(), progress: l.micros(), running: true}
	l.ex.chosen = l.plan.Conns
	if s := l.job.ex.Sample; s > 0 {
		// This loop's part of an even spread over the whole plan.
		upTo := func(n int64) int64 { return n * min(s, l.plan.Total) / l.plan.Total }
		l.ex.chosen = upTo(l.plan.Offset+l.plan.Conns) - upTo(l.plan.Offset)
	}
	for i := range l.conns {
		l.conns[i].seq = 0
	}
}

// slotOf is the k-th slot that takes part.
func (l *loop) slotOf(k int64) int64 {
	if l.ex.chosen == l.plan.Conns {
		return k
	}
	return (2*k + 1) * l.plan.Conns / (2 * l.ex.chosen)
}

// exchange starts what is due and returns how long to wait, in milliseconds.
func (l *loop) exchange() int {
	x := &l.ex
	now := l.micros()
	elapsed := time.Duration(now-x.began) * time.Microsecond
	if !x.draining && (l.shared.stopEx.Load() || x.Duration > 0 && elapsed >= x.Duration) {
		x.draining = true
		x.progress = now
	}
	wait := 100
	if !x.draining {
		wait = l.startDue(now)
	}
	begun := x.draining || x.PerConn > 0 && x.Interval == 0 && x.cursor >= x.chosen
	quiet := time.Duration(now-x.progress) * time.Microsecond
	switch {
	case x.chosen == 0 && x.Duration == 0,
		begun && x.under == 0,
		begun && quiet >= x.Drain,
		x.draining && l.shared.stopEx.Load(): // interrupted: nobody waits for answers
		l.endExchange()
		return 0
	}
	return wait
}

// startDue begins the sends that are due, a burst at most.
func (l *loop) startDue(now uint32) int {
	x := &l.ex
	if x.chosen == 0 {
		return 100
	}
	for range workBurst {
		if x.Interval == 0 && (x.cursor >= x.chosen || x.Window > 0 && x.under >= x.Window) {
			return 100 // what comes back starts the rest
		}
		slot, round := l.slotOf(x.cursor%x.chosen), uint32(x.cursor/x.chosen)
		intended := now
		if x.Interval > 0 {
			intended = l.intended(x.cursor%x.chosen, round)
			if int32(intended-now) > 0 {
				return min(100, int(intended-now)/1000+1)
			}
		}
		x.cursor++
		// A connection still busy with an earlier message catches up when
		// that one is done; its latency counts from the intended time.
		if c := &l.conns[slot]; c.state == open && !c.busy && c.seq <= round {
			l.start(slot, c, intended)
		}
	}
	return 0
}

// intended is when connection k of those that take part should send its
// message of that round: spread evenly over the interval.
func (l *loop) intended(k int64, round uint32) uint32 {
	micros := l.ex.Interval.Microseconds()
	return l.ex.began + uint32(micros*k/l.ex.chosen+micros*int64(round))
}

// start sends the next message of a connection.
func (l *loop) start(slot int64, c *conn, intended uint32) {
	if c.seq == 0 && l.ex.Size > 512 {
		sys.NoDelay(int(c.fd)) // a message's tail must not wait for an ACK
	}
	c.busy, c.sent, c.recv, c.t = true, 0, 0, intended
	c.seq++
	l.count(slot).Sent++
	l.ex.under++
	l.flush(slot, c)
}

// message is the payload that the connection's message under way carries.
func (l *loop) message(slot int64, c *conn) []byte {
	return l.shared.pattern.message(l.plan.Offset+slot, c.seq, l.ex.Size)
}

// unsent is what is next to be written of the message or handshake under way;
// empty: nothing.
func (l *loop) unsent(slot int64, c *conn) []byte {
	switch {
	case c.state == upgrading:
		return l.request(slot, c)
	case !c.busy:
		return nil
	case !l.isWS(slot):
		return l.message(slot, c)[c.sent:]
	case int(c.sent) >= ws.FrameSize(l.ex.Size):
		return nil
	}
	return ws.AppendPart(l.out[:0], ws.OpBinary, l.message(slot, c), l.maskKey(slot, c.seq), int(c.sent), cap(l.out))
}

// flush writes what the socket takes of what is under way; the rest goes when
// epoll reports room. It tells whether the connection still lives.
func (l *loop) flush(slot int64, c *conn) bool {
	for out := l.unsent(slot, c); len(out) > 0; out = l.unsent(slot, c) {
		n, errno := sys.Send(int(c.fd), out)
		switch errno {
		case 0:
			c.sent += uint32(n)
		case sys.EINTR:
		case sys.EAGAIN:
			return true
		default:
			l.writeFailed(slot, c, errno)
			return false
		}
	}
	if len(l.rare) > 0 {
		l.sendPong(slot, c)
	}
	return true
}

func (l *loop) writeFailed(slot int64, c *conn, errno sys.Errno) {
	why := writeOther
	if errno == sys.EPIPE || errno == sys.ECONNRESET {
		why = writeClosed
	}
	if c.state == upgrading {
		l.failConnect(slot, c, handshakeClosed)
		return
	}
	l.lose(slot, c, why)
}

// received compares what came back with what was sent, byte for byte.
func (l *loop) received(slot int64, c *conn, in []byte) {
	for len(in) > 0 {
		if !c.busy {
			l.errs[echoSurplus]++
			return
		}
		want := l.message(slot, c)[c.recv:]
		n := min(len(in), len(want))
		if int(c.recv)+n > int(c.sent) || !bytes.Equal(in[:n], want[:n]) {
			l.mismatch(slot, c)
			return
		}
		c.recv += uint32(n)
		in = in[n:]
		if n == len(want) {
			l.complete(slot, c)
		}
	}
}

// mismatch ends a connection whose echo differs: what follows cannot be told
// apart any more.
func (l *loop) mismatch(slot int64, c *conn) {
	l.count(slot).Mismatched++
	l.lose(slot, c, echoMismatch)
}

// complete is a message that came back whole.
func (l *loop) complete(slot int64, c *conn) {
	x := &l.ex
	now := l.micros()
	c.busy, c.sent = false, 0
	x.under--
	x.progress = now
	p := l.proto(slot)
	l.n[p].Received++
	l.n[p].Bytes += int64(x.Size)
	l.times[p].Echo.Record(int64(now-c.t) * 1000)
	if x.draining || !x.running || x.PerConn > 0 && c.seq >= x.PerConn {
		return
	}
	if x.Interval == 0 {
		l.start(slot, c, now)
		return
	}
	if next := l.intended(l.indexOf(slot), c.seq); int32(next-now) <= 0 {
		l.start(slot, c, next)
	}
}

// indexOf is the inverse of slotOf.
func (l *loop) indexOf(slot int64) int64 {
	if l.ex.chosen == l.plan.Conns {
		return slot
	}
	return slot * l.ex.chosen / l.plan.Conns
}

// abandon is a message that will not come back: its connection died.
func (l *loop) abandon(slot int64, c *conn) {
	c.busy = false
	l.ex.under--
	l.count(slot).Missing++
}

// endExchange counts what never came back and ends the order.
func (l *loop) endExchange() {
	l.ex.running = false
	for i := range l.conns {
		if c := &l.conns[i]; c.busy {
			l.abandon(int64(i), c)
			l.errs[echoTimeout]++
		}
	}
	l.finish()
}
