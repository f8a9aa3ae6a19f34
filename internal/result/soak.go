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

	Series []SoakSample `json:"series,omitempty"`
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
}
