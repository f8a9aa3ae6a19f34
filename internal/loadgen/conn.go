package loadgen

// conn is all that the client keeps of a connection: 24 bytes in a flat array
// that holds no pointers, so the garbage collector never looks at it. Its index
// is its slot; slot + the loop's Offset is its number in the plan.
type conn struct {
	fd    int32
	state connState
	busy  bool   // a message is under way
	gen   uint16 // of the slot's current socket; stale events carry another
	t     uint32 // microseconds since the loop's epoch: connect began, or the message's intended send time
	seq   uint32 // messages begun in this exchange
	sent  uint32 // bytes of the message under way that were written ...
	recv  uint32 // ... and that came back
}

type connState uint8

const (
	unused connState = iota
	connecting
	open
	closed // was open, and is not any more
	failed // never opened
)

// connEvents is what each socket is registered for, once: edge-triggered, both
// directions, so that no connection ever needs another epoll_ctl(2).
const connEvents = epollIn | epollOut | epollRdHup | epollET
