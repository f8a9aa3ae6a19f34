package loadgen

import (
	"errors"
	"time"

	"github.com/c10m/c10m/internal/ws"
)

// mostInflated bounds a compressed message of the server, before and after.
const mostInflated = 16 << 20

// keptBuffer is the largest buffer that a thread keeps for what it inflates.
const keptBuffer = 1 << 20

// deflate is a thread's part in permessage-deflate (RFC 7692): buffers for one message,
// and what it counts. A connection keeps nothing of it but while a compressed message
// has come in part.
type deflate struct {
	out, in []byte           // the last message that was compressed, and that was inflated
	plain   int              // bytes of payload in out
	parts   map[int64][]byte // by slot: what has come of a compressed message
}

// Deflated is what was compressed; bytes of payload, without the frames around it.
type Deflated struct {
	Agreed, Refused        int64 // handshakes
	Sent, SentWire         int64
	Received, ReceivedWire int64
	Messages               int64         // that were compressed or inflated here
	Spent                  time.Duration // in that
}

func (d *Deflated) add(e Deflated) {
	d.Agreed, d.Refused = d.Agreed+e.Agreed, d.Refused+e.Refused
	d.Sent, d.SentWire = d.Sent+e.Sent, d.SentWire+e.SentWire
	d.Received, d.ReceivedWire = d.Received+e.Received, d.ReceivedWire+e.ReceivedWire
	d.Messages, d.Spent = d.Messages+e.Messages, d.Spent+e.Spent
}

// agreed notes whether the server took the offer.
func (h *hears) agreed(slot int64, deflates bool) {
	if h.list[slot].deflates = deflates; deflates {
		h.cs.deflated.Agreed++
	} else {
		h.cs.deflated.Refused++
	}
}

// deflates says whether a connection's messages are compressed.
func (h *hears) deflates(slot int64) bool { return h != nil && h.list[slot].deflates }

// compress is a payload as it is sent. It is valid until the next call.
func (h *hears) compress(payload []byte) []byte {
	began := time.Now()
	h.deflate.out = ws.AppendDeflated(h.deflate.out[:0], payload)
	h.deflate.plain = len(payload)
	h.cs.deflated.Spent += time.Since(began)
	return h.deflate.out
}

// compressed counts the message that was compressed last, once it is written.
func (h *hears) compressed(slot int64) {
	if !h.deflates(slot) {
		return
	}
	d := &h.cs.deflated
	d.Sent, d.SentWire = d.Sent+int64(h.deflate.plain), d.SentWire+int64(len(h.deflate.out))
	d.Messages++
}

// inflate turns a piece of a compressed message into the whole message, once all of it
// is there. It reports whether there is something to be heard.
func (h *hears) inflate(slot int64, ev *ws.Event) bool {
	d := &h.deflate
	h.cs.deflated.ReceivedWire += int64(len(ev.Payload))
	if !ev.Compressed {
		h.cs.deflated.Received += int64(len(ev.Payload))
		return true
	}
	part, begun := d.parts[slot]
	if !ev.Final || begun {
		if part = append(part, ev.Payload...); len(part) > mostInflated {
			h.refuse(slot, ws.ErrInflated)
			return false
		}
		if !ev.Final {
			if d.parts == nil {
				d.parts = map[int64][]byte{}
			}
			d.parts[slot] = part
			return false
		}
		delete(d.parts, slot)
		ev.Payload = part
	}
	if cap(d.in) > keptBuffer {
		d.in = nil
	}
	began := time.Now()
	var err error
	d.in, err = ws.AppendInflated(d.in[:0], ev.Payload, mostInflated)
	h.cs.deflated.Spent += time.Since(began)
	if err != nil {
		h.refuse(slot, err)
		return false
	}
	h.cs.deflated.Messages++
	h.cs.deflated.Received += int64(len(d.in))
	ev.Payload, ev.Compressed = d.in, false
	return true
}

// refuse ends a connection whose compressed message cannot be inflated.
func (h *hears) refuse(slot int64, err error) {
	code := uint16(ws.CodeProtocol)
	if errors.Is(err, ws.ErrInflated) {
		code = ws.CodeTooBig
	}
	h.cs.frames.sendClose(slot, code)
	h.cs.keepFirst(slot, readInflate, err.Error(), nil)
	h.cs.lose(slot, readInflate)
}
