package loadgen

import (
	"bytes"
	"fmt"

	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/ws"
)

// rare is what a WebSocket connection needs beside its conn now and then: while
// part of a frame header, of a control frame or of the handshake's answer has
// arrived, or while a pong has to wait for the frame before it.
type rare struct {
	left []byte // not consumed by the last read
	pong []byte // a whole frame; nil: none
}

// seed numbers a connection for its Sec-WebSocket-Key.
func (l *loop) seed(slot int64) uint64 { return uint64(l.plan.Offset + slot) }

// template is the opening handshake for the port of a slot.
func (l *loop) template(slot int64) *ws.Template {
	return l.shared.requests[l.plan.Tuple(l.plan.Offset+slot).Port]
}

// request is what is left to write of the opening handshake.
func (l *loop) request(slot int64, c *conn) []byte {
	t := l.template(slot)
	if int(c.sent) >= t.Size() {
		return nil
	}
	l.out = t.AppendRequest(l.out[:0], l.seed(slot))
	return l.out[c.sent:]
}

// maskKey is the masking key of message seq. RFC 6455 section 5.3 wants keys
// that nobody can guess, so that a page in a browser cannot choose what a proxy
// sees; we are no browser and choose all bytes ourselves. What counts here is
// that the same key can be made again when the rest of a frame is written.
func (l *loop) maskKey(slot int64, seq uint32) uint32 {
	return uint32(scatter(l.plan.Offset+slot, seq) >> 32)
}

// withLeftOver is the n bytes just read, behind what the connection had left.
func (l *loop) withLeftOver(slot int64, n int) []byte {
	at := headroom
	if len(l.rare) > 0 {
		if r := l.rare[slot]; r != nil && len(r.left) > 0 {
			at -= copy(l.buf[headroom-len(r.left):], r.left)
			r.left = r.left[:0]
			l.tidy(slot, r)
		}
	}
	return l.buf[at : headroom+n]
}

// keep remembers what a read has left over.
func (l *loop) keep(slot int64, left []byte) {
	if len(left) == 0 {
		return
	}
	r := l.rareOf(slot)
	r.left = append(r.left[:0], left...)
}

func (l *loop) rareOf(slot int64) *rare {
	r := l.rare[slot]
	if r == nil {
		r = new(rare)
		l.rare[slot] = r
	}
	return r
}

// tidy drops r once it holds nothing.
func (l *loop) tidy(slot int64, r *rare) {
	if len(r.left) == 0 && r.pong == nil {
		delete(l.rare, slot)
	}
}

// forget drops what is kept of a connection that is gone.
func (l *loop) forget(slot int64) {
	if len(l.rare) > 0 {
		delete(l.rare, slot)
	}
	delete(l.owed, slot)
	delete(l.mute, slot)
	l.conns[slot].reader = ws.Reader{}
}

// receivedWS takes up what a WebSocket server sent.
func (l *loop) receivedWS(slot int64, c *conn, in []byte) {
	if c.state == upgrading {
		n, err := l.template(slot).CheckResponse(in, l.seed(slot))
		switch {
		case err != nil:
			why := handshakeCause(err, in)
			l.keepFirst(slot, why, "", in)
			l.failConnect(slot, c, why)
			return
		case n == 0:
			l.keep(slot, in)
			return
		}
		in = in[n:]
		l.times[WS].Upgrade.Record(int64(l.micros()-c.t) * 1000)
		c.sent = 0
		l.established(slot, c)
	}
	l.frames(slot, c, in)
}

// frames takes the server's frames apart.
func (l *loop) frames(slot int64, c *conn, in []byte) {
	for c.state == open || c.state == closing {
		ev, n := c.reader.Next(in)
		in = in[n:]
		switch ev.Kind {
		case ws.More:
			l.keep(slot, in)
			return
		case ws.Data:
			l.payload(slot, c, ev)
		case ws.Ping:
			l.answerPing(slot, c, ev.Payload)
		case ws.Closed:
			if c.state == closing {
				return // the end of its stream follows
			}
			l.sendClose(slot, c, ev.Code) // as well as can be, RFC 6455 section 5.5.1
			why := closeCause(ev.Code)
			l.keepFirst(slot, why, fmt.Sprintf("close frame, code %d: ", ev.Code), ev.Payload)
			l.lose(slot, c, why)
		case ws.Error:
			if c.state == closing {
				l.closeDone(slot, c)
				return
			}
			l.sendClose(slot, c, ev.Code) // section 7.1.7
			l.lose(slot, c, readProtocol)
		}
	}
}

// payload compares a piece of a message with what was sent, byte for byte.
func (l *loop) payload(slot int64, c *conn, ev ws.Event) {
	if c.state == closing {
		return
	}
	want, written := l.awaitedNow(slot, c, ev.Payload)
	if want == nil {
		return
	}
	end := int(c.recv) + len(ev.Payload)
	if end > written || ev.Final != (end == len(want)) && (ev.Final || end > len(want)) ||
		!bytes.Equal(ev.Payload, want[c.recv:end]) {
		l.mismatch(slot, c, ev.Payload)
		return
	}
	c.recv = uint32(end)
	switch {
	case !ev.Final:
	case ev.Op == l.shared.opcode:
		l.complete(slot, c)
	case ev.Op == ws.OpText:
		l.lose(slot, c, echoText)
	default:
		l.lose(slot, c, echoBinary)
	}
}

// answerPing sends a pong, now or once the frame under way is written; only the
// last ping needs an answer (RFC 6455 section 5.5.3).
func (l *loop) answerPing(slot int64, c *conn, payload []byte) {
	if c.state != open {
		return
	}
	l.rareOf(slot).pong = ws.AppendFrame(nil, ws.OpPong, payload, l.maskKey(slot, c.seq))
	if !c.busy || l.written(slot, c) {
		l.sendPong(slot, c)
	}
}

// sendPong writes the pong that waits, between two frames. One that the socket
// takes only in part ends the connection: nothing else could be sent on it.
func (l *loop) sendPong(slot int64, c *conn) {
	r := l.rare[slot]
	if r == nil || r.pong == nil || c.state != open {
		return
	}
	n, errno := sys.Send(int(c.fd), r.pong)
	if errno == sys.EAGAIN {
		return // epoll reports room
	}
	whole := n == len(r.pong)
	r.pong = nil
	l.tidy(slot, r)
	if !whole {
		l.writeFailed(slot, c, errno)
	}
}
