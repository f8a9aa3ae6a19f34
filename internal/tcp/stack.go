package tcp

// Window is the receive window that every segment offers: the most that there
// is without window scale. What arrives is handed on at once, so it is never
// smaller.
const Window = 65535

// DefaultMSS is what a peer takes that does not say, RFC 9293 section 3.7.1.
const DefaultMSS = 536

// initialWindow is the congestion window of a new flight, in segments, RFC 6928.
const initialWindow = 10

// giveUp is after how many time-outs in a row a connection counts as dead: with
// doubled time-outs from 200 ms to 60 s that is 9 minutes, more than the 100 s
// of RFC 9293 section 3.8.3 (R2). Linux repeats as often (tcp_retries2).
const giveUp = 15

// Output takes the segments to send. A segment that it cannot take is lost, and
// is repeated like any other.
type Output interface {
	Transmit(slot int, s Out)
}

// Events are told what happens to connections. They may call the Stack, but not
// open the slot that they are told of.
type Events interface {
	// Established is a connection that can send and receive.
	Established(slot int)
	// Data is the next bytes of the peer's stream, each exactly once. They are
	// part of the segment that was given to Input.
	Data(slot int, b []byte)
	// Acked says that n more bytes of our stream have arrived.
	Acked(slot int, n uint32)
	// End is the end of the peer's stream: its FIN. Close answers it.
	End(slot int)
	// Closed is a connection that is over, and the state that it was in; the slot
	// may be opened again.
	Closed(slot int, why Cause, was State)
}

// Cause is why a connection is over.
type Cause uint8

// The causes.
const (
	Finished    Cause = iota // both sides have closed
	Refused                  // RST in answer to our SYN
	Reset                    // RST later
	TimedOut                 // no acknowledgement after giveUp repeats
	Unreachable              // ICMP said that it cannot be reached, before it was established
)

func (c Cause) String() string {
	return [...]string{"finished", "refused", "reset", "timed out", "unreachable"}[c]
}

// Config is what a Stack needs to know.
type Config struct {
	Output Output
	Events Events
	// ISN gives the initial sequence number of a slot; it is asked again whenever
	// a place in the stream is worked out, and must not change while the slot is
	// not closed.
	ISN func(slot int) uint32
	MSS uint16 // what our own side can receive in one segment: MTU less headers
}

// Counts is what a Stack counted.
type Counts struct {
	Repeated   int64 // segments that were sent again, SYN and FIN included
	Probes     int64 // of windows that were shut
	Duplicates int64 // segments that had come before, keepalive probes included
	Gaps       int64 // segments beyond a gap
	Challenges int64 // segments that RFC 5961 has answered with a challenge ACK
	Strange    int64 // segments that belong to no connection
	Withheld   int64 // answers that were not sent because too many were asked for
}

// Stack is the connections of one thread. Its methods are for that thread only.
type Stack struct {
	Counts Counts

	cfg     Config
	conns   []Conn
	flights []flight // flights[0] is never used
	free    []uint32
	now     uint32 // milliseconds, of the last Sweep
	rtt     rtt
	mss     uint32  // what may be sent in one segment: the least that anybody told us
	acks    []int32 // slots that may owe an acknowledgement
	answers int     // to segments that nobody should send, left until the next Sweep
}

// answersPerSweep bounds how many such answers are sent between two sweeps, so
// that two stacks that disagree cannot answer each other for ever, and nobody
// can have us flood a third (RFC 5961 section 7).
const answersPerSweep = 1000

// New is a stack over conns, which the caller may have taken from outside the
// Go heap. All its connections are closed.
func New(cfg Config, conns []Conn) *Stack {
	return &Stack{cfg: cfg, conns: conns, flights: make([]flight, 1), mss: uint32(cfg.MSS), answers: answersPerSweep}
}

// State is the state of a slot's connection.
func (s *Stack) State(slot int) State { return s.conns[slot].state }

// UnderWay is how many connections are not idle: they have a handshake, data or
// a FIN that is not acknowledged.
func (s *Stack) UnderWay() int { return len(s.flights) - 1 - len(s.free) }

// Unacked is how many bytes of a slot's stream have not been acknowledged.
func (s *Stack) Unacked(slot int) uint32 {
	if f := s.flightOf(&s.conns[slot]); f != nil {
		return f.queued
	}
	return 0
}

// Used says whether a slot has been open before.
func (s *Stack) Used(slot int) bool { return s.conns[slot].flags&used != 0 }

// Sends says whether a slot's connection takes data.
func (s *Stack) Sends(slot int) bool {
	c := &s.conns[slot]
	return c.state.sends() && c.flags&finQueued == 0
}

// Flight is a number that belongs to a slot alone while something of it is under
// way, and makes sure that it has one: the least that are free are taken. The
// owner may keep what it needs to render the slot's stream by it.
func (s *Stack) Flight(slot int) int {
	c := &s.conns[slot]
	s.take(slot, c)
	return int(c.una)
}

// Offset is where in the slot's stream the first byte lies that is not
// acknowledged.
func (s *Stack) Offset(slot int) uint32 { return s.offset(slot, &s.conns[slot]) }

// Open begins a connection: it sends SYN. The slot must be closed.
func (s *Stack) Open(slot int) {
	c := &s.conns[slot]
	*c = Conn{una: s.cfg.ISN(slot), state: SynSent, flags: used}
	f := s.take(slot, c)
	f.inFlight = 1
	f.most = 1
	s.time(f, f.una)
	s.armSYN(f)
	s.sendSYN(slot, c, SYN)
}

// Send says that n more bytes of the slot's stream are ready, and sends what
// the windows allow. It tells whether the connection takes data.
func (s *Stack) Send(slot int, n uint32) bool {
	if !s.Sends(slot) {
		return false
	}
	c := &s.conns[slot]
	f := s.take(slot, c)
	f.queued += n
	s.push(slot, c, f)
	return true
}

// Close ends our side of a connection: FIN follows what is ready. One that is
// not established yet is dropped.
func (s *Stack) Close(slot int) {
	c := &s.conns[slot]
	switch {
	case c.state == SynSent || c.state == SynReceived:
		s.Abort(slot)
		return
	case !c.state.sends() || c.flags&finQueued != 0:
		return
	}
	c.flags |= finQueued
	if c.state == Established {
		c.state = FinWait1
	} else {
		c.state = LastAck
	}
	s.push(slot, c, s.take(slot, c))
}

// Abort ends a connection with RST at once. Events are not told: it is the
// caller who knows. A peer that has not seen all we sent answers the RST with a
// challenge ACK (RFC 5961), which Input answers with another RST.
func (s *Stack) Abort(slot int) {
	c := &s.conns[slot]
	switch {
	case c.state == Closed:
		return
	case c.state == SynSent:
		// Nothing is known of the other side; its SYN-ACK will be answered.
	case c.state != TimeWait:
		s.transmit(slot, Out{Seq: s.next(c), Ack: c.rcv, Flags: RST | ACK, Window: 0})
	}
	s.drop(slot, c)
}

// Flush acknowledges what was taken since the last Flush and not acknowledged
// by data meanwhile.
func (s *Stack) Flush() {
	for _, slot := range s.acks {
		if c := &s.conns[slot]; c.flags&owesAck != 0 {
			s.sendACK(int(slot), c)
		}
	}
	s.acks = s.acks[:0]
}

// transmit hands a segment to the owner.
func (s *Stack) transmit(slot int, o Out) { s.cfg.Output.Transmit(slot, o) }

func (s *Stack) sendSYN(slot int, c *Conn, flags Flags) {
	o := Out{Seq: s.una(c), Flags: flags, Window: Window, MSS: s.cfg.MSS}
	if flags&ACK != 0 {
		o.Ack = c.rcv
	}
	s.transmit(slot, o)
}

// sendACK sends <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>.
func (s *Stack) sendACK(slot int, c *Conn) {
	c.flags &^= owesAck
	s.transmit(slot, Out{Seq: s.next(c), Ack: c.rcv, Flags: ACK, Window: Window})
}

// answer is sendACK for a segment that a peer that agrees with us would not
// have sent: as many as are left until the next Sweep.
func (s *Stack) answer(slot int, c *Conn) {
	if s.answers == 0 {
		s.Counts.Withheld++
		return
	}
	s.answers--
	s.sendACK(slot, c)
}

// owe notes that the connection owes an acknowledgement, until Flush.
func (s *Stack) owe(slot int, c *Conn) {
	if c.flags&owesAck == 0 {
		c.flags |= owesAck
		s.acks = append(s.acks, int32(slot))
	}
}

// flightOf is what a connection has under way; nil if it is idle.
func (s *Stack) flightOf(c *Conn) *flight {
	if c.flags&flying == 0 {
		return nil
	}
	return &s.flights[c.una]
}

// una is SND.UNA.
func (s *Stack) una(c *Conn) uint32 {
	if f := s.flightOf(c); f != nil {
		return f.una
	}
	return c.una
}

// next is SND.NXT, as far as it ever was.
func (s *Stack) next(c *Conn) uint32 { return s.una(c) + s.sentOf(c) }

// sentOf is how far SND.NXT is from SND.UNA.
func (s *Stack) sentOf(c *Conn) uint32 {
	if f := s.flightOf(c); f != nil {
		return max(f.inFlight, f.most)
	}
	return 0
}

// take gives a connection a flight, or the one that it has. It is valid until
// the next take.
func (s *Stack) take(slot int, c *Conn) *flight {
	if c.flags&flying == 0 {
		at := uint32(len(s.flights))
		if n := len(s.free); n > 0 {
			at, s.free = s.free[n-1], s.free[:n-1]
		} else {
			s.flights = append(s.flights, flight{})
		}
		s.flights[at] = flight{una: c.una, slot: int32(slot), cwnd: initialWindow, ssthresh: Window / DefaultMSS}
		c.una, c.flags = at, c.flags|flying
	}
	return &s.flights[c.una]
}

// giveBack returns a connection's flight to the pool.
func (s *Stack) giveBack(c *Conn) {
	f := s.flightOf(c)
	if f == nil {
		return
	}
	s.free = append(s.free, c.una)
	c.una, c.flags = f.una, c.flags&^flying
	f.slot, f.flags = -1, 0
	if len(s.free) == len(s.flights)-1 && cap(s.flights) > 1<<16 {
		s.flights, s.free = make([]flight, 1), nil // a burst is over: give its memory back
	}
}

// drop forgets a connection.
func (s *Stack) drop(slot int, c *Conn) {
	s.giveBack(c)
	*c = Conn{flags: used}
}

// end drops a connection and tells its owner.
func (s *Stack) end(slot int, c *Conn, why Cause) {
	was := c.state
	s.drop(slot, c)
	s.cfg.Events.Closed(slot, why, was)
}
