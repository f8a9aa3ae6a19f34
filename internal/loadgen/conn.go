package loadgen

import "github.com/c10m/c10m/internal/ws"

// conn is all that the client keeps of a connection: 28 bytes in a flat array
// that holds no pointers, so the garbage collector never looks at it. Its index
// is its slot; slot + the loop's Offset is its number in the plan.
type conn struct {
	fd    int32
	state connState
	busy  bool   // a message is under way
	gen   uint16 // of the slot's current socket; stale events carry another
	t     uint32 // microseconds since the loop's epoch: connect began, or the message's intended send time
	seq   uint32 // messages begun in this exchange
	sent  uint32 // bytes of the message or handshake under way that were written ...
	recv  uint32 // ... and of its payload that came back

	reader ws.Reader // where in the server's frames we are; WebSocket only
}

type connState uint8

const (
	unused connState = iota
	connecting
	upgrading // connected, WebSocket handshake under way
	open
	closing // WebSocket close handshake under way
	closed  // was open, and is not any more
	failed  // never opened
)

// connEvents is what each socket is registered for, once: edge-triggered, both
// directions, so that no connection ever needs another epoll_ctl(2).
const connEvents = epollIn | epollOut | epollRdHup | epollET

// live says whether there is something to read for: not while connecting, when
// the peer's end means a failed connect.
func (c *conn) live() bool { return c.state == open || c.state == upgrading || c.state == closing }
