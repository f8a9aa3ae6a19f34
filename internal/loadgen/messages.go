package loadgen

import (
	"bytes"
	"math"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/ws"
)

// messages is what is under way on the open connections, and what must come back:
// the same bytes, in the same order, or what else was said to be an answer.
type messages struct {
	cs        *conns
	size, max int      // bytes of a message; max above size: spread evenly between
	depth     int      // under way at once on a connection
	last      uint32   // TCP: the message of each connection that ends with plan.EndOfTransmission; 0: none
	pipes     []uint32 // by slot: the oldest message that is not answered; nil with a depth of 1
	times     []uint32 // depth intended send times for each slot; nil with a depth of 1
	under     int      // messages under way
	progress  uint32   // the clock at the last answer
	final     []byte   // a message that ends with plan.EndOfTransmission
	owed      map[int64]bool
	rendered  []byte   // the message that is being looked at, where it is one of the user's own
	hears     *hears   // nil: nothing is heard but echoes
	spent     uint32   // the most messages of a slot in earlier workloads
	earlier   []uint32 // by slot: messages of its earlier connections in this workload; nil: there are none
}

// wholly is how much of a message has been written once all of it has been, where its
// size is known only by rendering it.
const wholly = math.MaxUint32

// begin forgets the messages of an earlier workload. Echoes come in the order of
// the messages.
func (m *messages) begin(size, most, depth int) {
	if s := &m.cs.shared.said; s.message != nil {
		size = s.message.Max(s.lines)
		most = size
	}
	m.size, m.max, m.depth, m.last = size, most, max(1, depth), 0
	m.pipes, m.times, m.under, m.progress = nil, nil, 0, m.cs.micros()
	m.fold()
	if n := len(m.cs.list); m.depth > 1 {
		m.pipes, m.times = make([]uint32, n), make([]uint32, n*m.depth)
	}
}

// fold counts what the slots have said in this workload among what they said in
// earlier ones.
func (m *messages) fold() {
	var spent uint32
	for i := range m.cs.talks {
		k := &m.cs.talks[i]
		spent = max(spent, m.ofEarlier(int64(i))+k.seq)
		if k.seq != 0 { // keep untouched pages untouched
			k.seq = 0
		}
	}
	m.spent, m.earlier = m.spent+spent, nil
}

// endWith makes message last of each TCP connection end with plan.EndOfTransmission.
func (m *messages) endWith(last uint32) {
	m.last, m.final = last, make([]byte, max(m.size, m.max))
}

// room says whether a connection can begin another message: fewer than depth are
// under way, and the newest is written whole.
func (m *messages) room(slot int64) bool {
	if !m.cs.list[slot].busy {
		return true
	}
	return m.pipes != nil && m.underWay(slot) < m.depth && m.written(slot)
}

// underWay is how many messages of a connection are under way.
func (m *messages) underWay(slot int64) int {
	switch {
	case !m.cs.list[slot].busy:
		return 0
	case m.pipes == nil:
		return 1
	}
	return int(m.cs.talks[slot].seq - m.pipes[slot] + 1)
}

// start sends the next message of a connection, which should have been sent at
// intended; there must be room for it.
func (m *messages) start(slot int64, intended uint32) {
	c, k := &m.cs.list[slot], &m.cs.talks[slot]
	if k.seq == 0 {
		m.noDelay(slot)
	}
	if !c.busy {
		k.recv = 0
	}
	c.busy, c.t, k.sent = true, intended, 0
	if m.hears != nil {
		m.hears.asked(slot)
	}
	k.seq++
	if m.pipes != nil {
		if k.seq == 1 {
			m.pipes[slot] = 1
		}
		m.times[int(slot)*m.depth+int(k.seq)%m.depth] = intended
	}
	m.cs.count(slot).Sent++
	m.under++
	m.flush(slot)
}

// noDelay keeps the tail of a message from waiting for an ACK (Nagle), for
// messages large enough to have one.
func (m *messages) noDelay(slot int64) {
	if m.size > 512 || m.max > 512 || m.depth > 1 {
		m.cs.link.noDelay(slot)
	}
}

// sizeOf is the size of a connection's message: one of the range, always the same
// for the same message.
func (m *messages) sizeOf(slot int64, seq uint32) int {
	if m.max <= m.size {
		return m.size
	}
	h := (uint64(m.cs.plan.Offset+slot)*0xD6E8FEB86659FD93 + uint64(seq)) * 0x9E3779B97F4A7C15
	return m.size + int((h>>40)%uint64(m.max-m.size+1))
}

// renders says whether a message is rendered or compressed each time that it is looked
// at, and kept nowhere: its size is known only then.
func (m *messages) renders(slot int64) bool {
	return m.cs.shared.said.message != nil || m.hears.deflates(slot)
}

// again begins to count the messages of a slot's next connection.
func (m *messages) again(slot int64) {
	k := &m.cs.talks[slot]
	if s := &m.cs.shared.said; k.seq > 0 && s.message != nil && s.fixed == nil {
		if m.earlier == nil {
			m.earlier = make([]uint32, len(m.cs.talks))
		}
		m.earlier[slot] += k.seq
	}
	k.seq = 0
}

func (m *messages) ofEarlier(slot int64) uint32 {
	if m.earlier == nil {
		return 0
	}
	return m.earlier[slot]
}

// message is the payload of a connection's message. It is valid until the next call.
// With placeholders its number goes on over workloads and connections of the slot: no
// {rand} or {uuid} is said twice.
func (m *messages) message(slot int64, seq uint32) []byte {
	if s := &m.cs.shared.said; s.fixed != nil {
		return s.fixed
	} else if s.message != nil {
		m.rendered = s.message.Append(m.rendered[:0], m.cs.plan.Called(slot), m.spent+m.ofEarlier(slot)+seq,
			s.lines)
		return m.rendered
	}
	b := m.cs.shared.pattern.message(m.cs.plan.Offset+slot, seq, m.sizeOf(slot, seq))
	if m.last == 0 || seq != m.last || m.cs.isWS(slot) {
		return b
	}
	end := m.final[:copy(m.final, b)]
	end[len(end)-1] = plan.EndOfTransmission
	return end
}

// unsent is what is next to be written of the newest message; empty: nothing.
func (m *messages) unsent(slot int64) (out []byte) {
	k := &m.cs.talks[slot]
	switch {
	case !m.cs.list[slot].busy || m.written(slot):
		return nil
	case m.cs.isWS(slot):
		out = m.cs.frames.part(slot, m.message(slot, k.seq), k.seq, int(k.sent))
	default:
		out = m.message(slot, k.seq)[k.sent:]
	}
	if len(out) == 0 {
		m.wrote(slot)
	}
	return out
}

// wrote notes that a message which is rendered was written whole.
func (m *messages) wrote(slot int64) {
	m.cs.talks[slot].sent = wholly
	m.hears.compressed(slot)
}

// written says whether the newest message has been written whole.
func (m *messages) written(slot int64) bool {
	k := &m.cs.talks[slot]
	if m.renders(slot) {
		return k.sent == wholly
	}
	n := m.sizeOf(slot, k.seq)
	if m.cs.isWS(slot) {
		n = ws.FrameSize(n)
	}
	return int(k.sent) >= n
}

// flush writes as much as the transport takes; the rest follows when it reports
// room. It reports whether the connection is still alive.
func (m *messages) flush(slot int64) bool {
	if m.hears.writes(slot) && !m.hears.flushFirst(slot) {
		return true
	}
	for out := m.unsent(slot); len(out) > 0; out = m.unsent(slot) {
		n := m.cs.link.send(slot, out)
		m.cs.talks[slot].sent += uint32(n)
		if n < len(out) {
			return true
		}
		if m.renders(slot) && (!m.cs.isWS(slot) || m.cs.frames.ends(out)) {
			m.wrote(slot)
			break
		}
	}
	if m.cs.shared.said.expect == nothing && m.cs.list[slot].busy {
		m.take(slot)
		m.under--
		m.progress = m.cs.micros()
	}
	if m.cs.frames.waits() {
		m.cs.frames.sendPong(slot)
	}
	return m.cs.list[slot].state == open
}

// oldest is the message under way that is to be answered next.
func (m *messages) oldest(slot int64) uint32 {
	if m.pipes != nil {
		return m.pipes[slot]
	}
	return m.cs.talks[slot].seq
}

// awaited is the message whose echo comes next, and how much of it has been
// written; nil if none is expected: the bytes are then a late answer that the
// connection owes, or unsolicited.
func (m *messages) awaited(slot int64, in []byte) (want []byte, written int) {
	c, k := &m.cs.list[slot], &m.cs.talks[slot]
	switch {
	case m.owed[slot]:
		return nil, 0
	case !c.busy:
		m.cs.keepFirst(slot, echoSurplus, "", in)
		m.cs.blame(slot, echoSurplus, 1)
		return nil, 0
	}
	seq := m.oldest(slot)
	want = m.message(slot, seq)
	switch {
	case seq != k.seq || k.sent == wholly:
		return want, len(want)
	case m.hears.deflates(slot): // the server cannot have inflated it
		return want, 0
	case m.cs.isWS(slot):
		return want, max(0, int(k.sent)-(ws.FrameSize(len(want))-len(want)))
	}
	return want, int(k.sent)
}

// received compares what came back over TCP with what was sent, byte for byte.
func (m *messages) received(slot int64, in []byte) {
	if m.hears != nil {
		m.hears.stream(slot, in)
		return
	}
	c, k := &m.cs.list[slot], &m.cs.talks[slot]
	for len(in) > 0 && c.state == open {
		want, written := m.awaited(slot, in)
		if want == nil {
			return
		}
		n := min(len(in), len(want)-int(k.recv))
		if int(k.recv)+n > written || !bytes.Equal(in[:n], want[k.recv:int(k.recv)+n]) {
			m.mismatch(slot, in)
			return
		}
		k.recv += uint32(n)
		in = in[n:]
		if int(k.recv) == len(want) {
			m.complete(slot)
		}
	}
}

// payload compares a piece of a WebSocket message with what was sent. The frame
// type is part of a message.
func (m *messages) payload(slot int64, ev ws.Event) {
	if m.hears != nil && m.hears.piece(slot, ev) {
		return
	}
	want, written := m.awaited(slot, ev.Payload)
	if want == nil {
		return
	}
	k := &m.cs.talks[slot]
	end := int(k.recv) + len(ev.Payload)
	if end > written || ev.Final != (end == len(want)) && (ev.Final || end > len(want)) ||
		!bytes.Equal(ev.Payload, want[k.recv:end]) {
		m.mismatch(slot, ev.Payload)
		return
	}
	k.recv = uint32(end)
	switch {
	case !ev.Final:
	case ev.Op == m.cs.shared.opcode:
		m.complete(slot)
	case ev.Op == ws.OpText:
		m.cs.lose(slot, echoText)
	default:
		m.cs.lose(slot, echoBinary)
	}
}

// mismatch ends a connection whose echo differs: what follows cannot be matched to
// messages any more.
func (m *messages) mismatch(slot int64, in []byte) {
	why := echoMismatch
	if m.cs.talks[slot].recv == 0 && !m.cs.isWS(slot) {
		why = foreignCause(in)
	}
	m.cs.count(slot).Mismatched++
	m.cs.keepFirst(slot, why, "", in)
	m.cs.lose(slot, why)
}

// answerable says whether a message is under way that was sent whole.
func (m *messages) answerable(slot int64) bool { return m.underWay(slot) > 1 || m.written(slot) }

// midFrame says whether nothing else may be sent: a message, or the first one, is
// written in part.
func (m *messages) midFrame(slot int64) bool {
	return m.hears.writes(slot) || m.cs.list[slot].busy && !m.written(slot)
}

// complete counts a message that was answered: as many bytes of it as talk.recv says.
func (m *messages) complete(slot int64) {
	now, size := m.cs.now(), m.cs.talks[slot].recv
	_, intended := m.take(slot)
	m.under--
	m.progress = uint32(now)
	n := m.cs.count(slot)
	n.Received++
	n.Bytes += int64(size)
	m.cs.work.answered(slot, intended, now)
}

// take removes the awaited message from the connection.
func (m *messages) take(slot int64) (seq, intended uint32) {
	c, k := &m.cs.list[slot], &m.cs.talks[slot]
	seq, intended = k.seq, c.t
	if m.pipes != nil {
		seq = m.pipes[slot]
		intended = m.times[int(slot)*m.depth+int(seq)%m.depth]
		m.pipes[slot]++
		k.recv = 0
	}
	if seq == k.seq {
		c.busy, k.sent = false, 0
	}
	return seq, intended
}

// abandon drops what a connection has under way, and returns how many messages
// that is.
func (m *messages) abandon(slot int64) int64 {
	n := m.underWay(slot)
	m.cs.list[slot].busy = false
	m.under -= n
	return int64(n)
}

// expireAll stops waiting for all answers.
func (m *messages) expireAll() {
	for i := range m.cs.list {
		if c := &m.cs.list[i]; c.busy {
			m.expire(int64(i))
		}
	}
}

// expire stops waiting for a connection's answers. After an interrupt its messages
// count nowhere, because nobody waited for them.
func (m *messages) expire(slot int64) {
	if !m.cs.shared.stopEx.Load() {
		m.cs.keepFirst(slot, echoTimeout, "", nil)
	}
	n := m.abandon(slot)
	m.owe(slot)
	if m.cs.shared.stopEx.Load() {
		m.cs.count(slot).Sent -= n
		return
	}
	m.cs.count(slot).Missing += n
	m.cs.blame(slot, echoTimeout, n)
}

// owe remembers that a message of an earlier workload was never answered. Its
// answer may still come, after a network outage longer than the wait: then it is
// neither unsolicited nor a mismatch. The connection is held but sends nothing
// more, because its answers could not be matched.
func (m *messages) owe(slot int64) {
	if m.cs.list[slot].state != open || m.cs.shared.said.expect != sameBytes {
		return
	}
	if m.owed == nil {
		m.owed = map[int64]bool{}
	}
	m.owed[slot] = true
}

// forget deletes the state of a connection that is gone.
func (m *messages) forget(slot int64) {
	delete(m.owed, slot)
	if m.hears != nil {
		m.hears.forget(slot)
	}
}
