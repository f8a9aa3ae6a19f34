package loadgen

import (
	"testing"
	"time"
)

// mirror is a transport without a kernel: what is sent comes back, in pieces and
// with as little room as a test wants. It holds the thread to its side of the
// bargain.
type mirror struct {
	t        *testing.T
	to       receiver
	piece    int   // bytes handed over at once
	room     int   // bytes that a connection holds
	endAfter int   // bytes of a connection after which it ends; 0: never
	refuse   cause // of every open; noCause: none
	conns    []mirrored
	scratch  []byte
	polling  bool
	nagles   int // noDelay was asked for so often
}

type mirrored struct {
	open, told bool
	back       []byte
	said       int
}

func newMirror(t *testing.T, one *thread) *mirror {
	m := &mirror{t: t, to: one.cs, conns: make([]mirrored, len(one.cs.list)), scratch: make([]byte, readSize)}
	one.cs.link.stop(false)
	one.cs.link = m
	return m
}

func (m *mirror) start([]int, receiver) error { return nil }
func (m *mirror) stop(bool)                   {}
func (m *mirror) calls() int64                { return 0 }
func (m *mirror) noDelay(int64)               { m.nagles++ }
func (m *mirror) close(slot int64, _ bool)    { m.conns[slot].open = false }

func (m *mirror) open(slot int64) cause {
	if m.polling || m.conns[slot].open {
		m.t.Fatalf("slot %d is opened within poll: %v, or twice: %v", slot, m.polling, m.conns[slot].open)
	}
	if m.refuse == noCause {
		m.conns[slot] = mirrored{open: true, back: m.conns[slot].back[:0]}
	}
	return m.refuse
}

func (m *mirror) send(slot int64, p []byte) int {
	c := &m.conns[slot]
	if !c.open || !c.told {
		m.t.Fatalf("slot %d: send on a connection that is not there: %+v", slot, *c)
	}
	n := min(len(p), m.room-len(c.back))
	c.back = append(c.back, p[:n]...)
	return n
}

func (m *mirror) poll(int) error {
	m.polling = true
	defer func() { m.polling = false }()
	for i := range m.conns {
		slot, c := int64(i), &m.conns[i]
		if c.open && !c.told {
			c.told = true
			m.to.connected(slot)
		}
		if n := copy(m.scratch[:min(m.piece, len(m.scratch))], c.back); c.open && n > 0 {
			c.back = c.back[:copy(c.back, c.back[n:])]
			c.said += n
			m.to.received(slot, m.scratch[:n])
			clear(m.scratch) // nobody may have kept it
		}
		if c.open {
			m.to.writable(slot)
		}
		if c.open && m.endAfter > 0 && c.said >= m.endAfter {
			c.open = false
			m.to.ended(slot, readReset)
		}
	}
	return nil
}

// work lets a workload run to its end.
func (m *mirror) work(one *thread, w workload) {
	m.t.Helper()
	one.cs.work = w
	for range 1_000_000 {
		if _, done := w.step(); done {
			one.cs.work = holding{}
			return
		}
		one.cs.reconnect.step()
		_ = m.poll(0)
	}
	m.t.Fatal("the workload does not end")
}

func (m *mirror) ramp(one *thread) {
	m.t.Helper()
	one.lane.to = one.cs.plan.Conns
	m.work(one, newRamp(one.cs, &one.lane, time.Now(), func() {}))
}

// Whatever a transport takes and hands over at once: each message comes back once,
// whole and verified.
func TestMessagesOverAnyTransport(t *testing.T) {
	for _, tt := range []struct {
		name        string
		piece, room int
		x           Exchange
	}{
		{"all at once", readSize, 1 << 30, Exchange{Size: 64, PerConn: 5}},
		{"byte by byte", 1, 1, Exchange{Size: 64, PerConn: 5}},
		{"larger than the room", 100, 333, Exchange{Size: 5000, PerConn: 3}},
		{"sizes", 50, 1000, Exchange{Size: 1, SizeMax: 3000, PerConn: 9}},
		{"several under way", 70, 150, Exchange{Size: 64, PerConn: 20, Depth: 7}},
		{"several that fill the room", 1000, 64, Exchange{Size: 100, SizeMax: 900, PerConn: 20, Depth: 3}},
		{"a sample", 10, 1000, Exchange{Size: 64, PerConn: 1, Sample: 10}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			const conns = 30
			one, _ := idleThread(t, testPlan(1, conns, 1))
			one.cs.shared.pattern = newPattern(5000, false)
			m := newMirror(t, one)
			m.piece, m.room, tt.x.Drain = tt.piece, tt.room, time.Hour
			m.ramp(one)
			m.work(one, newExchange(one.cs, tt.x, tt.x.Sample))
			want := int64(conns)
			if tt.x.Sample > 0 {
				want = tt.x.Sample
			}
			want *= int64(tt.x.PerConn)
			c := one.cs.total()
			if c.Established != conns || c.Sent != want || c.Received != want || c.Open() != conns ||
				one.cs.msgs.under != 0 {
				t.Errorf("%+v, want %d messages", c, want)
			}
			if slow := tt.x.Size > 512 || tt.x.SizeMax > 512 || tt.x.Depth > 1; slow != (m.nagles > 0) {
				t.Errorf("noDelay was asked for %d times", m.nagles)
			}
			m.work(one, newCloseAll(one.cs))
			if c := one.cs.total(); c.Closed != conns || c.Open() != 0 {
				t.Errorf("%+v after the close", c)
			}
		})
	}
}

// Users come and go over any transport, too, and what fails is tried again.
func TestChurnOverAnyTransport(t *testing.T) {
	one, _ := idleThread(t, testPlan(1, 4, 1))
	one.cs.shared.pattern = newPattern(200, false)
	m := newMirror(t, one)
	m.piece, m.room = 33, 100
	m.work(one, newChurn(one.cs, Churn{Users: 10, Loops: 6, PerConn: 3, Size: 200, Drain: time.Hour}))
	c := one.cs.total()
	if c.Received != 60 || c.Established != 20 || c.Closed != 20 || c.Lost != 0 || one.cs.errs[TCP] != (causes{}) {
		t.Errorf("%+v, %v", c, one.cs.errs[TCP])
	}
}

// What a transport refuses has failed; what it ends is lost, and its message is
// missing.
func TestEndsOverAnyTransport(t *testing.T) {
	one, _ := idleThread(t, testPlan(1, 300, 1))
	m := newMirror(t, one)
	m.refuse = socketFDLimit
	m.ramp(one)
	cs := one.cs
	if n := cs.total().Failed; n != maxConsecutiveFailures || cs.errs[TCP][socketFDLimit] != n || cs.pending != 0 {
		t.Errorf("%+v, %d pending, %v", cs.total(), cs.pending, cs.errs[TCP])
	}

	one, _ = idleThread(t, testPlan(1, 20, 1))
	one.cs.shared.pattern = newPattern(64, false)
	m = newMirror(t, one)
	m.piece, m.room, m.endAfter = 10, 1000, 100
	m.ramp(one)
	m.work(one, newExchange(one.cs, Exchange{Size: 64, PerConn: 5, Drain: time.Hour}, 0))
	want := Counts{Attempted: 20, Established: 20, Lost: 20, Sent: 40, Received: 20, Missing: 20, Bytes: 20 * 64}
	if c := one.cs.total(); c != want || one.cs.errs[TCP][readReset] != 20 || one.cs.ages.Count() != 20 {
		t.Errorf("%+v, %v", c, one.cs.errs[TCP])
	}
}

// A message allocates nothing, whatever carries it, in pieces as well.
func TestMallocsOverAnyTransport(t *testing.T) {
	one, _ := idleThread(t, testPlan(1, 10, 1))
	one.cs.shared.pattern = newPattern(500, false)
	m := newMirror(t, one)
	m.piece, m.room = 77, 150
	m.ramp(one)
	n := testing.AllocsPerRun(1, func() {
		m.work(one, newExchange(one.cs, Exchange{Size: 500, PerConn: 1000, Drain: time.Hour}, 0))
	})
	if c := one.cs.total(); n > 5 || c.Received != 20_000 {
		t.Errorf("10,000 messages made %v allocations; %+v", n, c)
	}
}
