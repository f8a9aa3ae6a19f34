package loadgen

import (
	"bytes"
	"unsafe"

	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/ws"
)

// hears is what a thread's connections hear of servers that are no echo: greetings,
// answers and what comes unasked. It exists only where that is asked for.
type hears struct {
	cs      *conns
	said    *said
	list    []hearing
	mem     []byte // of list
	deflate deflate
	common  uint64 // added to the thread's clock it is that of all threads
}

// hearing is what is kept of one such connection: 40 bytes, in an array outside the
// Go heap.
type hearing struct {
	hash     uint64 // of the message that is arriving
	had      [2]uint32
	last     uint32 // the clock at its last push; 0: none
	began    uint32 // the clock when it should have sent its first message
	sent     uint32 // bytes of the first message that were written
	size     uint32 // bytes of the message that is arriving
	matched  uint16 // how many bytes of the words match what arrived last
	skip     uint16 // messages still to be passed over
	first    firstStage
	found    bool // the words are in the message that is arriving
	pushed   bool // it has had a push, be it before it was lost and restored
	deflates bool // messages are compressed, both ways
}

// firstStage is how far a connection is with its first message.
type firstStage uint8

const (
	noFirst      firstStage = iota
	firstUnsent             // not written whole
	firstWaiting            // written, and the next message is its answer
	firstDone
)

const hearingBytes = int(unsafe.Sizeof(hearing{}))

// newHears is nil where nothing is to be heard but echoes.
func newHears(cs *conns) (*hears, error) {
	s := &cs.shared.said
	if !s.listens() {
		return nil, nil
	}
	mem, err := sys.Alloc(max(1, len(cs.list)) * hearingBytes)
	if err != nil {
		return nil, err
	}
	h := &hears{cs: cs, said: s, mem: mem, common: uint64(cs.epoch.Sub(cs.shared.broadcasts.epoch).Microseconds())}
	h.list = unsafe.Slice((*hearing)(unsafe.Pointer(unsafe.SliceData(mem))), len(cs.list))
	return h, nil
}

// free releases the memory; h may be nil.
func (h *hears) free() {
	if h != nil && h.mem != nil {
		sys.Free(h.mem)
		h.mem, h.list = nil, nil
	}
}

// opened begins what comes before everything else on a connection.
func (h *hears) opened(slot int64) {
	k := &h.list[slot]
	if k.skip != h.said.skip {
		k.skip = h.said.skip
	}
	if h.said.first == nil {
		return
	}
	k.first, k.began, k.sent = firstUnsent, h.cs.micros(), 0
	h.cs.count(slot).Firsts++
	h.cs.link.noDelay(slot)
	h.flushFirst(slot)
}

// forget deletes what is known of a connection that is gone.
func (h *hears) forget(slot int64) {
	delete(h.deflate.parts, slot)
	if k := &h.list[slot]; *k != (hearing{}) {
		*k = hearing{pushed: k.pushed}
	}
}

// writes says whether part of the first message is still to be written: nothing
// else may be sent before.
func (h *hears) writes(slot int64) bool { return h != nil && h.list[slot].first == firstUnsent }

// flushFirst writes as much of the first message as the transport takes, and
// reports whether it is written.
func (h *hears) flushFirst(slot int64) bool {
	k, m := &h.list[slot], h.cs.msgs
	m.rendered = h.said.first.Append(m.rendered[:0], h.cs.plan.Called(slot), 0, h.said.lines)
	for {
		out := m.rendered[min(int(k.sent), len(m.rendered)):]
		if h.cs.isWS(slot) {
			out = h.cs.frames.part(slot, m.rendered, 0, int(k.sent))
		}
		if len(out) == 0 {
			break
		}
		n := h.cs.link.send(slot, out)
		k.sent += uint32(n)
		if n < len(out) {
			return false
		}
	}
	h.compressed(slot)
	if k.first = firstWaiting; h.said.expect == nothing {
		k.first = firstDone
	}
	return true
}

// asked: a message begins, and what comes from here on answers that, no more the
// first message.
func (h *hears) asked(slot int64) {
	if k := &h.list[slot]; k.first == firstWaiting {
		k.first = firstDone
	}
}

// piece takes a piece of a WebSocket message. It reports false where it is to be
// compared with what was sent.
func (h *hears) piece(slot int64, ev ws.Event) bool {
	k := &h.list[slot]
	if h.said.expect == sameBytes && k.skip == 0 && k.first != firstWaiting {
		return false
	}
	found := h.add(k, ev.Payload)
	k.found = k.found || found > 0
	if ev.Final {
		h.end(slot, k.found)
	}
	return true
}

// stream takes what came over TCP. A message is a line where ours end with a newline,
// and what one read brings where they do not.
func (h *hears) stream(slot int64, in []byte) {
	k := &h.list[slot]
	for len(in) > 0 && h.cs.list[slot].state == open {
		n := bytes.IndexByte(in, '\n') + 1
		switch {
		case !h.said.byLine:
			h.read(slot, in)
			return
		case n == 0:
			k.found = h.add(k, in) > 0 || k.found
			return
		}
		k.found = h.add(k, in[:n]) > 0 || k.found
		in = in[n:]
		h.end(slot, k.found)
	}
}

// read takes what one read brought as a message, or as several if it has the words
// of several answers in it. They may begin in one read and end in the next.
func (h *hears) read(slot int64, in []byte) {
	k := &h.list[slot]
	found, matched := h.add(k, in), k.matched
	h.end(slot, found > 0)
	for ; found > 1 && h.cs.list[slot].busy; found-- {
		h.end(slot, true)
	}
	if h.cs.list[slot].state == open {
		k.matched = matched
	}
}

// hashed is how much of a message tells it from others, bytes: so much, and its size.
const hashed = 1 << 10

// add takes bytes of the message that is arriving, and returns how often the words
// end in them.
func (h *hears) add(k *hearing, in []byte) (found int) {
	const offset, prime = 0xCBF29CE484222325, 0x100000001B3 // FNV-1a of 64 bits
	if k.size == 0 {
		k.hash = offset
	}
	if k.size < hashed {
		x := k.hash
		for _, b := range in[:min(len(in), int(hashed-k.size))] {
			x = (x ^ uint64(b)) * prime
		}
		k.hash = x
	}
	k.size += uint32(len(in))
	if h.said.expect == withWords {
		found, k.matched = h.said.match(in, k.matched)
	}
	return found
}

// end is the end of a message: a greeting, the answer to the first message, the
// answer to the oldest one under way, or a push.
func (h *hears) end(slot int64, found bool) {
	k, c, m, n := &h.list[slot], &h.cs.list[slot], h.cs.msgs, h.cs.count(slot)
	size, content := k.size, k.hash^uint64(k.size)<<32
	k.size, k.matched, k.found = 0, 0, false
	switch {
	case k.skip > 0:
		k.skip--
		n.Skipped++
	case k.first == firstWaiting:
		k.first = firstDone
		n.FirstsAnswered++
		h.cs.times[h.cs.proto(slot)].first().Record(int64(h.cs.micros()-k.began) * 1000)
	case c.busy && (h.said.expect == anything || h.said.expect == withWords && found) && m.answerable(slot):
		h.cs.talks[slot].recv = size
		m.complete(slot)
	default:
		n.Pushed++
		n.PushedBytes += int64(size)
		h.push(slot, content)
	}
}

// push counts a message that came unasked.
func (h *hears) push(slot int64, content uint64) {
	k, now := &h.list[slot], h.cs.now()
	times := &h.cs.times[h.cs.proto(slot)]
	if !k.pushed {
		k.pushed = true
		h.cs.count(slot).Listeners++
	}
	if k.last != 0 {
		times.gap().Record(int64(uint32(now)-k.last) * 1000)
	}
	k.last = max(1, uint32(now))
	if after, ok := h.cs.shared.broadcasts.heard(&k.had, content, uint32(now+h.common)); ok {
		times.delay().Record(int64(after) * 1000)
	}
}
