package ws

import (
	"math"
	"sync"
)

// MaxHeld is the largest frame, header included, that is waited for until it
// is whole. Larger ones are streamed.
const MaxHeld = 16 << 10

// DefaultMaxHeader is the default of Limits.MaxHeader.
const DefaultMaxHeader = 8 << 10

// Limits bound what a client may send.
type Limits struct {
	MaxMessage int64 // bytes of a message, all its fragments together; 0: no bound
	MaxHeader  int   // bytes of the opening handshake's header block; 0: DefaultMaxHeader
	// Deflate: Upgrade agrees to permessage-deflate where that is offered; Echo takes
	// compressed messages, because this connection has agreed to it.
	Deflate bool
}

func (l Limits) maxMessage() int64 {
	if l.MaxMessage <= 0 {
		return math.MaxInt64
	}
	return l.MaxMessage
}

func (l Limits) maxHeader() int {
	if l.MaxHeader <= 0 {
		return DefaultMaxHeader
	}
	return l.MaxHeader
}

// Session is a connection in the middle of something, see the package comment.
// nil is an idle connection. Sessions come from a pool: the one given to Echo
// or Sent must not be used again, only the one that came back.
type Session struct {
	state
	spare *[]byte // holds the last output; nil once it is sent
}

// state is what a Session remembers. The zero value is idle.
type state struct {
	remain     int64 // payload bytes of a streamed frame that are still to come
	total      int64 // bytes of the message so far, as announced by its frames
	key        uint32
	seen       uint16  // payload bytes of the waiting text frame that are checked
	op         byte    // opcode of the open message, 0: none
	fin        bool    // the streamed frame is the last of its message
	compressed bool    // the open message is, RFC 7692 section 6
	sent       bool    // our answer to the open message has begun
	checked    text    // up to the end of the last frame, or of the part streamed
	ahead      text    // up to seen
	skip       skipper // on once our close frame is sent and the peer's awaited
}

var (
	sessions = sync.Pool{New: func() any { return new(Session) }}
	spares   = sync.Pool{New: func() any { return new([]byte) }}
)

// maxSpare is the largest buffer that goes back to the pool.
const maxSpare = 256 << 10

// Sent tells that the output of the last Echo was written or copied, and gives
// back what only held it. The result is nil if the connection is idle. Without
// this call everything works too, but the buffer stays.
func (s *Session) Sent() *Session {
	if s == nil {
		return nil
	}
	if s.spare != nil {
		if cap(*s.spare) <= maxSpare {
			spares.Put(s.spare)
		}
		s.spare = nil
	}
	if s.state != (state{}) {
		return s
	}
	sessions.Put(s)
	return nil
}

// Free gives back the session of a connection that is gone. s may be nil.
func (s *Session) Free() {
	if s != nil {
		s.state = state{}
		s.Sent()
	}
}
