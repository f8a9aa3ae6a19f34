package loadgen

import (
	"context"
	"fmt"
	"time"
)

// Churn is users that each do one transaction after the other: a message there and
// back, over a connection of the plan. Connections come and go with them: each
// carries PerConn messages and is closed. With fewer connections than users, users
// wait for a free one: a pool.
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

// retryAfter is how long a user waits after a failed transaction, microseconds.
const retryAfter = 10_000

// churn is the workload of users that come and go. Users are numbered.
type churn struct {
	Churn
	cs       *conns
	start    time.Time
	left     []int64     // by user: transactions still to do; nil: no end
	since    []uint32    // by user: when its transaction became due; after a failure, when to retry
	waiting  fifo[int32] // users without a connection
	retry    fifo[int32] // users who wait after a failure
	going    int64       // users who are not done
	own      bool        // as many slots as users: each user has its own
	free     fifo[int64] // slots without a user; none if each has its own
	user     []int32     // by slot: whose transaction is under way; none: -1
	under    int         // transactions under way
	swept    uint32      // when timeouts were last checked
	draining bool
	progress time.Time // of the drain
	failed   int       // tries that failed since a transaction was last done, and ...
	success  uint32    // ... when that was, the thread's clock
	heat     *heat     // nil: not kept
}

// Churn lets the users do their transactions, until they are done or ctx ends.
// It opens the plan's connections itself: there must be no ramp before. Those
// that are kept stay open.
func (e *Engine) Churn(ctx context.Context, c Churn) {
	e.shared.stopEx.Store(false)
	e.do(ctx, e.threads, command{kind: doChurn, churn: c}, len(e.threads), func() { e.shared.stopEx.Store(true) })
}

func newChurn(cs *conns, of Churn) *churn {
	upTo := func(slots int64) int64 { return of.Users * slots / max(1, cs.plan.Total) }
	users := upTo(cs.plan.Offset+cs.plan.Conns) - upTo(cs.plan.Offset)
	ch := &churn{
		Churn: of, cs: cs, start: time.Now(), going: users, own: users == cs.plan.Conns,
		since: make([]uint32, users), user: make([]int32, len(cs.list)),
	}
	if of.Loops > 0 {
		ch.left = make([]int64, users)
	}
	now := cs.micros()
	ch.success = now
	for u := range int32(users) {
		ch.since[u] = now
		if ch.left != nil {
			ch.left[u] = of.Loops
		}
		ch.waiting.push(u)
	}
	for slot := range cs.list {
		ch.user[slot] = -1
		if !ch.own {
			ch.free.push(int64(slot))
		}
	}
	cs.msgs.begin(of.Size, of.SizeMax, 1)
	if of.ServerCloses {
		cs.msgs.endWith(of.PerConn)
	}
	if of.Heat > 0 && of.Loops > 0 {
		ch.heat = newHeat(of.Heat, 0)
	} else if of.Heat > 0 {
		ch.heat = newHeat(of.Heat, of.Duration)
	}
	return ch
}

// step begins the transactions that can be begun.
func (ch *churn) step() (wait int, done bool) {
	stopped := ch.cs.shared.stopEx.Load()
	now, elapsed := ch.cs.micros(), time.Since(ch.start)
	if ch.neverDone(now) {
		ch.cs.shared.halt(fmt.Sprintf("%d tries in a row failed: %s", ch.failed, ch.cs.commonest()))
	}
	if !ch.draining && (stopped || ch.going == 0 || ch.Duration > 0 && elapsed >= ch.Duration ||
		ch.Loops > 0 && ch.cs.shared.stopRamp.Load()) {
		ch.draining, ch.progress = true, time.Now()
	}
	ch.sweep(now)
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
		ch.begin(slot, user)
	}
	switch {
	case ch.draining && (ch.under == 0 && ch.cs.pending == 0 || stopped || time.Since(ch.progress) >= ch.Drain):
		ch.end()
		return 0, true
	case ch.draining:
		return 10_000, false
	case ch.ready():
		return 0, false
	}
	wait = maxWait
	if ch.retry.len() > 0 {
		wait = min(wait, max(1, int(int32(ch.since[ch.retry.first()]-now))))
	}
	if ch.Duration > 0 {
		wait = min(wait, max(1, int((ch.Duration-elapsed)/time.Microsecond)))
	}
	return wait, false
}

// givesUpAfter is how long nothing at all must have succeeded, in addition to
// maxConsecutiveFailures, for a fixed amount of work to be given up. A server that
// is restarted is back by then.
const givesUpAfter = 5 * time.Second

// neverDone says whether a fixed amount of work will never be done. Work that is
// limited by time ends by itself.
func (ch *churn) neverDone(now uint32) bool {
	return ch.Loops > 0 && ch.failed >= maxConsecutiveFailures && now-ch.success >= micros(givesUpAfter)
}

// ready says whether a transaction can begin.
func (ch *churn) ready() bool { return ch.waiting.len() > 0 && (ch.own || ch.free.len() > 0) }

// release frees a slot once its connection can be used or opened again.
func (ch *churn) release(slot int64) {
	if !ch.own {
		ch.free.push(slot)
		return
	}
	if user := int32(slot); ch.left == nil || ch.left[user] > 0 {
		ch.since[user] = ch.cs.micros()
		ch.waiting.push(user)
	}
}

// begin gives a user a slot: its open connection, or a new one.
func (ch *churn) begin(slot int64, user int32) {
	ch.user[slot] = user
	ch.under++
	if ch.cs.list[slot].state == open {
		ch.cs.msgs.start(slot, ch.since[user])
		return
	}
	ch.cs.msgs.again(slot)
	ch.cs.open(slot)
}

// opened sends the message that the connection was opened for.
func (ch *churn) opened(slot int64) { ch.cs.msgs.start(slot, ch.since[ch.user[slot]]) }

// answered ends a transaction, and the connection after its last message.
func (ch *churn) answered(slot int64, _ uint32, at uint64) {
	cs, now := ch.cs, uint32(at)
	user := ch.endTransaction(slot)
	ch.failed, ch.success = 0, now
	took := int64(now-ch.since[user]) * 1000
	cs.times[cs.proto(slot)].Echo.Record(took)
	if ch.heat != nil {
		ch.heat.add(time.Since(ch.start)-time.Duration(took), took)
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
	case ch.PerConn == 0 || cs.talks[slot].seq < ch.PerConn:
		ch.release(slot)
	case !ch.ServerCloses || !cs.awaitClose(slot):
		cs.hangUp(slot)
	}
}

func (ch *churn) room(int64)        {}
func (ch *churn) closed(slot int64) { ch.release(slot) }

// endTransaction detaches the user from a slot.
func (ch *churn) endTransaction(slot int64) (user int32) {
	user = ch.user[slot]
	ch.user[slot] = -1
	ch.under--
	return user
}

// lost: its user tries again.
func (ch *churn) lost(slot int64, _ cause) {
	if ch.user[slot] < 0 {
		return // between two transactions: its slot is free
	}
	user := ch.endTransaction(slot)
	ch.failed++
	ch.since[user] = ch.cs.micros() + retryAfter
	ch.retry.push(user)
	if !ch.own {
		ch.free.push(slot)
	}
}

// sweep ends what takes too long: connects, transactions, and closes that are the
// server's turn.
func (ch *churn) sweep(now uint32) {
	if now-ch.swept < sweepEvery {
		return
	}
	ch.swept = now
	whole := micros(ch.Timeout)
	for i := range ch.cs.list {
		slot, c, user := int64(i), &ch.cs.list[i], ch.user[i]
		late := whole > 0 && user >= 0 && now-ch.since[user] >= whole
		switch {
		case c.opening() && (late || ch.cs.tooLong(slot, now)):
			ch.cs.timeOut(slot)
		case c.state == open && c.busy && late:
			ch.cs.lose(slot, echoTimeout)
		default:
			ch.cs.overdue(slot, now)
		}
	}
}

// end cancels what is under way and leaves open connections open. Connections lost
// from here on are no failures of a user.
func (ch *churn) end() {
	ch.cs.work = holding{}
	for i := range ch.cs.list {
		slot, c := int64(i), &ch.cs.list[i]
		switch {
		case c.opening():
			ch.cs.cancel(slot)
		case c.state == closing:
			ch.cs.closeDone(slot)
		}
	}
	ch.cs.msgs.expireAll()
}

// fifo is a queue; its consumed part is dropped now and then.
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
