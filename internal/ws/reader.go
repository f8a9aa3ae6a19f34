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
	Kind    Kind
	Op      byte   // Data: OpText or OpBinary
	Final   bool   // Data: the message ends with this piece
	Code    uint16 // Closed: CodeNone if there is none; Error: what to close with
	Payload []byte // lies in the input
}

// MaxReaderHeld is the most that Reader leaves unconsumed: a control frame less
// its last byte.
const MaxReaderHeld = 2 + 125 - 1

// Reader takes frames of a server apart, one event a call. The zero value is
// ready, and it is zero again whenever it is between two messages. It keeps no
// bytes: what was not consumed must come again.
type Reader struct {
	remain int64 // payload bytes of the data frame that are still to come
	op     byte  // opcode of the open message, 0: none
	fin    bool  // the frame is the last of its message
}

// Next returns the first event of in and how many bytes it took. More may take
// some too.
func (r *Reader) Next(in []byte) (ev Event, consumed int) {
	if r.remain > 0 {
		return r.piece(in, 0)
	}
	h, ok := parseHeader(in, false)
	if !ok || !isControl(h.op) && len(in) > 0 && (h.op == OpContinuation) != (r.op != 0) {
		return Event{Kind: Error, Code: CodeProtocol}, 0
	}
	if h.size == 0 {
		return Event{}, 0
	}
	if isControl(h.op) {
		return control(h, in)
	}
	if h.op != OpContinuation {
		r.op = h.op
	}
	r.remain, r.fin = h.length, h.fin
	return r.piece(in, h.size)
}

// piece returns what is there of a data frame's payload, from in[at:].
func (r *Reader) piece(in []byte, at int) (Event, int) {
	n := int(min(r.remain, int64(len(in)-at)))
	if n == 0 && r.remain > 0 {
		return Event{}, at
	}
	r.remain -= int64(n)
	ev := Event{Kind: Data, Op: r.op, Final: r.fin && r.remain == 0, Payload: in[at : at+n]}
	if ev.Final {
		*r = Reader{}
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
