// Package echo is the server's engine: TCP and WebSocket echo over gnet. It is
// the only room that imports gnet; only gnet*.go and idle.go see its types.
package echo

import "sync/atomic"

// Causes why a connection was closed by us rather than by its peer.
const (
	OverLimit  = iota // more than --max-conns, or no fd left
	Draining          // arrived after the drain began
	SlowReader        // more than --max-outbound waited for it
	IdleTimeout
	HandshakeTimeout // no whole WebSocket handshake within its deadline
	HandshakeRefused // answered with 400, 405, 426 or 431
	BadFrames        // breach of RFC 6455, closed with 1002
	BadUTF8          // text that is not UTF-8, closed with 1007
	TooBig           // more than --max-message, closed with 1009
	Upstream         // of a relay: its upstream failed
	FileMax          // the machine is nearly out of files, fs.file-max
	MemoryLow        // the machine, or our cgroup, is nearly out of memory
	nCauses
)

// CauseNames are the causes as reports and metrics name them.
var CauseNames = [nCauses]string{"over_limit", "draining", "slow_reader", "idle_timeout",
	"handshake_timeout", "handshake_refused", "ws_protocol", "ws_utf8", "ws_too_big", "upstream", "file_max", "memory_low"}

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
	// Most is how many connections the machine has room for here, if Scarce is not
	// 0: then it is the cause why the surplus is refused, FileMax or MemoryLow.
	Most     atomic.Int64
	Scarce   atomic.Int32
	Upgraded atomic.Int64 // WebSocket handshakes that were completed
	Causes   [nCauses]atomic.Int64
	Heap     atomic.Int64 // live Go heap bytes, while nothing has happened since it was looked at; else 0
	traffic  [stripes]struct {
		messages atomic.Int64
		bytes    atomic.Int64
		_        [48]byte
	}
	PortOpen [MaxPorts]atomic.Int32 // open now, by index of the listening port
}

// State of an engine.
type State int32

// The states, in the order that an engine passes them. Stopped is an engine
// that ended, by order or not.
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
// there is only one, or more than are counted apart.
func (c *Counters) LoopMessages(n int) (each []int64) {
	if n < 2 || n > stripes {
		return nil
	}
	for i := range n {
		each = append(each, c.traffic[i].messages.Load())
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

// Reset clears what belongs to the connections of a dead engine. The totals
// stay, so that they never run backwards.
func (c *Counters) Reset() {
	c.State.Store(int32(Starting))
	c.Open.Store(0)
	c.Heap.Store(0)
	for i := range c.PortOpen {
		if c.PortOpen[i].Load() != 0 {
			c.PortOpen[i].Store(0)
		}
	}
}
