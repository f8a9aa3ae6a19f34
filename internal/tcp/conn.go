package tcp

// Conn is all that is kept of an idle connection: 12 bytes, no pointers. The
// zero value is a closed one.
type Conn struct {
	una   uint32 // SND.UNA: the oldest sequence number that is not acknowledged; flying: where its flight is
	rcv   uint32 // RCV.NXT: the next one that we expect
	wnd   uint16 // SND.WND: what the peer has room for
	state State
	flags connFlags
}

// State is a state of RFC 9293 section 3.3.2.
type State uint8

// The states. Listen is for the passive open, which nobody does yet.
const (
	Closed State = iota
	Listen
	SynSent
	SynReceived
	Established
	FinWait1
	FinWait2
	CloseWait
	Closing
	LastAck
	TimeWait
)

func (s State) String() string {
	return [...]string{"CLOSED", "LISTEN", "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1",
		"FIN-WAIT-2", "CLOSE-WAIT", "CLOSING", "LAST-ACK", "TIME-WAIT"}[s]
}

// synchronized says whether both sides have agreed on sequence numbers.
func (s State) synchronized() bool { return s >= Established }

// sends says whether data may still be queued.
func (s State) sends() bool { return s == Established || s == CloseWait }

// receives says whether data may still come.
func (s State) receives() bool { return s == Established || s == FinWait1 || s == FinWait2 }

type connFlags uint8

const (
	owesAck   connFlags = 1 << iota // something was taken that is not acknowledged yet
	finQueued                       // Close was called: FIN follows the last byte
	used                            // has been open before
	flying                          // something is under way: it has a flight, which has its SND.UNA
)

// flight is what a connection needs while something of it is under way.
type flight struct {
	una      uint32 // SND.UNA of its connection
	queued   uint32 // bytes of the stream from una on that are ready, sent or not
	inFlight uint32 // sequence numbers from una to SND.NXT, SYN and FIN included
	most     uint32 // the same to the highest that was ever sent: after a time-out SND.NXT goes back
	due      uint32 // when the timer ends, in milliseconds
	timed    uint32 // a sequence number whose acknowledgement gives a round-trip time ...
	sent     uint32 // ... and when it was sent, in milliseconds
	slot     int32  // whose it is; -1: free
	cwnd     uint16 // congestion window, in segments
	ssthresh uint16 // slow-start threshold, in segments
	dups     uint8  // duplicate acknowledgements in a row
	tries    uint8  // time-outs in a row
	flags    flightFlags
}

type flightFlags uint8

const (
	timing  flightFlags = 1 << iota // timed and sent hold
	armed                           // due holds
	finSent                         // the FIN lies within inFlight
	probing                         // the peer's window is shut, and the timer probes it
)
