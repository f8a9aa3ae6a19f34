package result

// Churn is what connections that come and go leave behind: sockets in TIME_WAIT,
// and local ports that they hold.
type Churn struct {
	Load
	// ServerFirst: the server was to close first. ClosedFirst is who did: "client",
	// "server", "nobody"; NotClosed are the connections that the server was to
	// close and did not in time, so that the client did.
	ServerFirst bool   `json:"server_closes_first"`
	ClosedFirst string `json:"closed_first"`
	NotClosed   int64  `json:"not_closed_by_server"`

	Rate     float64 `json:"rate"` // transactions per second
	P50      *int64  `json:"p50_ns,omitempty"`
	P99      *int64  `json:"p99_ns,omitempty"`
	ConnRate float64 `json:"conn_rate"` // new connections per second

	TimeWait       TimeWait `json:"time_wait"` // at the end
	LocalPorts     int64    `json:"local_ports"`
	LocalPortsUsed int64    `json:"local_ports_used"`
	NoPort         int64    `json:"no_port"` // connects that failed with EADDRNOTAVAIL
	// ExhaustedAfter is after how many more seconds at this rate no local port is
	// left. It is absent where they last for ever, which Exhausts says.
	Exhausts       bool     `json:"exhausts"`
	ExhaustedAfter *float64 `json:"exhausted_after_seconds,omitempty"`

	TWReuse     *int64        `json:"tcp_tw_reuse,omitempty"` // net.ipv4.tcp_tw_reuse
	PortsReused bool          `json:"ports_reused"`           // connect(2) may take a port in TIME_WAIT
	Series      []ChurnSample `json:"series,omitempty"`       // over time
}

// The values of Churn.ClosedFirst.
const (
	ByClient = "client"
	ByServer = "server"
	ByNobody = "nobody"
)

// Load is users, and what becomes of their connections.
type Load struct {
	Mode     string `json:"mode"` // per-request, keepalive, pool, kept
	Users    int64  `json:"users"`
	Requests int64  `json:"requests_per_conn,omitempty"` // of keepalive
	Pool     int64  `json:"pool_conns,omitempty"`        // of pool
}

// The modes of a Load.
const (
	PerRequest = "per-request" // a new connection for every message
	KeepAlive  = "keepalive"   // several messages a connection
	Pool       = "pool"        // connections that are kept, shared by all users
	Kept       = "kept"        // one connection for all messages of a user
)

// TimeWait are sockets in TIME_WAIT by who holds them: the side that closed first,
// or neither, as between a proxy and its upstreams. Those of a server on another
// machine are not seen, and absent.
type TimeWait struct {
	Client int64  `json:"client"`
	Server *int64 `json:"server,omitempty"`
	Others *int64 `json:"others,omitempty"`
}

// ChurnSample is one look at a churn, T seconds in.
type ChurnSample struct {
	T              float64  `json:"t"`
	TimeWait       TimeWait `json:"time_wait"`
	LocalPortsUsed int64    `json:"local_ports_used"`
	Rate           float64  `json:"rate"` // transactions per second since the look before
}

// ChurnMatrix is every mode with every choice that makes a difference to it.
type ChurnMatrix struct {
	LocalPorts int64   `json:"local_ports"`
	Buckets    int64   `json:"time_wait_buckets"` // net.ipv4.tcp_max_tw_buckets
	Cells      []Churn `json:"cells"`
	// How many times the transactions of a connection for every message.
	KeepAliveTimes *float64 `json:"keepalive_times,omitempty"`
	PoolTimes      *float64 `json:"pool_times,omitempty"`
}

// Stress is a fixed amount of work.
type Stress struct {
	Load
	Asked        int64       `json:"asked_transactions,omitempty"`
	Undone       int64       `json:"undone_transactions"`
	Failures     int64       `json:"failures"`    // connects, connections, messages: tries that failed
	ErrorShare   float64     `json:"error_share"` // of all tries
	ServerBefore *ProcMemory `json:"server_before,omitempty"`
	ServerAfter  *ProcMemory `json:"server_after,omitempty"`
}
