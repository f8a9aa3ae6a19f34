package result

// ServerSchema names the format of ServerReport.
const ServerSchema = "c10m/footprint/1"

// ServerReport is what a server's control endpoint answers on /footprint.
// Memory fields are absent when the caller asked for counts only.
type ServerReport struct {
	Schema   string      `json:"schema"`
	Commit   string      `json:"commit"`
	BootID   string      `json:"boot_id"` // equal to ours: the same machine
	PID      int         `json:"pid"`     // of the supervisor, or of the only process
	UID      *int        `json:"uid,omitempty"`
	In       *Namespaces `json:"namespaces,omitempty"` // of its processes
	Cgroup   *Cgroup     `json:"cgroup,omitempty"`     // nil: no quota of processors, or not known
	Bind     string      `json:"bind,omitempty"`       // the address that its ports listen on
	State    string      `json:"state"`                // starting, ready, draining
	Engine   string      `json:"engine,omitempty"`     // gnet or epoll; absent of a relay
	MaxConns int64       `json:"max_conns"`
	Nofile   uint64      `json:"nofile"` // soft limit of one process
	Open     int64       `json:"open"`
	Accepted int64       `json:"accepted"`
	Refused  ErrorCounts `json:"refused,omitempty"`   // by cause: over_limit, draining, slow_reader ...
	Messages int64       `json:"messages"`            // echoed; of TCP, reads
	Bytes    int64       `json:"bytes"`               // payload bytes echoed
	Buffered int64       `json:"buffered"`            // memory kept for peers
	Budget   int64       `json:"budget,omitempty"`    // what may be kept for them
	PassedOn int64       `json:"passed_on,omitempty"` // connections that a full worker gave to another
	Recycled int64       `json:"recycled,omitempty"`  // workers replaced after their number of messages
	// RecycleAfter is that number; 0: workers are not replaced.
	RecycleAfter int64        `json:"recycle_after,omitempty"`
	Restarts     int64        `json:"restarts,omitempty"` // of workers, those that are gone included
	TLS          *ServerTLS   `json:"tls,omitempty"`      // of a server that speaks it
	Relay        *Relay       `json:"relay,omitempty"`    // of a server that relays
	Foreign      *Foreign     `json:"foreign,omitempty"`  // a server that is not ours, seen from outside
	Shards       []Shard      `json:"shards"`
	Ports        []PortCount  `json:"ports"`
	Memory       *ProcMemory  `json:"memory,omitempty"`      // all processes of the server
	CPU          *float64     `json:"cpu_seconds,omitempty"` // of all, those that have ended included
	Kernel       *KernelUsage `json:"kernel,omitempty"`      // of the server's machine
}

// Foreign is a server that is not ours. What only a server itself can know, like
// what it accepted, refused or echoed, and how many it would take, is 0 in its
// report; what it holds is counted through its sockets.
type Foreign struct {
	Name      string `json:"name"` // of its first process, /proc/PID/comm
	PID       int    `json:"pid"`
	Group     string `json:"cgroup,omitempty"` // the control group that it was named by
	Processes int    `json:"processes"`
}

// ServerTLS is what a server that speaks TLS has agreed on. What failed is in
// ServerReport.Refused, by causes that begin with tls.
type ServerTLS struct {
	Pin        string `json:"pin"`        // SHA-256 of its certificate's key, as curl --pinnedpubkey takes it
	Handshakes int64  `json:"handshakes"` // agreed on
	Resumed    int64  `json:"resumed"`    // of these, those that resumed a session
	UnderWay   int64  `json:"under_way"`
}

// Namespaces are the kernel's, by the inode of /proc/PID/ns/pid, net and user:
// namespaces(7). They say something only on one machine (BootID). Numbers of
// processes mean the same in one PID namespace, sockets are counted together in
// one Net namespace, users are the same in one User namespace. 0 is not known.
type Namespaces struct {
	PID  uint64 `json:"pid,omitempty"`
	Net  uint64 `json:"net,omitempty"`
	User uint64 `json:"user,omitempty"`
}

// Cgroup is what a quota of processor time gives to a control group, and how
// often it held the group's threads up, since the group began.
type Cgroup struct {
	Name             string  `json:"name"` // its path, cgroups(7)
	CPUs             float64 `json:"cpus"` // processors' worth of time
	Periods          int64   `json:"periods"`
	Throttled        int64   `json:"throttled"` // periods in which it had used its quota up
	ThrottledSeconds float64 `json:"throttled_seconds"`
}

// Relay is what a relaying server has done upstream.
type Relay struct {
	Upstream string      `json:"upstream"` // per-request, pool, keepalive
	Requests int64       `json:"requests"`
	Opened   int64       `json:"opened"` // upstream connections
	Reused   int64       `json:"reused"` // requests over one that had served before
	Failed   ErrorCounts `json:"failed,omitempty"`
}

// States of a worker that gets no more connections.
const (
	Leaving  = "leaving"  // another takes its place
	Retiring = "retiring" // fewer are enough
)

// Shard is one worker process.
type Shard struct {
	Number   int     `json:"worker"`
	PID      int     `json:"pid"`
	State    string  `json:"state"` // as the server's, or one of those above
	Open     int64   `json:"open"`
	Accepted int64   `json:"accepted"`
	Messages int64   `json:"messages"`                // reads echoed
	Loops    []int64 `json:"loop_messages,omitempty"` // of these, by each of several event loops
	LoopOpen []int64 `json:"loop_open,omitempty"`     // of the connections, by each of several event loops
	Restarts int64   `json:"restarts"`
	// HeapBytes is the live Go heap, once it has been quiet for two seconds: looking
	// costs a collection.
	HeapBytes int64       `json:"heap_bytes,omitempty"`
	Memory    *ProcMemory `json:"memory,omitempty"`
}

// PortCount is the connections open on one listening port.
type PortCount struct {
	Port  int    `json:"port"`
	Proto string `json:"proto"`
	Open  int64  `json:"open"`
}

// ProcMemory is user memory of one or more processes in bytes,
// /proc/PID/smaps_rollup. Over many workers count PSS: RSS counts the program
// text they share once each.
type ProcMemory struct {
	RSS     uint64 `json:"rss"`
	PSS     uint64 `json:"pss"`
	Private uint64 `json:"private"`
	// Anon belongs to no file: heaps and stacks. Unlike PSS it does not change when another
	// process of the same program starts or ends. 0 in files of older versions.
	Anon uint64 `json:"anon,omitempty"`
}

// Grown is what shows growth best of what is known: Anon, or PSS.
func (m ProcMemory) Grown() uint64 {
	if m.Anon > 0 {
		return m.Anon
	}
	return m.PSS
}

// KernelUsage is what the kernel of the server's machine spends, bytes.
type KernelUsage struct {
	Method    string `json:"method"`
	Bytes     uint64 `json:"bytes"`                // of the counted caches' objects; or System, by Method
	PageBytes uint64 `json:"page_bytes,omitempty"` // of the pages that the counted caches take
	System    uint64 `json:"system"`               // MemTotal - MemFree - page cache
	Total     uint64 `json:"total"`                // MemTotal
	// Sockets are the TCP sockets of the whole machine, /proc/net/sockstat: alloc.
	Sockets int64        `json:"sockets,omitempty"`
	Caches  []CacheUsage `json:"caches,omitempty"`
}

// CacheUsage is one slab cache at one moment. Slabs that earlier connections left
// half empty take pages without objects: so each object counts by its share of a
// full slab, and the pages stand beside.
type CacheUsage struct {
	Name      string `json:"name"`
	Objects   uint64 `json:"objects"`              // in use
	Bytes     uint64 `json:"bytes"`                // Objects x pages of a slab / objects of a slab
	PageBytes uint64 `json:"page_bytes,omitempty"` // of all its slabs
}
