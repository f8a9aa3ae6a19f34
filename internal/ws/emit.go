package ws

// emit appends a frame to the output, unmasking payload, which lies in the
// input at e.read, and returns the plain payload. A whole frame always fits in
// place: our header is 4 bytes shorter, so the first one of a call stays where
// it is and those after it move to the left. Only later parts of a streamed
// frame bring no header of their own.
func (e *echo) emit(first byte, payload []byte, key uint32) []byte {
	n := headerSize(len(payload))
	switch {
	case e.moved:
	case e.end == e.start && n > e.read:
		e.move()
	case e.end == e.start:
		e.start = e.read - n
		e.end = e.start
	}
	putHeader(e.out[e.end:], first, 0, len(payload))
	plain := e.out[e.end+n:][:len(payload)]
	mask(plain, payload, key)
	e.end += n + len(payload)
	return plain
}

// move takes the output to the spare buffer. What is still to be read gives at
// most its own size, one header and one close frame.
func (e *echo) move() {
	if e.spare == nil {
		e.spare = spares.Get().(*[]byte)
	}
	if need := len(e.in) + maxHeader + maxClose; cap(*e.spare) < need {
		*e.spare = make([]byte, need)
	}
	buf := (*e.spare)[:cap(*e.spare)]
	e.end = copy(buf, e.out[e.start:e.end])
	e.start, e.out, e.moved = 0, buf, true
}

// maxClose is the size of our answer to a close frame.
const maxClose = 4

// fail ends the connection though its peer does not know yet. at is where in its
// frames it is at e.read.
func (e *echo) fail(v Verdict, at skipper) Verdict {
	if at.on = true; !at.next(e.in[e.read:]) {
		e.rest = at
	}
	return e.closeWith(v)
}

// closeWith ends the connection: the output ends with a close frame. What was not
// read yet may be written over, nobody reads it any more.
func (e *echo) closeWith(v Verdict) Verdict {
	if !e.moved && len(e.in)-e.end < maxClose {
		e.move()
	}
	e.end = len(CloseFrame(e.out[:e.end], v.Code, ""))
	return v
}
