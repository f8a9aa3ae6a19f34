package loadgen

import (
	"strings"
	"time"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/secure"
	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/ws"
)

// closeWait is how long a server may take to answer a WebSocket close frame.
const closeWait = 5 * time.Second

// sweepEvery is how often what is under way is checked for its deadline,
// microseconds.
const sweepEvery = 100_000

// workload decides what to begin next, and is told the outcome.
type workload interface {
	// step begins a bounded piece of the work. It returns how long to wait for
	// events, in microseconds, and whether all is done.
	step() (wait int, done bool)
	// opened: a connection can be used.
	opened(slot int64)
	// answered: a message came back whole that should have been sent at intended.
	answered(slot int64, intended uint32, now uint64)
	// room: a connection can take another message.
	room(slot int64)
	// lost: a connection failed to open, or ended without having been asked to.
	lost(slot int64, why cause)
	// closed: a connection that we closed has ended.
	closed(slot int64)
}

// holding is the workload of a thread without a command: connections are held.
type holding struct{}

func (holding) step() (int, bool)              { return -1, false }
func (holding) opened(int64)                   {}
func (holding) answered(int64, uint32, uint64) {}
func (holding) room(int64)                     {}
func (holding) lost(int64, cause)              {}
func (holding) closed(int64)                   {}

// conns is the state machine of one thread's connections: each goes from unused
// over connecting to open, and ends as closed by us, lost or failed. It receives
// the transport's events and does the counting.
type conns struct {
	clock
	ledger
	shared    *shared
	plan      plan.Plan // of the thread
	part      int64     // which thread it is ...
	parts     int64     // ... of how many
	link      transport
	mem       []byte // of list and talks
	list      []conn
	talks     []talk
	msgs      *messages
	frames    *frames // nil without WebSocket
	reconnect *reconnect
	pings     *pings // nil: none are sent
	work      workload
	pending   int // connects and closes under way, less those of reconnect
}

// idle says whether nothing is held and nothing under way.
func (cs *conns) idle() bool { return cs.total().Open() == 0 && cs.pending == 0 && cs.reconnect.idle() }

// open begins the planned connection of a slot.
func (cs *conns) open(slot int64) {
	cs.count(slot).Attempted++
	if cs.dial(slot) {
		cs.pending++
	}
}

// dial begins a connect, the first of a slot or a later one. It reports whether
// the connect is under way.
func (cs *conns) dial(slot int64) bool {
	c := &cs.list[slot]
	c.t = cs.micros()
	if why := cs.link.open(slot); why != noCause {
		cs.failed(slot, why)
		return false
	}
	c.state = connecting
	return true
}

// reached implements tlsReceiver: TCP is connected, and TLS begins.
func (cs *conns) reached(slot int64) {
	cs.list[slot].state = securing
	cs.recordConnect(slot)
}

// agreed implements tlsReceiver: a TLS handshake has succeeded.
func (cs *conns) agreed(_ int64, took uint64, on secure.Agreed, resumed bool) {
	cs.tls.add(took, on, resumed)
}

// because implements tlsReceiver: TLS has failed.
func (cs *conns) because(slot int64, why cause, err error) {
	cs.tls.alert(err)
	if cs.list[slot].state == open {
		why = why.ofOpen()
	}
	cs.keepFirst(slot, why, "TLS: ", []byte(strings.TrimPrefix(err.Error(), "tls: ")))
}

func (cs *conns) recordConnect(slot int64) {
	cs.times[cs.proto(slot)].Connect.Record(int64(cs.micros()-cs.list[slot].t) * 1000)
}

// connected implements receiver: a connect has succeeded.
func (cs *conns) connected(slot int64) {
	if cs.list[slot].state == connecting {
		cs.recordConnect(slot)
	}
	if cs.isWS(slot) {
		cs.frames.request(slot)
		return
	}
	cs.established(slot)
}

// established counts a connection that can be used.
func (cs *conns) established(slot int64) {
	c := &cs.list[slot]
	c.state = open
	if c.restoring {
		c.restoring = false
		cs.count(slot).Reconnected++
		cs.reconnect.opened(slot)
	} else {
		cs.pending--
		cs.count(slot).Established++
	}
	if cs.msgs.hears != nil {
		cs.msgs.hears.opened(slot)
	}
	cs.work.opened(slot)
}

func (cs *conns) received(slot int64, in []byte) {
	if cs.isWS(slot) {
		cs.frames.received(slot, in)
	} else {
		cs.msgs.received(slot, in)
	}
}

func (cs *conns) writable(slot int64) {
	switch c := &cs.list[slot]; c.state {
	case requesting:
		cs.frames.request(slot)
	case open:
		if (c.busy || cs.frames.waits() || cs.msgs.hears.writes(slot)) && cs.msgs.flush(slot) &&
			(cs.msgs.depth > 1 || cs.shared.said.expect == nothing) {
			cs.work.room(slot)
		}
	}
}

func (cs *conns) ended(slot int64, why cause) {
	switch cs.list[slot].state {
	case connecting, securing:
		cs.failOpening(slot, why)
	case requesting, upgrading:
		if !why.isTLS() { // an alert says more than that it ended
			why = handshakeClosed
		}
		cs.failOpening(slot, why)
	case closing:
		cs.closeDone(slot)
	case open:
		cs.lose(slot, why.ofOpen())
	}
}

// failOpening handles a connection that was being opened and was not established.
func (cs *conns) failOpening(slot int64, why cause) {
	if state := cs.list[slot].state; state == requesting || state == upgrading {
		cs.keepFirst(slot, why, "", cs.frames.left(slot))
	}
	if !cs.list[slot].restoring {
		cs.pending--
	}
	cs.drop(slot, false)
	cs.failed(slot, why)
}

// failed counts a connection that could not be opened.
func (cs *conns) failed(slot int64, why cause) {
	c := &cs.list[slot]
	if c.restoring {
		c.restoring, c.state = false, closed
		cs.retries[cs.proto(slot)][why]++
		cs.reconnect.failed(slot)
		return
	}
	c.state = failed
	cs.count(slot).Failed++
	cs.blame(slot, why, 1)
	cs.work.lost(slot, why)
}

// lose handles an established connection that was lost.
func (cs *conns) lose(slot int64, why cause) {
	c := &cs.list[slot]
	if causeTable[why].byPeer {
		cs.ages.lost(cs.now(), c.t)
	}
	if c.busy {
		cs.keepFirst(slot, why, "", nil)
		cs.count(slot).Missing += cs.msgs.abandon(slot)
	}
	cs.drop(slot, false)
	c.state = closed
	cs.count(slot).Lost++
	cs.blame(slot, why, 1)
	cs.reconnect.lost(slot)
	cs.work.lost(slot, why)
}

// drop releases a connection's state and its socket.
func (cs *conns) drop(slot int64, reset bool) {
	if cs.frames != nil {
		cs.frames.forget(slot)
	}
	cs.pings.forget(slot)
	cs.msgs.forget(slot)
	cs.link.close(slot, reset)
}

// cancel ends a connect that is under way without counting it anywhere.
func (cs *conns) cancel(slot int64) {
	cs.drop(slot, false)
	cs.list[slot].state = unused
	cs.pending--
	cs.count(slot).Attempted--
}

// tooLong says whether a connection has been opening for longer than the connect
// timeout.
func (cs *conns) tooLong(slot int64, now uint32) bool {
	c := &cs.list[slot]
	return c.opening() && now-c.t >= micros(cs.plan.ConnectTimeout)
}

// timeOut ends a connection that is being opened.
func (cs *conns) timeOut(slot int64) {
	why := handshakeTimeout
	switch cs.list[slot].state {
	case connecting:
		why = connectTimeout
	case securing:
		why = tlsTimeout
	}
	cs.failOpening(slot, why)
}

// close ends a connection the way the plan says.
func (cs *conns) close(slot int64) {
	if cs.plan.Close == plan.CloseRST || !cs.isWS(slot) || !cs.closeHandshake(slot) {
		cs.hangUp(slot)
	}
}

// hangUp closes the transport without a WebSocket close handshake.
func (cs *conns) hangUp(slot int64) {
	cs.drop(slot, cs.plan.Close == plan.CloseRST)
	cs.closed(slot)
}

// awaitClose lets the server close first, which it does after the message or the
// close frame that asks for it (RFC 6455 section 7.1.1). It is false if nothing
// could be sent.
func (cs *conns) awaitClose(slot int64) bool {
	if cs.isWS(slot) {
		return cs.closeHandshake(slot)
	}
	cs.awaitEnd(slot)
	return true
}

// closeHandshake begins the closing handshake of RFC 6455 section 7.1.2.
func (cs *conns) closeHandshake(slot int64) bool {
	if !cs.frames.sendClose(slot, ws.CodeNormal) {
		return false
	}
	cs.awaitEnd(slot)
	return true
}

func (cs *conns) awaitEnd(slot int64) {
	c := &cs.list[slot]
	c.state, c.t = closing, cs.micros()
	cs.pending++
}

// closeDone is the end of a close that the server had to answer.
func (cs *conns) closeDone(slot int64) {
	cs.pending--
	cs.drop(slot, false)
	cs.closed(slot)
}

// closed counts a connection that we ended.
func (cs *conns) closed(slot int64) {
	cs.list[slot].state = unused
	cs.count(slot).Closed++
	cs.work.closed(slot)
}

// empty gives back the memory of connections, of which there are none any more.
func (cs *conns) empty() {
	if cs.total().Open() != 0 || cs.pending != 0 {
		return
	}
	cs.msgs.fold()
	sys.Clear(cs.mem)
	if own, is := cs.link.(ownTCP); is {
		own.empty()
	}
}

// overdue ends a close that the server does not answer in time.
func (cs *conns) overdue(slot int64, now uint32) {
	if c := &cs.list[slot]; c.state == closing && now-c.t >= micros(closeWait) {
		cs.blame(slot, closeTimeout, 1)
		cs.closeDone(slot)
	}
}

// abort ends everything after the transport has failed: what is under way counts
// nowhere, what is held is lost.
func (cs *conns) abort(why cause) {
	cs.reconnect.stop()
	for i := range cs.list {
		slot, c := int64(i), &cs.list[i]
		switch {
		case c.opening():
			cs.cancel(slot)
		case c.state == closing:
			cs.closeDone(slot)
		case c.state == open:
			cs.lose(slot, why)
		}
	}
}

// isWS says whether a slot's connection is a WebSocket one.
func (cs *conns) isWS(slot int64) bool {
	switch cs.plan.Proto {
	case plan.WS:
		return true
	case plan.Mixed:
		return cs.shared.to[cs.plan.Tuple(cs.plan.Offset+slot).Dest].WS
	}
	return false
}

// proto is TCP, WS, or one of those over TLS where others are plain.
func (cs *conns) proto(slot int64) int {
	if cs.shared.mixed {
		to := &cs.shared.to[cs.plan.Tuple(cs.plan.Offset+slot).Dest]
		return protocolOf(to.WS, to.TLS)
	}
	if cs.isWS(slot) {
		return WS
	}
	return TCP
}

// count is where a slot's connection is counted.
func (cs *conns) count(slot int64) *Counts { return &cs.n[cs.proto(slot)] }

// blame counts n failures of a slot's connection by their cause.
func (cs *conns) blame(slot int64, why cause, n int64) { cs.errs[cs.proto(slot)][why] += n }
