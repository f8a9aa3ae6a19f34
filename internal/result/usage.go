package result

// Usage is who had the processors, whether or not something was at its limit:
// the busiest of each. Shares are of one core.
type Usage struct {
	Cores        []CoreUse    `json:"cores,omitempty"`
	CoreCount    int          `json:"core_count"`                 // of all, shown or not
	Runnable     *float64     `json:"runnable_threads,omitempty"` // that wanted a core, on average
	Processes    []ProcessUse `json:"processes,omitempty"`        // of the server
	ProcessCount int          `json:"process_count"`
	Threads      []ThreadUse  `json:"threads,omitempty"` // of server and client
	ThreadCount  int          `json:"thread_count"`
	// Upstreams are the servers that the server under test is a client of itself, the
	// most connected to.
	Upstreams     []UpstreamUse `json:"upstreams,omitempty"`
	UpstreamCount int           `json:"upstream_count,omitempty"`
}

// CoreUse is one processor.
type CoreUse struct {
	ID      int64   `json:"core"`
	Busy    float64 `json:"busy"`
	SoftIRQ float64 `json:"softirq"`
	Stolen  float64 `json:"stolen"`
}

// ProcessUse is one process of the server, which is a shard of one of ours.
type ProcessUse struct {
	PID             int      `json:"pid"`
	Command         string   `json:"command"`
	Ran             float64  `json:"ran"`
	Waited          float64  `json:"waited"` // was ready to run, and had no core
	Threads         int      `json:"threads"`
	CallsPerMessage *float64 `json:"calls_per_message,omitempty"` // read(2), write(2) and their kin
	FDs             *int64   `json:"fds,omitempty"`
}

// ThreadUse is one thread.
type ThreadUse struct {
	PID     int     `json:"pid"`
	Process string  `json:"process"`
	TID     int     `json:"tid"`
	Command string  `json:"command"`
	Ran     float64 `json:"ran"`
	Waited  float64 `json:"waited"`
}

// UpstreamUse is a server that the server under test is a client of.
type UpstreamUse struct {
	To      string  `json:"to"`  // address and port
	PID     int     `json:"pid"` // of a process that has connections to it
	Process string  `json:"process"`
	Open    int64   `json:"open"`    // the most connections at a time
	New     int64   `json:"new"`     // that came while it was looked at
	Rate    float64 `json:"rate"`    // of these, a second
	Threads float64 `json:"threads"` // that sat in a call on one of them, on average
}

// Diagnosis is how many findings there are, by how much they matter.
type Diagnosis struct {
	Limits  int `json:"limits"`
	Strains int `json:"strains"`
	Remarks int `json:"remarks"`
}

// NewDiagnosis counts findings.
func NewDiagnosis(list []Finding) *Diagnosis {
	d := &Diagnosis{}
	for _, f := range list {
		switch {
		case f.Severity >= Limits:
			d.Limits++
		case f.Severity >= Strains:
			d.Strains++
		default:
			d.Remarks++
		}
	}
	return d
}
