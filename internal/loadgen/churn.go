package loadgen

import (
	"context"
	"fmt"
	"time"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/ws"
)

// Churn is users who each want one transaction after the other: a message there
// and back, over a connection of the plan. Connections come and go with them:
// each carries PerConn messages and is closed. With fewer connections than
// users, users wait for one that is free: a pool.
type Churn struct {
	Users        int64         // over all threads
	PerConn      uint32        // messages that a connection carries; 0: it is kept
	ServerCloses bool          // the server closes first, and the client once it has
	Loops        int64         // transactions of each user; 0: until Duration
	Duration     time.Duration // 0: until Loops are done
	Size         int           // bytes per message, at least 1
	SizeMax      int           // 0: all are Size
	Heat         int           // columns of the heat of latency; 0: none
	Drain        time.Duration // how long to wait for the last answers
	Timeout      time.Duration // of one transaction, its connect included; 0: none
}

// retryAfter is how long a user waits whose transaction failed, microseconds.
const retryAfter = 10_000

// churn is a loop's progress in one. Users are numbered.
type churn struct {
	Churn
	start    time.Time
	left     []int64     // by user: transactions still to do; nil: no end
	since    []uint32    // by user: since when it waits for its transaction; after a failure, until when
	waiting  fifo[int32] // users without a connection
	retry    fifo[int32] // users who wait after a failure
	going    int64       // users who are not done
	own      bool        // as many slots as users: each user has its own
	free     fifo[int64] // slots without a user; none if each has its own
	user     []int32     // by slot: whose transaction is under way; none: -1
	under    int         // transactions under way
	buf      []byte      // a message that ends with plan.EndOfTransmission
	swept    uint32      // when timeouts were last looked for
	draining bool
	progress time.Time // of the drain
	failed   int       // tries that failed since a transaction was last done, and ...
	success  uint32    // ... when that was, the loop's clock
}

// Churn lets the users do their transactions, until they are done or ctx ends.
// It opens the plan's connections itself: there must be no ramp before. Those
// that are kept stay open.
func (e *Engine) Churn(ctx context.Context, c Churn) {
	e.shared.stopEx.Store(false)
	e.do(ctx, e.loops, command{kind: doChurn, churn: c}, len(e.loops), func() { e.shared.stopEx.Store(true) })
}

func (l *loop) beginChurn() {
	c := l.job.churn
	upTo := func(slots int64) int64 { return c.Users * slots / max(1, l.plan.Total) }
	users := upTo(l.plan.Offset+l.plan.Conns) - upTo(l.plan.Offset)
	ch := &churn{Churn: c, start: time.Now(), success: l.micros(), going: users, own: users == l.plan.Conns, since: make([]uint32, users), user: make([]int32, len(l.conns)),
		buf: make([]byte, max(c.Size, c.SizeMax))}
	if c.Loops > 0 {
		ch.left = make([]int64, users)
	}
	now := l.micros()
	for u := range int32(users) {
		ch.since[u] = now
		if ch.left != nil {
			ch.left[u] = c.Loops
		}
		ch.waiting.push(u)
	}
	for slot := range l.conns {
		ch.user[slot] = -1
		if !ch.own {
			ch.free.push(int64(slot))
		}
	}
	l.churn = ch
	l.ex = exchange{Exchange: Exchange{Size: c.Size, SizeMax: c.SizeMax}}
	if c.Heat > 0 && c.Loops > 0 {
		l.ex.heat = newHeat(c.Heat, 0)
	} else if c.Heat > 0 {
		l.ex.heat = newHeat(c.Heat, c.Duration)
	}
}

// churnSome begins what can be begun and returns how long to wait, in
// microseconds.
func (l *loop) churnSome() int {
	ch := l.churn
	now, elapsed := l.micros(), time.Since(ch.start)
	if ch.hopeless(now) {
		l.shared.halt(fmt.Sprintf("%d tries in a row failed: %s", ch.failed, l.lastFailure()))
	}
	if !ch.draining && (l.shared.stopEx.Load() || ch.Loops > 0 && l.shared.stopRamp.Load() || ch.Duration > 0 && elapsed >= ch.Duration || ch.going == 0) {
		ch.draining, ch.progress = true, time.Now()
	}
	l.churnOverdue(now)
	for ch.retry.len() > 0 && int32(now-ch.since[ch.retry.first()]) >= 0 {
		u := ch.retry.pop()
		ch.since[u] = now
		ch.waiting.push(u)
	}
	for i := 0; i < connectBurst && !ch.draining && ch.ready(); i++ {
		user := ch.waiting.pop()
		slot := int64(user)
		if !ch.own {
			slot = ch.free.pop()
		}
		l.beginTransaction(slot, user)
	}
	switch {
	case ch.draining && (ch.under == 0 && l.pending == 0 || l.shared.stopEx.Load() || time.Since(ch.progress) >= ch.Drain):
		l.endChurn()
		return 0
	case ch.draining:
		return 10_000
	case ch.ready():
		return 0
	}
	wait := patient
	if ch.retry.len() > 0 {
		wait = min(wait, max(1, int(int32(ch.since[ch.retry.first()]-now))))
	}
	if ch.Duration > 0 {
		wait = min(wait, max(1, int((ch.Duration-elapsed)/time.Microsecond)))
	}
	return wait
}

// hopelessFor is how long nothing at all must have succeeded, beside so many
// failures in a row, for a fixed amount of work to be given up: a server that is
// started anew is back by then.
const hopelessFor = 5 * time.Second

// hopeless says whether a fixed amount of work is never going to be done. Where a
// time is given instead, that ends it.
func (ch *churn) hopeless(now uint32) bool {
	return ch.Loops > 0 && ch.failed >= hopeless && now-ch.success >= uint32(hopelessFor/time.Microsecond)
}

// ready says whether a transaction can begin.
func (ch *churn) ready() bool { return ch.waiting.len() > 0 && (ch.own || ch.free.len() > 0) }

// release gives a slot back once its connection can be used, or made anew.
func (l *loop) release(slot int64) {
	ch := l.churn
	if !ch.own {
		ch.free.push(slot)
		return
	}
	if user := int32(slot); ch.left == nil || ch.left[user] > 0 {
		ch.since[user] = l.micros()
		ch.waiting.push(user)
	}
}

// beginTransaction gives a user a slot: its open connection, or a new one.
func (l *loop) beginTransaction(slot int64, user int32) {
	ch, c := l.churn, &l.conns[slot]
	ch.user[slot] = user
	ch.under++
	if c.state == open {
		l.start(slot, c, ch.since[user])
		return
	}
	c.seq, c.busy = 0, false
	l.connectOne(slot)
}

// firstMessage is what a connection was opened for.
func (l *loop) firstMessage(slot int64, c *conn) {
	l.start(slot, c, l.churn.since[l.churn.user[slot]])
}

// transacted is a message that came back: the end of a transaction, and of the
// connection if that was its last.
func (l *loop) transacted(slot int64, c *conn, now uint32) {
	ch := l.churn
	user := l.endTransaction(slot)
	ch.failed, ch.success = 0, now
	took := int64(now-ch.since[user]) * 1000
	l.times[l.proto(slot)].Echo.Record(took)
	if l.ex.heat != nil {
		l.ex.heat.add(time.Since(ch.start)-time.Duration(took), took)
	}
	ch.since[user] = now
	if ch.left != nil {
		ch.left[user]--
	}
	if ch.left != nil && ch.left[user] == 0 {
		ch.going--
	} else if !ch.own {
		ch.waiting.push(user)
	}
	switch {
	case ch.PerConn == 0 || c.seq < ch.PerConn:
		l.release(slot)
	case ch.ServerCloses && (!l.isWS(slot) || l.sendClose(slot, c, ws.CodeNormal)):
		c.state, c.t = closing, now // the server's end follows
		l.pending++
	default:
		if l.plan.Close == plan.CloseRST {
			sys.Reset(int(c.fd))
		}
		l.forget(slot)
		l.closed(slot, c)
	}
}

// endTransaction takes the user off a slot.
func (l *loop) endTransaction(slot int64) (user int32) {
	user = l.churn.user[slot]
	l.churn.user[slot] = -1
	l.churn.under--
	return user
}

// broken is a connection that failed or was lost. Its user tries again.
func (l *loop) broken(slot int64) {
	ch := l.churn
	if ch.user[slot] < 0 {
		return // between two transactions: its slot is free
	}
	user := l.endTransaction(slot)
	ch.failed++
	ch.since[user] = l.micros() + retryAfter
	ch.retry.push(user)
	if !ch.own {
		ch.free.push(slot)
	}
}

// churnOverdue ends what takes too long: connects, transactions, and closes
// that are the server's turn.
func (l *loop) churnOverdue(now uint32) {
	ch := l.churn
	if now-ch.swept < sweepEvery {
		return
	}
	ch.swept = now
	connect, whole := uint32(l.plan.ConnectTimeout/time.Microsecond), uint32(ch.Timeout/time.Microsecond)
	overdue := func(user int32) bool { return whole > 0 && user >= 0 && now-ch.since[user] >= whole }
	for i := range l.conns {
		slot, c := int64(i), &l.conns[i]
		switch {
		case c.state == connecting && (now-c.t >= connect || overdue(ch.user[slot])):
			l.failConnect(slot, c, connectTimeout)
		case c.state == upgrading && (now-c.t >= connect || overdue(ch.user[slot])):
			l.failConnect(slot, c, handshakeTimeout)
		case c.state == open && c.busy && overdue(ch.user[slot]):
			l.lose(slot, c, echoTimeout)
		case c.state == closing && now-c.t >= uint32(closeWait/time.Microsecond):
			l.blame(slot, closeTimeout, 1)
			l.closeDone(slot, c)
		}
	}
}

// endChurn takes back what is under way and leaves open what is open.
func (l *loop) endChurn() {
	l.churn = nil
	for i := range l.conns {
		slot, c := int64(i), &l.conns[i]
		switch c.state {
		case connecting, upgrading:
			l.takeBack(slot, c)
		case closing:
			l.closeDone(slot, c)
		case open:
			if c.busy {
				l.expire(slot, c)
			}
		}
	}
	l.next, l.oldest = l.plan.Conns, l.plan.Conns // for Close, which goes down from there
	l.finish()
}

// lastWord is the message after which the server is to close: it ends with
// plan.EndOfTransmission.
func (l *loop) lastWord(m []byte) []byte {
	b := l.churn.buf[:copy(l.churn.buf, m)]
	b[len(b)-1] = plan.EndOfTransmission
	return b
}

// fifo is a queue; what was taken from it is dropped now and then.
type fifo[T any] struct {
	list []T
	head int
}

func (f *fifo[T]) len() int { return len(f.list) - f.head }

func (f *fifo[T]) first() T { return f.list[f.head] }

func (f *fifo[T]) push(v T) {
	if f.head > 1024 && f.head > len(f.list)/2 {
		f.list = f.list[:copy(f.list, f.list[f.head:])]
		f.head = 0
	}
	f.list = append(f.list, v)
}

func (f *fifo[T]) pop() T {
	v := f.list[f.head]
	if f.head++; f.head == len(f.list) {
		f.list, f.head = f.list[:0], 0
	}
	return v
}
