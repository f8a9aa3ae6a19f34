package loadgen

import (
	"fmt"

	"github.com/c10m/c10m/internal/ws"
)

// frames is the WebSocket layer around the messages: the opening handshake,
// parsing the server's frames, and rendering ours again from their number when
// part of one is still to be written.
type frames struct {
	cs     *conns
	out    []byte          // what is about to be written
	joined []byte          // what a read left over, followed by the next read
	rare   map[int64]*rare // by slot
}

// rare is state that a WebSocket connection needs only now and then: while part of
// a frame header, of a control frame or of the handshake's answer has arrived, or
// while a pong has to wait for the frame before it.
type rare struct {
	left []byte // not consumed by the last read
	pong []byte // a whole frame; nil: none
}

func newFrames(cs *conns) *frames {
	return &frames{cs: cs, out: make([]byte, 0, readSize), rare: map[int64]*rare{}}
}

// waits says whether any connection has such state.
func (f *frames) waits() bool { return f != nil && len(f.rare) > 0 }

// template is the opening handshake for the port of a slot.
func (f *frames) template(slot int64) *ws.Template {
	return f.cs.shared.requests[f.cs.plan.Tuple(f.cs.plan.Offset+slot).Dest]
}

// seed numbers a connection for its Sec-WebSocket-Key and what it says.
func (f *frames) seed(slot int64) uint64 { return f.cs.plan.Called(slot) }

// maskKey is the masking key of message seq. RFC 6455 section 5.3 wants
// unpredictable keys, so that a page in a browser cannot choose what a proxy sees;
// this is no browser, and all bytes are ours. What matters here is that the same
// key can be computed again when the rest of a frame is written.
func (f *frames) maskKey(slot int64, seq uint32) uint32 {
	return uint32(scatter(f.cs.plan.Offset+slot, seq) >> 32)
}

// request writes what the transport takes of the opening handshake.
func (f *frames) request(slot int64) {
	c, k := &f.cs.list[slot], &f.cs.talks[slot]
	f.out = f.template(slot).AppendRequest(f.out[:0], f.seed(slot))
	sent := int(k.sent) + f.cs.link.send(slot, f.out[k.sent:])
	c.state = requesting
	if sent == len(f.out) {
		c.state, sent = upgrading, 0
	}
	if k.sent != uint32(sent) { // written whole at once, as nearly always, it needs no talk
		k.sent = uint32(sent)
	}
}

// part is as much of a message's frame as fits the buffer, from an offset on.
func (f *frames) part(slot int64, payload []byte, seq uint32, from int) []byte {
	op := f.cs.shared.opcode
	if h := f.cs.msgs.hears; h.deflates(slot) {
		payload, op = h.compress(payload), op|ws.Compressed
	}
	return ws.AppendPart(f.out[:0], op, payload, f.maskKey(slot, seq), from, cap(f.out))
}

// ends says whether a part is the last of its frame. A whole buffer may be or not.
func (f *frames) ends(part []byte) bool { return len(part) < cap(f.out) }

// received handles what a WebSocket server sent.
func (f *frames) received(slot int64, in []byte) {
	in = f.join(slot, in)
	if c := &f.cs.list[slot]; c.state == requesting || c.state == upgrading {
		n, err := f.template(slot).CheckResponse(in, f.seed(slot))
		switch {
		case err != nil:
			why := handshakeCause(err, in)
			f.cs.keepFirst(slot, why, "", in)
			f.cs.failOpening(slot, why)
			return
		case n == 0:
			f.keep(slot, in)
			return
		}
		if f.cs.shared.said.deflate {
			f.cs.msgs.hears.agreed(slot, f.template(slot).Deflates(in[:n]))
		}
		in = in[n:]
		f.cs.times[f.cs.proto(slot)].Upgrade.Record(int64(f.cs.micros()-c.t) * 1000)
		f.cs.established(slot)
	}
	f.read(slot, in)
}

// join appends what was just read to what the connection had left.
func (f *frames) join(slot int64, in []byte) []byte {
	if len(f.rare) == 0 {
		return in
	}
	r := f.rare[slot]
	if r == nil || len(r.left) == 0 {
		return in
	}
	f.joined = append(append(f.joined[:0], r.left...), in...)
	r.left = r.left[:0]
	f.tidy(slot, r)
	return f.joined
}

// keep stores what a read has left over.
func (f *frames) keep(slot int64, left []byte) {
	if len(left) == 0 {
		return
	}
	r := f.rareOf(slot)
	r.left = append(r.left[:0], left...)
}

// left is what has arrived of a connection and was not consumed.
func (f *frames) left(slot int64) []byte {
	if r := f.rare[slot]; r != nil {
		return r.left
	}
	return nil
}

func (f *frames) rareOf(slot int64) *rare {
	r := f.rare[slot]
	if r == nil {
		r = new(rare)
		f.rare[slot] = r
	}
	return r
}

// tidy deletes r once it holds nothing.
func (f *frames) tidy(slot int64, r *rare) {
	if len(r.left) == 0 && r.pong == nil {
		delete(f.rare, slot)
	}
}

// forget deletes the state of a connection that is gone.
func (f *frames) forget(slot int64) {
	if len(f.rare) > 0 {
		delete(f.rare, slot)
	}
	if k := &f.cs.talks[slot]; k.reader != (ws.Reader{}) || k.sent != 0 {
		k.reader, k.sent = ws.Reader{}, 0
	}
}

// next takes the next event of what a server sent.
func (f *frames) next(slot int64, in []byte) (ws.Event, int) {
	r := &f.cs.talks[slot].reader
	if f.cs.msgs.hears.deflates(slot) {
		return r.NextDeflated(in)
	}
	return r.Next(in)
}

// read parses the server's frames.
func (f *frames) read(slot int64, in []byte) {
	c := &f.cs.list[slot]
	for c.state == open || c.state == closing {
		ev, n := f.next(slot, in)
		in = in[n:]
		switch ev.Kind {
		case ws.More:
			f.keep(slot, in)
			return
		case ws.Data:
			if c.state == open && (!f.cs.msgs.hears.deflates(slot) || f.cs.msgs.hears.inflate(slot, &ev)) {
				f.cs.msgs.payload(slot, ev)
			}
		case ws.Ping:
			f.answerPing(slot, ev.Payload)
		case ws.Pong:
			f.cs.pings.pong(slot, ev.Payload)
		case ws.Closed:
			if c.state == closing {
				return // the end of its stream follows
			}
			f.sendClose(slot, ev.Code) // as far as possible, RFC 6455 section 5.5.1
			why := closeCause(ev.Code)
			f.cs.keepFirst(slot, why, fmt.Sprintf("close frame, code %d: ", ev.Code), ev.Payload)
			f.cs.lose(slot, why)
		case ws.Error:
			if c.state == closing {
				f.cs.closeDone(slot)
				return
			}
			f.sendClose(slot, ev.Code) // section 7.1.7
			why := readProtocol
			if ev.Compressed {
				why = readCompressed
			}
			f.cs.lose(slot, why)
		}
	}
}

// answerPing sends a pong, now or after the frame under way; only the last ping
// needs an answer (RFC 6455 section 5.5.3).
func (f *frames) answerPing(slot int64, payload []byte) {
	c := &f.cs.list[slot]
	if c.state != open {
		return
	}
	f.rareOf(slot).pong = ws.AppendFrame(nil, ws.OpPong, payload, f.maskKey(slot, f.cs.talks[slot].seq))
	if !f.cs.msgs.midFrame(slot) {
		f.sendPong(slot)
	}
}

// sendPong writes the waiting pong, between two frames. If only part of it can be
// written, the connection is ended: nothing else could be sent on it.
func (f *frames) sendPong(slot int64) {
	r := f.rare[slot]
	if r == nil || r.pong == nil || f.cs.list[slot].state != open {
		return
	}
	n := f.cs.link.send(slot, r.pong)
	if n == 0 {
		return // writable follows, or ended
	}
	whole := n == len(r.pong)
	r.pong = nil
	f.tidy(slot, r)
	if !whole {
		f.cs.lose(slot, writeOther)
	}
}

// sendClose sends a close frame, RFC 6455 section 7.1.2. It reports whether to
// wait for an answer: not in the middle of a frame that the server never took, nor
// if there is no room. With ws.CodeNone the frame is empty.
func (f *frames) sendClose(slot int64, code uint16) bool {
	if f.cs.talks[slot].sent > 0 && !f.cs.msgs.written(slot) || f.cs.msgs.hears.writes(slot) {
		return false
	}
	payload := []byte{byte(code >> 8), byte(code)}
	if code == ws.CodeNone {
		payload = nil
	}
	frame := ws.AppendFrame(f.out[:0], ws.OpClose, payload, f.maskKey(slot, f.cs.list[slot].t))
	return f.cs.link.send(slot, frame) == len(frame)
}
