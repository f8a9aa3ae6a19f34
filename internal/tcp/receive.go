package tcp

// Input takes up a segment that came for a slot, RFC 9293 section 3.10.7.
func (s *Stack) Input(slot int, g Segment) {
	c := &s.conns[slot]
	switch {
	case c.state == Closed:
		s.Stray(slot, g)
	case c.state == SynSent:
		s.answered(slot, c, g)
	case s.acceptable(slot, c, &g) && s.checked(slot, c, &g) && s.acknowledges(slot, c, &g):
		s.receive(slot, c, g)
	}
}

// Stray answers a segment of no connection with RST, section 3.10.7.1, so that
// the peer of a connection that is gone forgets it too. The slot only says
// where the answer goes.
func (s *Stack) Stray(slot int, g Segment) {
	s.Counts.Strange++
	switch {
	case g.Flags&RST != 0:
	case s.answers == 0:
		s.Counts.Withheld++
	case g.Flags&ACK != 0:
		s.answers--
		s.transmit(slot, Out{Seq: g.Ack, Flags: RST})
	default:
		s.answers--
		s.transmit(slot, Out{Ack: g.Seq + g.size(), Flags: RST | ACK})
	}
}

// answered is an answer to our SYN, section 3.10.7.3.
func (s *Stack) answered(slot int, c *Conn, g Segment) {
	ours := g.Flags&ACK != 0 && g.Ack == s.una(c)+1
	switch {
	case g.Flags&ACK != 0 && !ours:
		s.Stray(slot, g) // of an older connection of the same ports: RST clears it
		return
	case g.Flags&RST != 0:
		if ours {
			s.end(slot, c, Refused)
		}
		return
	case g.Flags&SYN == 0:
		return
	}
	mss := uint32(g.MSS)
	if mss == 0 {
		mss = DefaultMSS
	}
	s.lowerMSS(mss)
	c.rcv = g.Seq + 1 // bytes that came with it will come again
	c.wnd = g.Window
	if !ours { // simultaneous open, section 3.5
		c.state = SynReceived
		s.sendSYN(slot, c, SYN|ACK)
		return
	}
	c.state = Established
	f := s.flightOf(c)
	s.measure(f, g.Ack)
	f.una = g.Ack
	s.giveBack(c)
	s.owe(slot, c)
	s.cfg.Events.Established(slot)
}

// leastMSS keeps a peer from having us send its data in crumbs; Linux takes as
// much (TCP_MIN_MSS, less the options that we do not send).
const leastMSS = 88

// lowerMSS keeps the least size of a segment that anybody asked for.
func (s *Stack) lowerMSS(mss uint32) { s.mss = max(leastMSS, min(s.mss, mss)) }

// acceptable is the first check: does the segment lie in our window? What does
// not is answered with an acknowledgement, unless it is an RST: that is also the
// answer to a keepalive probe, which repeats the last sequence number, and to a
// SYN-ACK whose acknowledgement was lost.
func (s *Stack) acceptable(slot int, c *Conn, g *Segment) bool {
	n := g.size()
	if n == 0 && within(g.Seq, c.rcv, Window) {
		return true
	}
	if n > 0 && before(g.Seq, c.rcv+Window) && before(c.rcv, g.Seq+n) {
		return true
	}
	if g.Flags&RST != 0 {
		return false
	}
	s.Counts.Duplicates++
	if g.Seq == c.rcv-1 || n > 0 && before(g.Seq, c.rcv) {
		// A probe, or what came before: its sender waits for this answer, and each
		// of its segments is answered once.
		s.takeAck(slot, c, g)
		if c = &s.conns[slot]; c.state != Closed {
			s.sendACK(slot, c)
		}
		return false
	}
	s.answer(slot, c)
	return false
}

// takeAck takes up the acknowledgement of a segment whose bytes we have. Two
// that opened to each other at once learn from such a one that they are done.
func (s *Stack) takeAck(slot int, c *Conn, g *Segment) {
	if g.Flags&ACK != 0 && c.state != SynReceived {
		s.acknowledges(slot, c, g)
	} else if g.Flags&ACK != 0 && g.Flags&SYN != 0 && g.Ack == s.una(c)+1 {
		s.opened(slot, c, g)
	}
}

// opened ends the handshake of a simultaneous open.
func (s *Stack) opened(slot int, c *Conn, g *Segment) {
	f := s.flightOf(c)
	s.measure(f, g.Ack)
	f.una, c.state, c.wnd = g.Ack, Established, g.Window
	s.giveBack(c)
	s.cfg.Events.Established(slot)
}

// checked is the checks of RST and SYN, RFC 5961 sections 3 and 4: only an RST
// with exactly the expected sequence number is believed; of the others, and of
// a SYN, the peer is asked with a challenge ACK whether it meant it.
func (s *Stack) checked(slot int, c *Conn, g *Segment) bool {
	switch {
	case g.Flags&RST != 0 && g.Seq == c.rcv:
		s.reset(slot, c)
		return false
	case g.Flags&(RST|SYN) != 0:
		s.Counts.Challenges++
		s.answer(slot, c)
		return false
	}
	return true
}

// reset is an RST that is believed.
func (s *Stack) reset(slot int, c *Conn) {
	switch c.state {
	case SynReceived:
		s.end(slot, c, Refused)
	case Closing, LastAck:
		s.end(slot, c, Finished)
	case TimeWait: // its owner knows that it is over
		s.drop(slot, c)
	default:
		s.end(slot, c, Reset)
	}
}

// acknowledges takes up the acknowledgement and the window, section 3.10.7.4
// fifth step. It tells whether the segment goes on.
func (s *Stack) acknowledges(slot int, c *Conn, g *Segment) bool {
	if g.Flags&ACK == 0 {
		return false
	}
	if c.state == SynReceived {
		if g.Ack != s.una(c)+1 {
			s.Stray(slot, *g)
			return false
		}
		s.opened(slot, c, g)
		return s.conns[slot].state.synchronized()
	}
	una, most := s.una(c), s.sentOf(c)
	if g.Ack-una > most && una-g.Ack > Window {
		// It acknowledges what was never sent, or what is older than any window:
		// RFC 5961 section 5.
		s.Counts.Challenges++
		s.answer(slot, c)
		return false
	}
	f := s.flightOf(c)
	if g.Ack-una > most { // an old one
		return true
	}
	if f == nil {
		c.wnd = g.Window
		return true
	}
	if n := g.Ack - una; n > 0 {
		return s.advance(slot, c, f, g, n)
	}
	s.repeated(slot, c, f, g)
	return true
}

// advance is an acknowledgement of n more sequence numbers.
func (s *Stack) advance(slot int, c *Conn, f *flight, g *Segment, n uint32) bool {
	s.measure(f, g.Ack)
	f.una, c.wnd = g.Ack, g.Window
	bytes := min(n, f.queued)
	ended := n > bytes // our FIN
	f.queued -= bytes
	f.most -= n
	if f.inFlight >= n {
		f.inFlight -= n
	} else { // of what was sent before a time-out
		f.inFlight = 0
	}
	if ended {
		f.flags &^= finSent
	}
	f.tries, f.dups = 0, 0
	f.flags &^= probing
	if f.cwnd < f.ssthresh {
		f.cwnd++ // slow start, RFC 5681 section 3.1
	} else if uint32(f.cwnd)*s.mss < Window && n >= uint32(f.cwnd)*s.mss/2 {
		f.cwnd++
	}
	f.flags &^= armed
	if f.inFlight > 0 {
		s.arm(f)
	}
	if !ended {
		s.push(slot, c, f)
	}
	if f.done() {
		s.giveBack(c)
	}
	if bytes > 0 { // last of all: it may send, and f is not valid after that
		s.cfg.Events.Acked(slot, bytes)
	}
	if ended {
		s.finished(slot, c)
	}
	return c.state != Closed
}

// finished is the acknowledgement of our FIN.
func (s *Stack) finished(slot int, c *Conn) {
	switch c.state {
	case FinWait1:
		c.state = FinWait2
	case Closing:
		s.timeWait(slot, c)
	case LastAck:
		s.end(slot, c, Finished)
	}
}

// repeated is an acknowledgement of nothing new: a window that changes, or a
// sign that a segment was lost (RFC 5681 section 3.2).
func (s *Stack) repeated(slot int, c *Conn, f *flight, g *Segment) {
	shut := f.flags&probing != 0 || c.wnd == 0
	if shut {
		f.tries = min(f.tries, giveUp/2) // it answers: it is alive
	}
	if g.Window != c.wnd || len(g.Payload) > 0 || g.Flags&FIN != 0 {
		c.wnd = g.Window
		if shut && c.wnd > 0 {
			f.flags &^= probing | armed
			f.tries = 0
			if f.inFlight > 0 {
				s.arm(f)
			}
		}
		s.push(slot, c, f)
		return
	}
	if shut {
		return
	}
	if f.inFlight == 0 {
		return
	}
	if f.dups < 255 {
		f.dups++
	}
	if f.dups == 3 {
		f.ssthresh = max(2, uint16(f.inFlight/s.mss)/2)
		f.cwnd = f.ssthresh
		s.repeatFirst(slot, c, f)
		s.arm(f)
	}
}

// measure takes a round trip where the one that is timed has come to its end.
func (s *Stack) measure(f *flight, ack uint32) {
	if f.flags&timing != 0 && !before(ack, f.timed) {
		f.flags &^= timing
		if f.tries == 0 {
			s.rtt.sample(s.now - f.sent)
		}
	}
}

// receive takes up bytes and FIN, the seventh and eighth step.
func (s *Stack) receive(slot int, c *Conn, g Segment) {
	n := uint32(len(g.Payload))
	if n == 0 && g.Flags&FIN == 0 {
		return
	}
	if before(c.rcv, g.Seq) { // a gap: nothing of it is kept
		s.Counts.Gaps++
		s.sendACK(slot, c)
		return
	}
	if !c.state.receives() { // its FIN was before this
		s.owe(slot, c)
		return
	}
	have := c.rcv - g.Seq
	s.owe(slot, c)
	if have < n {
		c.rcv += n - have
		s.cfg.Events.Data(slot, g.Payload[have:])
		if c = &s.conns[slot]; c.state == Closed {
			return
		}
	}
	if g.Flags&FIN != 0 {
		c.rcv++
		s.ended(slot, c)
	}
}

// ended is the peer's FIN.
func (s *Stack) ended(slot int, c *Conn) {
	switch c.state {
	case Established:
		c.state = CloseWait
		s.cfg.Events.End(slot)
	case FinWait1: // at the same time as ours, which is not acknowledged yet
		c.state = Closing
		s.cfg.Events.End(slot)
	case FinWait2:
		s.cfg.Events.End(slot)
		if c = &s.conns[slot]; c.state == FinWait2 {
			s.timeWait(slot, c)
		}
	}
}

// timeWait is the end of a connection that we closed first. It needs no timer:
// the slot answers a repeated FIN until it is opened again, and nobody else
// uses its ports.
func (s *Stack) timeWait(slot int, c *Conn) {
	if c.flags&owesAck != 0 {
		s.sendACK(slot, c)
	}
	s.giveBack(c)
	was := c.state
	c.state = TimeWait
	s.cfg.Events.Closed(slot, Finished, was)
}
