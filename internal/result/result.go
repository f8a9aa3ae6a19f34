package result

import (
	"slices"
	"time"

	"github.com/c10m/c10m/internal/plan"
)

// Schema names the file format. Files of the one before are read as well.
const (
	Schema  = "c10m/result/2"
	schema1 = "c10m/result/1"
)

// Result is one run, or the sum of several parts of one run (Merge).
type Result struct {
	Schema    string    `json:"schema"`
	Scenario  string    `json:"scenario"`
	Proto     string    `json:"proto"`
	Started   time.Time `json:"started"`
	Command   []string  `json:"command,omitempty"`
	Interrupt bool      `json:"interrupted,omitempty"` // ended by a signal before it was done
	Host      Host      `json:"host"`
	Plan      Plan      `json:"plan"`
	Conns     Conns     `json:"conns"`
	Foreign   *Foreign  `json:"foreign_server,omitempty"` // the server is not ours, and was watched from outside
	// ServerEngine is gnet or epoll; absent of a relay, and of a server that is not ours.
	ServerEngine string `json:"server_engine,omitempty"`
	// FirstFailure is what --show-failure asks for.
	FirstFailure *FailedAnswer `json:"first_failure,omitempty"`

	Setup  *Setup  `json:"setup,omitempty"`
	Stages []Stage `json:"stages,omitempty"`
	// Course is the connections open over all stages; the rate is below 0 on a way down.
	Course     []Point    `json:"course,omitempty"`
	Memory     *Memory    `json:"memory,omitempty"`
	Echo       *Echo      `json:"echo,omitempty"`
	Talk       *Talk      `json:"talk,omitempty"` // of a server that is no echo
	Pings      *Pings     `json:"pings,omitempty"`
	Packets    *Packets   `json:"packets,omitempty"`   // of a client without sockets
	Protocols  []Protocol `json:"protocols,omitempty"` // of a mixed run
	TLS        *TLS       `json:"tls,omitempty"`       // nil: the connections were plain
	CPU        *CPU       `json:"cpu,omitempty"`
	Reconcile  *Counts    `json:"reconcile,omitempty"`  // the three counts of the same connections
	Spread     []Spread   `json:"spread,omitempty"`     // how even the shares are
	Limits     []Limit    `json:"limits,omitempty"`     // preflight: tightest first
	Thresholds []Verdict  `json:"thresholds,omitempty"` // --fail-if, and what came of each
	Warnings   []Warning  `json:"warnings,omitempty"`
	Agents     []Agent    `json:"agents,omitempty"`     // of a fleet, each with its part
	AgentCost  *AgentCost `json:"agent_cost,omitempty"` // what connections take of the agents

	// What a lab found out; at most one of these. What is of a whole run, of which
	// parts cannot be added up, Merge refuses by the name that its tag gives it.
	Churn       *Churn       `json:"churn,omitempty"`
	ChurnMatrix *ChurnMatrix `json:"churn_matrix,omitempty" whole:"a matrix of churn"`
	Stress      *Stress      `json:"stress,omitempty"`
	Peak        *Peak        `json:"peak,omitempty" whole:"a peak"`
	Soak        *Soak        `json:"soak,omitempty" whole:"a soak"`
	Sweep       *Sweep       `json:"sweep,omitempty" whole:"a sweep"`
	Diagnosis   *Diagnosis   `json:"diagnosis,omitempty" whole:"a diagnosis"`

	Findings []Finding `json:"findings,omitempty"` // what limits, severest first
	Usage    *Usage    `json:"usage,omitempty"`    // who had the processors
	Heat     *Heat     `json:"heat,omitempty"`     // latency over time
	Behind   bool      `json:"behind,omitempty"`   // it did not keep up with the load asked for
	Leak     bool      `json:"leak,omitempty"`     // memory, or what the server holds open, grows with time

	// StoredTables and StoredVerdict are what files of c10m/result/1 have in place of
	// outcomes; nobody writes them any more.
	StoredTables  []Table `json:"tables,omitempty"`
	StoredVerdict string  `json:"verdict,omitempty"`
}

// Host is the machine the client ran on.
type Host struct {
	Kernel      string `json:"kernel,omitempty"` // uname -r
	CPUs        int    `json:"cpus,omitempty"`
	MemoryBytes uint64 `json:"memory_bytes,omitempty"` // MemTotal
	Nofile      uint64 `json:"nofile,omitempty"`       // soft RLIMIT_NOFILE of one fd table
	// BootID is of this start of the machine, Net the inode of the network namespace,
	// namespaces(7): what parts of a run there count of it, they count together.
	BootID string `json:"boot_id,omitempty"`
	Net    uint64 `json:"net_namespace,omitempty"`
	Go     string `json:"go,omitempty"`
	Commit string `json:"commit,omitempty"`
	// Settings are the kernel's that decide how many connections a machine holds
	// (tune.Settings), by sysctl key, as they were in force.
	Settings map[string]string `json:"settings,omitempty"`
}

// Plan is what was asked, after "auto" was decided.
type Plan struct {
	plan.Asked
	Targets   []string `json:"targets,omitempty"`    // URLs that the user gave; absent: by flags
	Host      string   `json:"host,omitempty"`       // addresses, and what the user called them
	FirstPort int      `json:"first_port,omitempty"` // of the first protocol
	// WSFirstPort is the first WebSocket port of a mixed run, which has half of
	// its Ports for each protocol.
	WSFirstPort int    `json:"ws_first_port,omitempty"`
	Conns       int64  `json:"conns"`
	Ports       int    `json:"ports"`
	Sources     int    `json:"sources"`
	Threads     int    `json:"threads"`
	FDTables    int    `json:"fd_tables"`            // private fd tables in use; 1: the process's own
	LimitedBy   string `json:"limited_by,omitempty"` // which limit decided --conns auto, or LimitedByCap
}

// LimitedByCap is what decided where --cap did.
const LimitedByCap = "cap"

// Conns always satisfies Attempted = Established + Failed, Lost <= Established +
// Reconnected and Reconnected <= Lost. Each planned connection is attempted
// once, or once in each stage that opens it, and is then established or failed;
// tries under way when a run was interrupted are not counted. A connection that
// ends though nobody asked it to is lost, once for each time, and reconnected
// (--reconnect) when it is back: Established - Lost + Reconnected are held, less
// what stages have closed. Errors names the cause of each failure and each loss;
// reconnect_* are tries to restore that failed, and count among neither.
type Conns struct {
	Attempted   int64       `json:"attempted"`
	Established int64       `json:"established"`
	Failed      int64       `json:"failed"`
	Lost        int64       `json:"lost"`
	Reconnected int64       `json:"reconnected,omitempty"`
	Errors      ErrorCounts `json:"errors,omitempty"`
	Idle        *Idle       `json:"lost_idle,omitempty"`       // of the lost, those that the other end closed
	IdleTimeout int64       `json:"idle_timeout_ns,omitempty"` // what closed them, where it was that; else absent
}

// FailedAnswer is the exchange that made a connection fail, the first of the run. Its
// lines have no control characters. Either may be nothing: what a server says of its
// own accord, and an answer that never came.
type FailedAnswer struct {
	Cause string   `json:"cause"`
	From  string   `json:"from"`            // address and port
	Sent  []string `json:"sent,omitempty"`  // what the client had said
	Lines []string `json:"lines,omitempty"` // what came back
}

// Setup is the ramp: from the first connect until the client held everything
// and, where the server's count is known, until the server did too.
type Setup struct {
	Began         time.Time `json:"began,omitzero"` // absent in older files
	Seconds       float64   `json:"seconds"`
	Rate          float64   `json:"rate,omitempty"`           // established per second over Seconds
	ClientSeconds float64   `json:"client_seconds,omitempty"` // until the client's last connect
	Latency       *Latency  `json:"latency,omitempty"`        // of connect
	Handshake     *Latency  `json:"handshake,omitempty"`      // WebSocket: from connect to the verified answer
	Curve         []Point   `json:"curve,omitempty"`
}

// Point is one sample of the ramp: T seconds in, Conns held, Rate per second
// since the point before.
type Point struct {
	T     float64 `json:"t"`
	Conns int64   `json:"conns"`
	Rate  float64 `json:"rate"`
}

// Latency is a summary of a Histogram, in nanoseconds. Max is exact, quantiles
// have two significant digits.
type Latency struct {
	Count int64 `json:"count"`
	P50   int64 `json:"p50"`
	P90   int64 `json:"p90"`
	P99   int64 `json:"p99"`
	P999  int64 `json:"p999"`
	Max   int64 `json:"max"`
	// Encoded is the whole histogram in microseconds, HdrHistogram V2
	// compressed base64, so that results can be merged without loss.
	Encoded string `json:"encoded,omitempty"`
}

// Memory is the cost of connections: Fit values are marginal (least squares
// over the ramp), Plain ones the difference between before and after the ramp
// divided by the connections. Without a Method nothing was measured per
// connection: only what was in use, and MarshalJSON leaves out the rest.
type Memory struct {
	Method string `json:"method"` // slabinfo, or meminfo: MemTotal - MemFree - page cache
	// Withheld says why no cost is given: it would not stand out from the noise.
	Withheld *Warning `json:"withheld,omitempty"`
	// BothEnds: client and server kernels are the same machine, so
	// KernelPerConn counts both ends of a connection.
	BothEnds        bool     `json:"both_ends"`
	ServerEnd       bool     `json:"server_end,omitempty"` // it is the server's end alone: the client has no sockets
	KernelPerConn   float64  `json:"kernel_bytes_per_conn"`
	KernelPerSocket float64  `json:"kernel_bytes_per_socket"`
	ServerPerConn   *float64 `json:"server_bytes_per_conn,omitempty"`
	ClientPerConn   *float64 `json:"client_bytes_per_conn,omitempty"`
	// ServerBelow and ClientBelow stand in for a figure that does not stand out from
	// a process's memory as it is without connections: it is less than that.
	ServerBelow  *float64 `json:"server_below_bytes_per_conn,omitempty"`
	ClientBelow  *float64 `json:"client_below_bytes_per_conn,omitempty"`
	TotalPerConn float64  `json:"total_bytes_per_conn"`
	Caches       []Cache  `json:"caches,omitempty"`
	Fit          Fit      `json:"fit"`   // of the total
	Plain        Parts    `json:"plain"` // plain difference, per connection
	// SocketsPerConn is how many TCP sockets the kernel counted more for each
	// connection: 2 with BothEnds, else 1, unless others opened or closed some.
	SocketsPerConn *float64 `json:"sockets_per_conn,omitempty"`
	// PagesPerConn is the growth of the kernel's caches in pages, the cross-check
	// of KernelPerConn, which counts objects. It is less where connections found
	// room in slabs that were there already. Absent without slabinfo.
	PagesPerConn *float64 `json:"page_bytes_per_conn,omitempty"`
	// Outside is the growth of MemTotal - MemFree - page cache per connection
	// over the same ramp: the cross-check of the total in pages. Absent where the
	// total itself comes from there.
	Outside *float64 `json:"outside_bytes_per_conn,omitempty"`
	// WalkedPerConn is kernel memory that others' reading of /proc/PID/fd has
	// taken meanwhile: part of Outside, not of the total.
	WalkedPerConn *float64 `json:"walked_bytes_per_conn,omitempty"`
	At10M         *float64 `json:"at_10m_bytes,omitempty"` // TotalPerConn x 10,000,000; absent unless it Carries
	Before        *Used    `json:"before,omitempty"`
	Held          *Used    `json:"held,omitempty"`
	After         *Used    `json:"after,omitempty"` // once everything is closed and settled
	Samples       []Sample `json:"samples,omitempty"`
	PeakUsed      uint64   `json:"peak_used_bytes,omitempty"`
}

// Parts is a cost split by who pays it, bytes per connection.
type Parts struct {
	Kernel float64  `json:"kernel"`
	Server *float64 `json:"server,omitempty"`
	Client *float64 `json:"client,omitempty"`
	Total  float64  `json:"total"`
}

// Cache is one kernel slab cache's share.
type Cache struct {
	Name           string  `json:"name"`
	ObjectsPerConn float64 `json:"objects_per_conn"`
	BytesPerConn   float64 `json:"bytes_per_conn"` // of the objects, each by its share of a slab
}

// Fit is a least-squares line of bytes over connections.
type Fit struct {
	Slope   float64 `json:"slope"`        // bytes per connection
	R2      float64 `json:"r2,omitempty"` // absent: too few samples for a line
	Samples int     `json:"samples"`
	Conns   int64   `json:"conns,omitempty"` // from the fewest to the most of them
}

// Used is memory in use at one moment, bytes.
type Used struct {
	Kernel uint64  `json:"kernel"` // the counted slab caches, or all non-cache memory (Method)
	Server *uint64 `json:"server,omitempty"`
	Client uint64  `json:"client"`
	System uint64  `json:"system"` // MemTotal - MemFree - page cache
}

// Sample is Used at one moment of the ramp.
type Sample struct {
	T     float64 `json:"t"`
	Conns int64   `json:"conns"`
	Used
}

// Echo is the message traffic of a run.
type Echo struct {
	Sent       int64    `json:"sent"`
	Received   int64    `json:"received"`
	Lost       int64    `json:"lost"`
	Mismatched int64    `json:"mismatched"`
	Seconds    float64  `json:"seconds,omitempty"`
	Rate       float64  `json:"rate,omitempty"`              // echoes per second
	Bytes      int64    `json:"bytes,omitempty"`             // payload bytes received
	Latency    *Latency `json:"latency,omitempty"`           // of the exchange, without the verification's
	Verified   int64    `json:"verified,omitempty"`          // connections checked with one echo after the hold
	Verify     *Latency `json:"verify_latency,omitempty"`    // of these, which are sent all at once
	Calls      float64  `json:"calls_per_message,omitempty"` // system calls of the client: epoll_wait, read, send
}

// CPU is processor time over the whole run, seconds.
type CPU struct {
	Server *float64 `json:"server_seconds,omitempty"`
	// ServerSetup is the part of it until the server held all connections: what
	// accepting them took, and looking at its memory meanwhile.
	ServerSetup *float64 `json:"server_setup_seconds,omitempty"`
	Client      float64  `json:"client_seconds"`
	Softirq     *float64 `json:"softirq_seconds,omitempty"` // of the whole machine
}

// Counts are three independent counts of the same open connections, taken
// while everything was held.
type Counts struct {
	Client int64  `json:"client"`
	Server *int64 `json:"server,omitempty"` // from its control endpoint
	Kernel *int64 `json:"kernel,omitempty"` // sockets of this network namespace: TCP inuse
	// Ends is how many of Kernel's sockets each connection has: 2 where the server
	// lives in the same network namespace, else 1. 0: not known.
	Ends int64 `json:"kernel_ends,omitempty"`
}

// What connections are spread over.
const (
	OverPorts     = "ports"
	OverAddresses = "addresses"
	OverSources   = "sources"
	OverThreads   = "client threads"
	OverWorkers   = "server workers"
	OverLoops     = "server event loops"
)

// Spread says how evenly connections lie over N workers, ports or sources.
type Spread struct {
	Over string  `json:"over"`
	N    int     `json:"n"`
	Min  int64   `json:"min"`
	Mean float64 `json:"mean"`
	Max  int64   `json:"max"`
}

// Limit is one thing that bounds the number of connections of this very run.
type Limit struct {
	Name string `json:"name"` // "memory", "file descriptors", "4-tuples", ...
	Max  int64  `json:"max"`  // connections it allows
	Why  string `json:"why"`
	Cure string `json:"cure,omitempty"`
	// On names the agents of a fleet that have it so, where it is the tightest.
	On []string `json:"on,omitempty"`
}

// Short says whether the run fell short of what was asked: connections that
// were not established or were lost, messages that did not come back as sent.
func (r *Result) Short() bool {
	return r.Conns.Established < r.Plan.Conns || slices.ContainsFunc(r.Stages, Stage.Short) ||
		r.Conns.Lost > r.Conns.Reconnected || r.Behind ||
		r.Echo != nil && (r.Echo.Lost > 0 || r.Echo.Mismatched > 0)
}
