package result

// Soak is how what a server holds has grown under a constant load.
type Soak struct {
	// LoadHeld: connections and answers came as they should. What grows in a run
	// that failed says nothing about the server under load, and is not judged.
	LoadHeld bool `json:"load_held"`
	// GrowthBytesPerHour is the server's: Server.PerHour, with the ends of its
	// interval of 95 % confidence.
	GrowthBytesPerHour *float64 `json:"growth_bytes_per_hour,omitempty"`
	GrowthLow          *float64 `json:"growth_bytes_per_hour_low,omitempty"`
	GrowthHigh         *float64 `json:"growth_bytes_per_hour_high,omitempty"`

	Server    *Growth `json:"server,omitempty"`     // memory of its processes, bytes
	Kernel    *Growth `json:"kernel,omitempty"`     // memory of the caches that sockets live in, bytes
	FDs       *Growth `json:"fds,omitempty"`        // of the server's processes
	CloseWait *Growth `json:"close_wait,omitempty"` // sockets of the server in CLOSE_WAIT

	// Recycled is there if the server has replaced workers meanwhile; the growth of its
	// memory is then judged by what it comes back to after each.
	Recycled *Recycled `json:"recycled,omitempty"`

	Series []SoakSample `json:"series,omitempty"`
}

// Recycled is what replacing workers after their number of messages
// (--recycle-after), one at a time, cost and gave back.
type Recycled struct {
	Count int64 `json:"count"` // workers that were replaced, whole
	// While a worker was being replaced: connections that ended though nobody asked, and
	// connects that failed.
	Lost   int64 `json:"lost"`
	Failed int64 `json:"failed"`
	// P99 is of all pieces of the run's time (Heat's columns) in which a worker was being
	// replaced, RestP99 of all others: upper ends of Heat's rows. Absent: there were none.
	P99     *int64 `json:"p99_ns,omitempty"`
	RestP99 *int64 `json:"rest_p99_ns,omitempty"`
	// Troughs are pieces of time that begin with the end of a recycling, after the
	// warm-up; the medians are of their least and of their greatest memory.
	Troughs int      `json:"troughs"`
	Trough  *float64 `json:"trough_bytes,omitempty"`
	Peak    *float64 `json:"peak_bytes,omitempty"`

	List []Recycling `json:"list,omitempty"` // the first of them, one by one
}

// Recycling is the replacement of one worker.
type Recycling struct {
	Worker  int     `json:"worker"`
	PID     int     `json:"pid"`
	T       float64 `json:"t"`       // when it got no more connections, seconds in
	Seconds float64 `json:"seconds"` // until it was gone
	Conns   int64   `json:"conns"`   // that it then had: they ended by themselves, or were closed after --drain
	Lost    int64   `json:"lost"`    // connections that ended though nobody asked, meanwhile
	Failed  int64   `json:"failed"`  // connects that failed meanwhile
	P99     *int64  `json:"p99_ns,omitempty"`
	// Memory of the worker at the last look, and of its successor at the first.
	Before *float64 `json:"before_bytes,omitempty"`
	After  *float64 `json:"after_bytes,omitempty"`
}

// Growth is what a series of samples says: a line through them by least squares,
// after the warm-up, with its 95 % confidence.
type Growth struct {
	Verdict GrowthVerdict `json:"verdict"`
	PerHour float64       `json:"per_hour"`
	Low     float64       `json:"per_hour_low"`
	High    float64       `json:"per_hour_high"`
	Last    float64       `json:"last"` // what it was at the end
	Seconds float64       `json:"judged_seconds"`
	// PerTransaction and PerConn are the same growth by what was done meanwhile.
	PerTransaction *float64 `json:"per_transaction,omitempty"`
	PerConn        *float64 `json:"per_conn,omitempty"`
}

// GrowthVerdict is what a growth means. Each is of the interval that stands beside
// it.
type GrowthVerdict string

// The verdicts.
const (
	Flat      GrowthVerdict = "flat"       // it may be none
	Leaks     GrowthVerdict = "leaks"      // it goes on at its rate
	Settled   GrowthVerdict = "settled"    // it grew, and then much less: figures are of the second half
	Undecided GrowthVerdict = "undecided"  // it grew, and whether that goes on cannot be told
	TooLittle GrowthVerdict = "too_little" // it grew, by no more than a heap normally varies
)

// SoakSample is what there was at one moment, T seconds in. What was not known is
// absent.
type SoakSample struct {
	T         float64  `json:"t"`
	Server    *float64 `json:"server,omitempty"`
	Kernel    *float64 `json:"kernel,omitempty"`
	FDs       *float64 `json:"fds,omitempty"`
	CloseWait *float64 `json:"close_wait,omitempty"`
	// Workers are those that there were, where the server replaces them.
	Workers []WorkerMemory `json:"workers,omitempty"`
}

// WorkerMemory is the memory of one worker process at one moment.
type WorkerMemory struct {
	Worker int     `json:"worker"` // its number; a successor has another
	PID    int     `json:"pid"`
	Bytes  float64 `json:"bytes"`
}
