package ws

// skipper passes over the frames of a peer that was sent a close frame, byte by
// byte, until it has seen the peer's own (RFC 6455 section 7.1.2). It keeps no
// bytes and checks nothing.
type skipper struct {
	on     bool
	lost   bool  // the peer has broken the framing: there is nothing to be found
	op     byte  // of the frame
	at     uint8 // place in the frame, one of those below
	ext    uint8 // bytes of the extended length to come
	key    uint8 // bytes of the masking key to come
	remain int64 // bytes of payload to come
}

// Places in a frame.
const (
	atOp = iota
	atLength
	atExtended
	atKey
	atPayload
)

// next passes over in; it is true once a close frame was all there.
func (k *skipper) next(in []byte) bool {
	for len(in) > 0 && !k.lost {
		if k.at == atPayload {
			n := int(min(k.remain, int64(len(in))))
			k.remain -= int64(n)
			in = in[n:]
		} else {
			k.header(in[0])
			in = in[1:]
		}
		if k.at == atPayload && k.remain <= 0 {
			if k.at = atOp; k.op == OpClose {
				return true
			}
		}
	}
	return false
}

// header takes the next byte of a frame's header.
func (k *skipper) header(b byte) {
	switch k.at {
	case atOp:
		k.op, k.at = b&bitsOp, atLength
		return
	case atLength:
		k.ext, k.key, k.remain = 0, 0, int64(b&^bitMask)
		if b&bitMask != 0 {
			k.key = maskSize
		}
		switch k.remain {
		case 126:
			k.ext, k.remain = 2, 0
		case 127:
			k.ext, k.remain = 8, 0
		}
	case atExtended:
		k.ext--
		k.remain = k.remain<<8 | int64(b)
	case atKey:
		k.key--
	}
	switch {
	case k.ext > 0:
		k.at = atExtended
	case k.key > 0:
		k.at = atKey
	default:
		k.at = atPayload
	}
}

// Leave turns the session of an open connection, nil if it is idle, into that of
// one to which we send a close frame of our own accord. What Echo has left
// unconsumed is to be given to Skip.
func Leave(s *Session) *Session {
	if s == nil {
		s = sessions.Get().(*Session)
	}
	k := skipper{on: true}
	if s.remain > 0 {
		k.at, k.remain = atPayload, s.remain
	}
	s.state = state{skip: k}
	return s
}

// Skip passes over what the peer sends after our close frame, and reports whether
// its own is among it. s is what Leave returned, or Echo with its verdict.
func Skip(s *Session, in []byte) bool { return s.skip.next(in) }
