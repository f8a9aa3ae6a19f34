package echo

import "sync/atomic"

// stripes is how many cache lines the traffic counters are spread over: each of
// the first so many event loops of a process has one to itself.
const stripes = 64

// MaxPorts bounds the listening ports of one server.
const MaxPorts = 8192

// Counters is what one engine counts. It holds no pointers: it may lie in
// memory shared between processes, where its last values outlive its process.
type Counters struct {
	State    atomic.Int32 // a State
	PID      atomic.Int32
	Open     atomic.Int64 // held now, refused ones not counted
	Accepted atomic.Int64
	Closed   atomic.Int64
	PassedOn atomic.Int64 // accepted here and served by another engine, which counts them
	// If Scarce is not 0, the machine has room for Most connections of this engine, and
	// more are refused for the cause Scarce: FileMax, MemoryLow or WatchLimit.
	Most     atomic.Int64
	Scarce   atomic.Int32
	Upgraded atomic.Int64 // WebSocket handshakes that were completed
	// TLS handshakes: completed, those of them that resumed a session, and under way,
	// with those that are queued.
	TLSDone, TLSResumed, TLSUnderWay atomic.Int64

	Buffered atomic.Int64 // memory kept for peers, this engine's part of Budget.Used
	Causes   [nCauses]atomic.Int64
	Heap     atomic.Int64 // live Go heap, bytes, as of the last look; 0 once anything has happened since
	traffic  [stripes]struct {
		messages atomic.Int64
		bytes    atomic.Int64
		open     atomic.Int64
		_        [40]byte
	}
	PortOpen [MaxPorts]atomic.Int32 // open now, by index of the listening port
}

// State of an engine.
type State int32

// The states, in the order that an engine goes through them. Stopped is an engine
// that ended, on order or not.
const (
	Starting State = iota
	Ready
	Stopping
	Stopped
)

func (s State) String() string {
	return [...]string{"starting", "ready", "draining", "stopped"}[s]
}

// Messages is how many messages were echoed, and the bytes of their payload. On
// a TCP port, where bytes have no bounds, each read that was echoed is one.
func (c *Counters) Messages() (messages, bytes int64) {
	for i := range c.traffic {
		messages += c.traffic[i].messages.Load()
		bytes += c.traffic[i].bytes.Load()
	}
	return messages, bytes
}

// LoopMessages is how many messages each of n event loops has echoed; nil where
// there is only one, or more than are counted separately.
func (c *Counters) LoopMessages(n int) (each []int64) {
	if n < 2 || n > stripes {
		return nil
	}
	for i := range n {
		each = append(each, c.traffic[i].messages.Load())
	}
	return each
}

// LoopOpen is how many connections each of n event loops holds; nil where
// LoopMessages is.
func (c *Counters) LoopOpen(n int) (each []int64) {
	if n < 2 || n > stripes {
		return nil
	}
	for i := range n {
		each = append(each, c.traffic[i].open.Load())
	}
	return each
}

// Echoed counts messages and bytes of payload; key, an event loop's number,
// spreads the counting.
func (c *Counters) Echoed(key, messages, bytes int) {
	t := &c.traffic[key%stripes]
	t.messages.Add(int64(messages))
	t.bytes.Add(int64(bytes))
}

// Reset clears what belongs to the connections of a dead engine. The totals stay,
// so that they never decrease.
func (c *Counters) Reset() {
	c.State.Store(int32(Starting))
	c.Open.Store(0)
	c.Buffered.Store(0)
	c.TLSUnderWay.Store(0)
	c.Heap.Store(0)
	for i := range c.traffic {
		c.traffic[i].open.Store(0)
	}
	for i := range c.PortOpen {
		if c.PortOpen[i].Load() != 0 {
			c.PortOpen[i].Store(0)
		}
	}
}
