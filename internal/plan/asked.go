package plan

import (
	"time"

	"github.com/c10m/c10m/internal/unit"
)

// Engine is how the client speaks TCP.
type Engine string

// The engines: the kernel's sockets, or a TCP of our own over TUN devices.
const (
	EngineSockets Engine = "sockets"
	EnginePackets Engine = "packets"
)

// Asked is what a user asks of a run and nobody has to decide. Each is a flag of
// the client that is kept here and nowhere else: the engine reads it here, and it
// stands so in the result file (base units: nanoseconds, per second).
type Asked struct {
	Engine         Engine        `json:"engine,omitempty"`          // absent: sockets
	Rate           unit.Rate     `json:"rate,omitempty"`            // connects per second; absent: as fast as possible
	Window         int           `json:"window,omitempty"`          // connects under way at once per thread
	ConnectTimeout time.Duration `json:"connect_timeout,omitempty"` // of a connect with its handshake
	KeepAlive      time.Duration `json:"keepalive,omitempty"`       // probe a server silent for so long; absent: never
	Reconnect      bool          `json:"reconnect,omitempty"`       // restore lost connections
	Hold           time.Duration `json:"hold,omitempty"`
	Stages         []Stage       `json:"stages,omitempty"`   // in place of one ramp and one hold
	Size           int           `json:"size,omitempty"`     // bytes per message
	SizeMax        int           `json:"size_max,omitempty"` // sizes are size..size_max; absent: all are size
	// Depth is how many messages may be under way at once on each; absent and 1: one.
	Depth       int           `json:"depth,omitempty"`
	MessageRate unit.Rate     `json:"message_rate,omitempty"` // of all connections together; absent: closed loop
	Interval    time.Duration `json:"interval,omitempty"`     // absent: connections stay idle
	Jitter      float64       `json:"jitter_share,omitempty"` // waits differ by so much of the interval either way
	Ping        time.Duration `json:"ping,omitempty"`         // WebSocket pings on each connection; absent: none
	PingTimeout time.Duration `json:"ping_timeout,omitempty"` // how long a pong may take
	Close       CloseMode     `json:"close,omitempty"`
	First       int64         `json:"first,omitempty"` // number of the first connection in what is said: {i}
	Talk        Talk          `json:"talk,omitzero"`   // what is said, and what answers
}
