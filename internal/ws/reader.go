package ws

// Kind is what Reader.Next found.
type Kind uint8

// The kinds of events.
const (
	More Kind = iota // nothing yet: give it what is left, and more
	Data             // a piece of a message
	Ping             // to be answered by a pong with the same payload
	Pong
	Closed // a close frame: Code, and the reason as payload
	Error  // a breach of RFC 6455: close with Code
)

// Event is one thing that a server sent.
type Event struct {
	Kind  Kind
	Op    byte   // Data: OpText or OpBinary
	Final bool   // Data: the message ends with this piece
	Code  uint16 // Closed: CodeNone if there is none; Error: what to close with
	// Compressed: Data of a message that is compressed; Error: that it is was not agreed.
	Compressed bool
	Payload    []byte // lies in the input
}

// MaxReaderHeld is the most that Reader leaves unconsumed: a control frame less
// its last byte.
const MaxReaderHeld = 2 + 125 - 1

// MaxReaderFrame is the largest payload of a frame that Reader takes.
const MaxReaderFrame = 1<<28 - 1

// Reader takes frames of a server apart, one event a call. The zero value is
// ready, and it is zero again whenever it is between two messages. It keeps no
// bytes: what was not consumed must come again. It is 4 bytes, so that a client
// can keep one for each of millions of connections.
type Reader struct {
	// Bits 0..27: payload bytes of the data frame that are still to come; 28:
	// the frame is the last of its message; 29, 30: opcode of the open message,
	// 0: none; 31: it is compressed.
	bits uint32
}

const (
	readerFin = 1 << 28
	readerOp  = 29 // shift
	readerRSV = 1 << 31
)

func (r *Reader) remain() int { return int(r.bits & MaxReaderFrame) }
func (r *Reader) op() byte    { return byte(r.bits>>readerOp) & 3 }

// Next returns the first event of in and how many bytes it took. More may take
// some too.
func (r *Reader) Next(in []byte) (ev Event, consumed int) { return r.next(in, 0) }

// NextDeflated is Next of a server that has agreed to permessage-deflate.
func (r *Reader) NextDeflated(in []byte) (ev Event, consumed int) { return r.next(in, Compressed) }

func (r *Reader) next(in []byte, rsv byte) (ev Event, consumed int) {
	if r.remain() > 0 {
		return r.piece(in, 0)
	}
	h, ok := parseHeader(in, false, rsv)
	switch {
	case !ok && rsv == 0 && h.rsv && (h.op == OpText || h.op == OpBinary):
		return Event{Kind: Error, Code: CodeProtocol, Compressed: true}, 0
	case !ok || !isControl(h.op) && len(in) > 0 && (h.op == OpContinuation) != (r.op() != 0):
		return Event{Kind: Error, Code: CodeProtocol}, 0
	case h.length > MaxReaderFrame:
		return Event{Kind: Error, Code: CodeTooBig}, 0
	case h.size == 0:
		return Event{}, 0
	case isControl(h.op):
		return control(h, in)
	}
	message := r.bits & (3<<readerOp | readerRSV)
	if h.op != OpContinuation {
		message = uint32(h.op) << readerOp
		if h.rsv {
			message |= readerRSV
		}
	}
	r.bits = message | uint32(h.length)
	if h.fin {
		r.bits |= readerFin
	}
	return r.piece(in, h.size)
}

// piece returns what is there of a data frame's payload, from in[at:].
func (r *Reader) piece(in []byte, at int) (Event, int) {
	n := min(r.remain(), len(in)-at)
	if n == 0 && r.remain() > 0 {
		return Event{}, at
	}
	r.bits -= uint32(n)
	ev := Event{Kind: Data, Op: r.op(), Final: r.bits&readerFin != 0 && r.remain() == 0,
		Compressed: r.bits&readerRSV != 0, Payload: in[at : at+n]}
	if ev.Final {
		r.bits = 0
	}
	return ev, at + n
}

// control returns a control frame once it is whole.
func control(h header, in []byte) (Event, int) {
	end := h.size + int(h.length)
	if len(in) < end {
		return Event{}, 0
	}
	ev := Event{Kind: Ping, Payload: in[h.size:end]}
	switch h.op {
	case OpPong:
		ev.Kind = Pong
	case OpClose:
		v, reason := parseClose(ev.Payload, true)
		ev = Event{Kind: Closed, Code: v.Code, Payload: reason}
		if v.Cause != Normal {
			ev.Kind = Error
		}
	}
	return ev, end
}
