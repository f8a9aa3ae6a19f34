package ws

// echo is one call of Echo: the input, how far it is read, and the output,
// which lies in the input as long as it can.
type echo struct {
	state
	in    []byte
	read  int     // in[:read] is consumed
	out   []byte  // in, or the spare buffer
	start int     // out[start:end] is to be sent
	end   int     // in place: never beyond read
	spare *[]byte // of the session; out lies there if moved
	moved bool
	max   int64
	rsv   byte // Compressed, where messages may be that
	count Count
	rest  skipper // failed: where the framing goes on
}

// Count is what one call of Echo sent back: the data messages that ended in it,
// and their payload, pieces of messages still under way included. Control frames
// and headers are in neither.
type Count struct{ Messages, Bytes int }

// Echo takes the frames in in apart and returns what to send back, how much of
// in is done with, the new session and whether the connection goes on. s is
// what the last call returned, nil at first. n counts what of messages is in out.
//
// Data frames come back with their opcode, pings as pongs, pongs not at all; a
// close frame, or a breach of RFC 6455, is answered by a close frame at the end
// of out, and all of in is consumed. The session is then nil if the peer's close
// frame has been seen; else what follows is for Skip. out lies in in or in the
// session: it is good until in is used for something else or Session.Sent is
// called. A compressed message comes back as it came: it is not inflated, and so not
// checked for UTF-8. Bytes of in that are not consumed are unchanged; they must be there
// again, with more behind them, in the next call.
func Echo(s *Session, in []byte, lim Limits) (s2 *Session, out []byte, consumed int, n Count, v Verdict) {
	e := echo{in: in, out: in, max: lim.maxMessage()}
	if lim.Deflate {
		e.rsv = Compressed
	}
	if s != nil {
		e.state, e.spare = s.state, s.spare
	}
	v = e.run()
	if v.Closed() {
		e.read, e.state = len(in), state{skip: e.rest}
	}
	switch {
	case e.state == state{} && e.spare == nil:
		if s != nil {
			s.state = state{}
			sessions.Put(s)
		}
		return nil, e.out[e.start:e.end], e.read, e.count, v
	case s == nil:
		s = sessions.Get().(*Session)
	}
	s.state, s.spare = e.state, e.spare
	return s, e.out[e.start:e.end], e.read, e.count, v
}

// run is Echo on e.
func (e *echo) run() Verdict {
	if e.remain > 0 {
		if v := e.stream(); v.Closed() {
			return v
		}
	}
	for e.read < len(e.in) {
		h, ok := parseHeader(e.in[e.read:], true, e.rsv)
		if !ok || !e.inOrder(h.op) {
			return e.fail(Verdict{Protocol, CodeProtocol}, skipper{lost: true})
		}
		if !isControl(h.op) && h.length > e.max-e.total {
			return e.fail(Verdict{TooBig, CodeTooBig}, skipper{})
		}
		if h.size == 0 {
			break
		}
		var v Verdict
		switch have := e.in[e.read+h.size:]; {
		case int64(len(have)) >= h.length:
			v = e.frame(h, have[:h.length])
		case h.length > int64(MaxHeld-h.size):
			v = e.begin(h)
		default:
			if e.isText(h) && !e.look(h, have) {
				v = e.fail(Verdict{UTF8, CodeUTF8}, skipper{})
			}
			return v
		}
		if v.Closed() {
			return v
		}
	}
	return Verdict{}
}

// inOrder says whether a frame may come now: a fragmented message is continued
// before the next begins (RFC 6455 section 5.4).
func (e *echo) inOrder(op byte) bool {
	return isControl(op) || (op == OpContinuation) == (e.op != 0)
}

// isText says whether a frame belongs to a message of text that can be looked at.
func (e *echo) isText(h header) bool {
	if h.op == OpContinuation {
		return e.op == OpText && !e.compressed
	}
	return h.op == OpText && !h.rsv
}

// frame answers a frame that is whole. h.size bytes of header lie before it.
func (e *echo) frame(h header, payload []byte) Verdict {
	e.read += h.size
	var v Verdict
	switch h.op {
	case OpPong:
	case OpPing:
		e.emit(bitFin|OpPong, payload, h.key)
	case OpClose:
		mask(payload, payload, h.key)
		v, _ = parseClose(payload, false)
		return e.closeWith(v)
	default:
		e.open(h)
		v = e.part(payload, h.key, h.fin)
	}
	e.read += len(payload)
	return v
}

// open notes a data frame's header.
func (e *echo) open(h header) {
	if h.op != OpContinuation {
		e.op, e.compressed = h.op, h.rsv
	}
	e.total += h.length
}

// begin takes the header of a frame that is too large to wait for, and what is
// there of its payload.
func (e *echo) begin(h header) Verdict {
	e.read += h.size
	e.open(h)
	e.remain, e.key, e.fin = h.length, h.key, h.fin
	return e.stream()
}

// stream answers what is there of a large frame as a fragment of its own.
func (e *echo) stream() Verdict {
	n := int(min(e.remain, int64(len(e.in)-e.read)))
	if n == 0 {
		return Verdict{}
	}
	e.remain -= int64(n)
	payload, key := e.in[e.read:e.read+n], e.key
	e.key = rotate(key, n)
	v := e.part(payload, key, e.fin && e.remain == 0)
	e.read += n
	return v
}

// part answers a piece of the open message; last: no more follow.
func (e *echo) part(payload []byte, key uint32, last bool) Verdict {
	first := e.op
	if e.compressed {
		first |= Compressed
	}
	if e.sent {
		first = OpContinuation
	}
	if last {
		first |= bitFin
	}
	start, end := e.start, e.end
	plain := e.emit(first, payload, key)
	if e.op == OpText && !e.compressed {
		if e.seen > 0 {
			e.checked, plain = e.ahead, plain[e.seen:]
			e.seen = 0
		}
		e.checked = e.checked.add(plain)
		if e.checked == invalid || last && e.checked != between {
			e.start, e.end = start, end
			return e.fail(Verdict{UTF8, CodeUTF8}, skipper{at: atPayload, remain: int64(len(payload)) + e.remain})
		}
	}
	e.sent = true
	e.count.Bytes += len(payload)
	if last {
		e.count.Messages++
		e.state = state{}
	}
	return Verdict{}
}

// look checks what is there of a text frame that is waited for. Its bytes stay
// as they are. It reports false as soon as they cannot become UTF-8.
func (e *echo) look(h header, have []byte) bool {
	if len(have) == 0 {
		return true
	}
	if e.seen == 0 {
		e.ahead = e.checked
	}
	at := min(int(e.seen), len(have))
	e.ahead = e.ahead.addMasked(have[at:], rotate(h.key, at))
	e.seen = uint16(len(have))
	return e.ahead != invalid
}
