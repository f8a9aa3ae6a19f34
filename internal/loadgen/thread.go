package loadgen

import (
	"runtime"
	"time"
	"unsafe"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/sys"
)

// thread is one locked OS thread with its own transport, its own share of the
// connections and, if asked for, its own fd table. Nothing of it is shared until
// it stops, except pub and the copies in live.
type thread struct {
	shared *shared
	cs     *conns
	lane   lane
	job    command // the current command; kind none while it holds
	cmds   chan command
	sample int64 // how many connections take part in the next exchange; the engine sets it
	heat   *heat // of the last exchange or churn; nil: not kept
	calls  int64 // system calls for messages ...
	before int64 // ... and those of the transport when the job began
	pub    published
	live   live
	err    error
}

// command is an order to a thread; done is called when it is carried out.
type command struct {
	kind  commandKind
	start time.Time // of the whole ramp or exchange
	down  bool      // doRamp: close
	ex    Exchange
	churn Churn
	take  func(*thread) // for doCensus
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

// connBytes is what a connection takes of memory that newThread is given.
const connBytes = int64(unsafe.Sizeof(conn{}) + unsafe.Sizeof(talk{}))

// newThread makes a thread for its part of a plan. mem holds connBytes for each of
// its connections: their conns, then their talks, so that those which no message
// needs stay untouched.
func newThread(s *shared, part plan.Plan, mem []byte) (*thread, error) {
	link, err := newTransport(s, part)
	if err != nil {
		return nil, err
	}
	cs := &conns{clock: newClock(), shared: s, plan: part, link: link, work: holding{}, mem: mem}
	at := unsafe.Pointer(unsafe.SliceData(mem))
	cs.list = unsafe.Slice((*conn)(at), part.Conns)
	cs.talks = unsafe.Slice((*talk)(unsafe.Add(at, part.Conns*int64(unsafe.Sizeof(conn{})))), part.Conns)
	cs.msgs = &messages{cs: cs, depth: 1}
	if cs.msgs.hears, err = newHears(cs); err != nil {
		return nil, err
	}
	cs.reconnect = &reconnect{cs: cs, on: part.Reconnect}
	for _, proto := range Protocols(&part.Target) {
		cs.times[proto] = newTimes(proto)
	}
	if part.Proto == plan.WS || part.Proto == plan.Mixed {
		cs.frames = newFrames(cs)
	}
	if cs.pings, err = newPings(cs); err != nil {
		return nil, err
	}
	return &thread{shared: s, cs: cs, cmds: make(chan command, 2)}, nil
}

// run is the thread's main function. started receives nil once it is ready, or its
// error.
func (t *thread) run(private bool, started chan<- error) {
	runtime.LockOSThread() // never unlocked: thread and fd table end with run
	sys.ExactTimers()
	defer sys.Seat(-1)
	defer t.cs.msgs.hears.free()
	defer t.cs.pings.free()
	defer t.cs.link.stop(private)
	err := t.open(private)
	started <- err
	if err != nil {
		t.answer(err)
		return
	}
	t.cs.pings.begin()
	for {
		t.show()
		if t.job.kind == none && t.cs.idle() {
			t.publish()       // what the last poll has lost
			t.begin(<-t.cmds) // nothing to watch: sleep in Go, not in the transport
		}
		timeout := t.work()
		if next := t.cs.reconnect.step(); next >= 0 && (timeout < 0 || next < timeout) {
			timeout = next
		}
		if next := t.cs.pings.step(); next >= 0 && (timeout < 0 || next < timeout) {
			timeout = next
		}
		t.publish()
		if t.job.kind == doStop {
			break
		}
		if err := t.cs.link.poll(timeout); err != nil {
			t.die(err)
			return
		}
		if t.job.kind == none {
			t.takeCommand()
		}
	}
	t.publish()
	t.show()
	t.job.done()
}

// open makes the thread's fd table and starts its transport.
func (t *thread) open(private bool) error {
	if private {
		if _, err := sys.PrivateFDTable(); err != nil {
			return err
		}
	}
	return t.cs.link.start([]int{t.shared.wake}, t.cs)
}

// die ends a thread whose transport failed: it loses all its connections.
func (t *thread) die(err error) {
	t.cs.work = holding{}
	t.cs.abort(readOther)
	t.answer(err)
}

// answer keeps answering commands in a thread that has failed, so that nobody
// waits for it.
func (t *thread) answer(err error) {
	t.err = err
	t.shared.halt(err.Error())
	t.publish()
	for {
		if t.job.kind == doRamp {
			t.passOn()
		}
		if t.job.kind != none {
			t.job.done()
		}
		if t.job.kind == doStop {
			return
		}
		t.job = <-t.cmds
	}
}

func (t *thread) takeCommand() {
	select {
	case c := <-t.cmds:
		t.begin(c)
	default:
	}
}

// begin starts a command.
func (t *thread) begin(c command) {
	t.job, t.before = c, t.cs.link.calls()
	switch c.kind {
	case doRamp:
		if c.down {
			t.cs.work = newRampDown(t.cs, &t.lane, c.start, t.passOn)
		} else {
			t.cs.work = newRamp(t.cs, &t.lane, c.start, t.passOn)
		}
	case doExchange:
		x := newExchange(t.cs, c.ex, t.sample)
		x.beginAt(c.start, t.lane.at)
		t.cs.work, t.heat = x, x.heat
	case doChurn:
		t.cs.reconnect.stop() // churn opens connections itself
		ch := newChurn(t.cs, c.churn)
		t.cs.work, t.heat = ch, ch.heat
	case doClose:
		t.cs.reconnect.stop()
		t.cs.work = newCloseAll(t.cs)
	case doStop:
		t.cs.reconnect.stop()
	}
}

// passOn lets the next thread of the lane ramp. One that holds connections sleeps in
// its transport, and must be woken.
func (t *thread) passOn() {
	next := t.lane.next
	if next == nil {
		return
	}
	t.lane.next = nil
	holds := next.lane.at > 0
	next.cmds <- command{kind: doRamp, start: t.job.start, down: t.job.down, done: t.job.done}
	if holds {
		t.shared.signal()
	}
}

// work does a bounded piece of the current command and returns how long poll may
// wait for events, in microseconds; -1: for ever.
func (t *thread) work() int {
	done := false
	wait := -1
	switch t.job.kind {
	case none, doStop:
		return -1
	case doCensus:
		t.job.take(t)
		wait, done = 0, true
	default:
		wait, done = t.cs.work.step()
	}
	if done {
		t.finish()
	}
	return wait
}

// finish ends the current command; the thread holds from here on.
func (t *thread) finish() {
	if t.job.kind == doExchange || t.job.kind == doChurn {
		t.calls += t.cs.link.calls() - t.before
	}
	done := t.job.done
	t.job = command{}
	t.cs.work = holding{}
	t.publish()
	done()
	t.takeCommand()
}

// publish shows the counts to others.
func (t *thread) publish() {
	c := t.cs.total()
	t.pub.store(&c)
}
