package dash

import (
	"net"

	"github.com/c10m/c10m/internal/result"
)

// The two ends of a connection.
const (
	Server = "server"
	Client = "client"
)

// End is what an endpoint shows: a server, or a client.
type End struct {
	Meta Meta
	// Look reads every number, with memory only if asked for, which costs more.
	// It is called from one goroutine at a time.
	Look func(memory bool) (Sample, error)
	// Report answers /footprint and /healthz; nil on the client's end.
	Report Reporter
	// Causes are the names that Sample.Errors may hold: those that have not happened are
	// exported as 0.
	Causes []string
	// Drain ends the program in good order; nil on the client's end. Token is
	// what POST /drain asks for; "" refuses it to everybody.
	Drain func()
	Token string
	// Hosts are names by which the endpoint may be asked, besides addresses.
	Hosts []string
	// Worker opens a connection to a worker process, which answers with Profiles;
	// nil where this process is the only one.
	Worker func(i int) (net.Conn, error)
}

// Reporter gives the server's report, as deep as asked for.
type Reporter func(Depth) (result.ServerReport, error)

// Depth says how much a report is to contain, and so what it costs.
type Depth int

// Counts costs next to nothing. Resident adds the processes' memory by /proc/PID/statm,
// microseconds for each. Exact adds their PSS, for which the kernel walks their page
// tables (/proc/PID/smaps_rollup).
const (
	Counts Depth = iota
	Resident
	Exact
)

// Agent is the Meta.Shard of a client that is a fleet.
const Agent = "agent"

// Meta is what does not change while the program runs.
type Meta struct {
	Role   string `json:"role"`   // Server or Client
	Title  string `json:"title"`  // in a few words: ports, addresses
	Commit string `json:"commit"` // of the build
	PID    int    `json:"pid"`
	CPUs   int    `json:"cpus"`
	Max    int64  `json:"max"`              // connections
	Bound  string `json:"bound"`            // what Max is: "allowed", "asked for", "at a time"
	Shard  string `json:"shard"`            // what a Shard is: worker, thread, Agent
	Engine string `json:"engine,omitempty"` // of a server that echoes
	Ports  []Port `json:"ports"`            // that it listens on
}

// Port is a listening port and what it speaks.
type Port struct {
	Number int    `json:"port"`
	Proto  string `json:"proto"` // tcp, ws
}

// Sample is every number at one moment. What was not measured is absent.
type Sample struct {
	Time     int64              `json:"t"` // Unix milliseconds
	Phase    string             `json:"phase"`
	Open     int64              `json:"open"`
	Opened   int64              `json:"opened"`        // accepted by a server, established by a client
	Upgraded int64              `json:"upgraded"`      // WebSocket handshakes that a server completed
	Messages int64              `json:"messages"`      // echoed by a server; received by a client
	Bytes    int64              `json:"bytes"`         // their payload
	Buffered int64              `json:"buffered"`      // memory that a server keeps for its peers
	Budget   int64              `json:"budget"`        // what it may keep for them
	Errors   result.ErrorCounts `json:"errors"`        // by cause
	TLS      *result.ServerTLS  `json:"tls,omitempty"` // of a server that speaks it
	PortOpen []int64            `json:"port_open,omitempty"`
	PassedOn int64              `json:"-"` // connections that a full worker gave to another
	Recycled int64              `json:"-"` // workers replaced after their number of messages
	Shards   []Shard            `json:"shards"`
	Memory   *Memory            `json:"memory,omitempty"`
	Net      *Net               `json:"net,omitempty"`
	Run      *Run               `json:"run,omitempty"` // of a client
}

// Shard is one worker process of a server, one thread of a client, or one agent of a
// fleet.
type Shard struct {
	Name     string  `json:"name,omitempty"` // of an agent
	Number   int     `json:"number"`         // which of them: of a worker, what ?worker= names it by
	ID       int     `json:"id"`             // of the process or thread; 0: not known yet
	State    string  `json:"state"`          // of a worker, or of an agent
	Open     int64   `json:"open"`
	Opened   int64   `json:"opened"`
	CPU      float64 `json:"cpu"` // seconds so far
	Restarts int64   `json:"restarts"`
	Heap     int64   `json:"-"` // of a worker, for metrics: live Go heap once it is quiet, 0 while it is busy
}

// Memory is how the machine's memory is divided, bytes.
type Memory struct {
	Total  uint64  `json:"total"`  // MemTotal
	Used   uint64  `json:"used"`   // MemTotal - MemFree - page cache
	Kernel []Cache `json:"kernel"` // slab caches; none where slabinfo cannot be read
	Server *uint64 `json:"server,omitempty"`
	Client *uint64 `json:"client,omitempty"`
}

// Cache is one slab cache, in pages actually taken.
type Cache struct {
	Name  string `json:"name"`
	Bytes uint64 `json:"bytes"`
}

// Net is what the kernel counts in this network namespace.
type Net struct {
	Sockets int64 `json:"sockets"` // TCP, in use, those that listen among them
	// Listening is how many of them listen; nil where it was not counted: that is done
	// when memory is looked at.
	Listening       *int64 `json:"listening,omitempty"`
	TimeWait        int64  `json:"time_wait"`
	Orphans         int64  `json:"orphans"`
	BufferPages     int64  `json:"buffer_pages"` // tcp_mem, of the whole machine
	ListenOverflows int64  `json:"listen_overflows"`
	ListenDrops     int64  `json:"listen_drops"`
	SYNQueueFull    int64  `json:"syn_queue_full"`
	SYNCookies      int64  `json:"syn_cookies"`
	BacklogDrops    int64  `json:"backlog_drops"`
	MemoryPressure  int64  `json:"memory_pressure"`
}

// Run is what only a client knows.
type Run struct {
	Elapsed    float64         `json:"elapsed"` // seconds
	Attempted  int64           `json:"attempted"`
	Failed     int64           `json:"failed"`
	Lost       int64           `json:"lost"`
	Restored   int64           `json:"restored"` // of the lost
	Sent       int64           `json:"sent"`
	Mismatched int64           `json:"mismatched"`
	Missing    int64           `json:"missing"` // messages that were never answered
	Connect    *result.Latency `json:"connect,omitempty"`
	Echo       *result.Latency `json:"echo,omitempty"`
	By         []Proto         `json:"-"` // for metrics
}

// Proto is what a client counts of the connections of one protocol.
type Proto struct {
	Name                                                 string // tcp, ws
	Open, Attempted, Established, Failed, Lost, Restored int64
	Sent, Received, Mismatched, Missing, BytesReceived   int64
	Pushed                                               int64
	Connect, Upgrade, Echo                               *result.Histogram // Upgrade is nil for tcp
}
