package loadgen

import "github.com/c10m/c10m/internal/ws"

// conn is the state of one connection: 8 bytes in a flat array without pointers,
// so the garbage collector never looks at it. Its index is its slot; slot + the
// plan's Offset is its number in the plan.
type conn struct {
	t         uint32 // the clock when its connect began, or when its newest message should have been sent
	state     connState
	busy      bool // a message is under way
	restoring bool // it was lost, and is being restored
}

// talk is the progress of a connection's messages: another 16 bytes, in an array
// that is not touched, and so takes no memory, before the first message.
type talk struct {
	seq    uint32 // messages begun in this exchange
	sent   uint32 // bytes of the newest message, or of the handshake, that were written
	recv   uint32 // bytes of the awaited message's payload that came back
	reader ws.Reader
}

type connState uint8

const (
	unused     connState = iota
	connecting           // the transport connects
	securing             // TCP is connected, the TLS handshake is under way
	requesting           // the WebSocket handshake's request is not written whole
	upgrading            // it is, and not answered
	open
	closing // WebSocket close handshake under way
	closed  // was open, and is not any more
	failed  // never opened
)

// opening says whether the connection is being opened.
func (c *conn) opening() bool { return c.state >= connecting && c.state <= upgrading }
