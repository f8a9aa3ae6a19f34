package loadgen

import (
	"encoding/binary"
	"time"
	"unsafe"

	"github.com/c10m/c10m/internal/pace"
	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/ws"
)

// pings is the policy that keeps idle WebSocket connections alive, if the plan says
// so: each is pinged once in every interval at a place of its own, so that a million
// do not ping at once, and its pong is awaited (RFC 6455 section 5.5.2). It goes on
// whatever the workload, like reconnect, and takes 4 bytes a connection.
type pings struct {
	cs      *conns
	turns   pace.Stagger // of all slots
	timeout time.Duration
	sent    []uint32 // by slot: the clock when the ping was sent whose pong is awaited; 0: none
	mem     []byte   // of sent, outside the Go heap
	began   uint64   // the clock
	next    int64    // places pinged so far, over all rounds
	checked int64    // places whose pong was due so far
	looked  uint64   // the clock at the last step
}

// newPings is nil where there are none.
func newPings(cs *conns) (*pings, error) {
	p := &cs.plan
	if p.Ping == 0 || p.Conns == 0 || cs.frames == nil {
		return nil, nil
	}
	mem, err := sys.Alloc(int(p.Conns) * int(unsafe.Sizeof(uint32(0))))
	if err != nil {
		return nil, err
	}
	return &pings{cs: cs, timeout: p.PingTimeout, mem: mem,
		sent: unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(mem))), p.Conns)}, nil
}

// free gives the memory back.
func (p *pings) free() {
	if p != nil {
		sys.Free(p.mem)
	}
}

// begin starts the first interval, once the thread runs.
func (p *pings) begin() {
	if p == nil {
		return
	}
	plan := &p.cs.plan
	p.turns = pace.Stagger{Interval: plan.Ping, N: plan.Conns, Part: p.cs.part, Parts: p.cs.parts}
	p.began = p.cs.now()
	p.looked = p.began
}

// at is when a place, counted over all rounds, comes.
func (p *pings) at(place int64) time.Duration { return p.turns.At(place%p.turns.N, place/p.turns.N) }

// step pings those whose turn it is, ends those whose pong did not come in time, and
// returns how long until the next, in microseconds; -1: nothing is pinged.
func (p *pings) step() int {
	if p == nil || p.cs.total().Open() == 0 {
		return -1
	}
	now := p.cs.now()
	since := time.Duration(now-p.began) * time.Microsecond
	if now-p.looked >= stoppedFor {
		p.skip(since)
	}
	before := uint32(p.looked)
	p.looked = now
	for range workBurst {
		late := p.overdue(before)
		if late == 0 {
			continue
		}
		left := int((p.at(p.next) - since) / time.Microsecond)
		if left > 0 {
			return min(left+1, late, maxWait)
		}
		p.ping(p.next%p.turns.N, now)
		p.next++
	}
	return 0
}

// overdue looks at the oldest ping that may still be unanswered, and ends its
// connection if its pong was overdue at the step before, so that what had come by
// then has been read since. It returns how long until it is, in microseconds; 0: the
// next one is to be looked at.
func (p *pings) overdue(before uint32) int {
	if p.checked == p.next {
		return maxWait
	}
	slot := p.checked % p.turns.N
	if at := p.sent[slot]; at != 0 {
		if waited := int32(before - at); waited < int32(micros(p.timeout)) {
			return int(int32(micros(p.timeout)) - waited)
		}
		p.lose(slot)
	}
	p.checked++
	return 0
}

// skip leaves out the turns that came while the process was stopped, or while it
// held nothing: their pings would be sent all at once, and pongs that lie unread
// would be taken for lost. Who was pinged before is looked at again at its next turn.
func (p *pings) skip(since time.Duration) {
	p.next = max(p.next, p.turns.Before(since))
	p.checked = p.next
}

// ping sends one, unless a frame is under way: then the connection is not idle. One
// that cannot be written counts as sent: its peer takes nothing.
func (p *pings) ping(slot int64, now uint64) {
	c := &p.cs.list[slot]
	switch {
	case c.state != open || !p.cs.isWS(slot):
		p.sent[slot] = 0
		return
	case p.sent[slot] != 0 && p.next-p.turns.N >= p.checked:
		return // overdue decides, at the next step
	case p.sent[slot] != 0: // since before a stop
		p.lose(slot)
		return
	case p.cs.msgs.midFrame(slot):
		return
	}
	p.sent[slot] = max(1, uint32(now))
	p.cs.count(slot).Pings++
	p.cs.frames.sendPing(slot, p.sent[slot])
}

// lose ends a connection that did not answer.
func (p *pings) lose(slot int64) {
	p.sent[slot] = 0
	if p.cs.list[slot].state == open {
		p.cs.lose(slot, pingTimeout)
	}
}

// pong takes an answer: one with the payload of the ping that is awaited. Others are
// unasked for, which RFC 6455 section 5.5.3 allows.
func (p *pings) pong(slot int64, payload []byte) {
	if p == nil || len(payload) != pingSize || p.sent[slot] == 0 || binary.BigEndian.Uint32(payload) != p.sent[slot] {
		return
	}
	took := uint32(p.cs.now()) - p.sent[slot]
	p.sent[slot] = 0
	p.cs.count(slot).Pongs++
	p.cs.times[p.cs.proto(slot)].ping().Record(int64(took) * 1000)
}

// forget is of a connection that is gone.
func (p *pings) forget(slot int64) {
	if p != nil {
		p.sent[slot] = 0
	}
}

// pingSize is the payload of a ping: the clock when it was sent.
const pingSize = 4

// sendPing writes a ping between two frames. If only part of it can be written, the
// connection is ended: nothing else could be sent on it.
func (f *frames) sendPing(slot int64, at uint32) {
	var payload [pingSize]byte
	binary.BigEndian.PutUint32(payload[:], at)
	frame := ws.AppendFrame(f.out[:0], ws.OpPing, payload[:], f.maskKey(slot, at))
	if n := f.cs.link.send(slot, frame); n > 0 && n < len(frame) {
		f.cs.lose(slot, writeOther)
	}
}
