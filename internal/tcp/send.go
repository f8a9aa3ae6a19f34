package tcp

// data is how many of the sequence numbers in flight are bytes of the stream.
func (f *flight) data() uint32 {
	if f.flags&finSent != 0 {
		return f.inFlight - 1
	}
	return f.inFlight
}

// done says whether nothing is left to send or to be acknowledged.
func (f *flight) done() bool { return f.queued == 0 && f.inFlight == 0 && f.most == 0 }

// room is how many bytes may be sent now, by the peer's window and ours.
func (s *Stack) room(c *Conn, f *flight) uint32 {
	most := min(uint32(c.wnd), uint32(f.cwnd)*s.mss)
	return most - min(most, f.inFlight)
}

// push sends what the windows allow of what is ready, and FIN after the last
// byte.
func (s *Stack) push(slot int, c *Conn, f *flight) {
	for f.flags&finSent == 0 {
		ready := f.queued - f.inFlight
		n := min(ready, s.room(c, f), s.mss)
		last := n == ready && c.flags&finQueued != 0
		switch {
		case n == 0 && !last:
			s.await(c, f)
			return
		// Silly windows, RFC 9293 section 3.8.6.2.1: a small piece waits while the
		// window cuts it short and something is in flight that will open it.
		case n < ready && n < s.mss && f.inFlight > 0:
			return
		}
		s.sendData(slot, c, f, n, last)
	}
}

// await arms the timer of a connection that cannot send: with nothing in flight
// only a probe finds out that the window has opened, RFC 9293 section 3.8.6.1.
func (s *Stack) await(c *Conn, f *flight) {
	if f.queued > 0 && f.inFlight == 0 && f.flags&armed == 0 {
		f.flags |= probing
		s.arm(f)
	}
}

// sendData sends the next n bytes, and FIN with them where last is set.
func (s *Stack) sendData(slot int, c *Conn, f *flight, n uint32, last bool) {
	o := Out{Seq: f.una + f.inFlight, Ack: c.rcv, Flags: ACK, Window: Window, Offset: s.offset(slot, c) + f.inFlight,
		Len: int(n)}
	if n > 0 && f.inFlight+n == f.queued {
		o.Flags |= PSH
	}
	f.inFlight += n
	if last {
		o.Flags |= FIN
		f.inFlight++
		f.flags |= finSent
	}
	repeat := f.most >= f.inFlight
	if repeat {
		s.Counts.Repeated++
	} else {
		f.most = f.inFlight
		s.time(f, f.una+f.inFlight)
	}
	c.flags &^= owesAck
	if f.flags&armed == 0 || f.flags&probing != 0 {
		f.flags &^= probing
		s.arm(f)
	}
	s.transmit(slot, o)
}

// offset is the place of SND.UNA in the stream: the SYN came before its first byte.
func (s *Stack) offset(slot int, c *Conn) uint32 { return s.una(c) - s.cfg.ISN(slot) - 1 }

// repeatFirst sends the oldest segment in flight again.
func (s *Stack) repeatFirst(slot int, c *Conn, f *flight) {
	s.Counts.Repeated++
	f.flags &^= timing // Karn: its acknowledgement says nothing of a round trip
	switch c.state {
	case SynSent:
		s.sendSYN(slot, c, SYN)
		return
	case SynReceived:
		s.sendSYN(slot, c, SYN|ACK)
		return
	}
	n := min(f.data(), s.mss)
	o := Out{Seq: f.una, Ack: c.rcv, Flags: ACK, Window: Window, Offset: s.offset(slot, c), Len: int(n)}
	if f.flags&finSent != 0 && n == f.data() {
		o.Flags |= FIN
	}
	if n > 0 && n == f.queued {
		o.Flags |= PSH
	}
	c.flags &^= owesAck
	s.transmit(slot, o)
}

// time begins to measure a round trip, unless one is being measured.
func (s *Stack) time(f *flight, until uint32) {
	if f.flags&timing == 0 {
		f.flags |= timing
		f.timed, f.sent = until, s.now
	}
}

// arm restarts the timer.
func (s *Stack) arm(f *flight) {
	f.flags |= armed
	f.due = s.now + s.rtt.timeout(f.tries)
}

// armSYN starts the timer of a handshake, whose first time-out is 1 s whatever
// is known of other connections (RFC 6298 section 2.1): a server that is busy
// accepting is not helped by more SYNs.
func (s *Stack) armSYN(f *flight) {
	f.flags |= armed
	f.due = s.now + (&rtt{}).timeout(f.tries)
}

// Sweep takes the time, in milliseconds, modulo 2^32, and does what is due. Ten
// to a hundred calls a second do; each looks at what is under way, not at idle
// connections. The first one tells a new Stack what time it is.
func (s *Stack) Sweep(now uint32) {
	s.now = now
	s.answers = answersPerSweep
	for i := 1; i < len(s.flights); i++ {
		f := &s.flights[i]
		if f.flags&armed != 0 && !before(now, f.due) {
			slot := int(f.slot)
			s.expired(slot, &s.conns[slot], f)
		}
	}
}

// expired is the end of a connection's timer.
func (s *Stack) expired(slot int, c *Conn, f *flight) {
	if f.tries >= giveUp {
		s.end(slot, c, TimedOut)
		return
	}
	f.tries++
	if !c.state.synchronized() {
		s.armSYN(f)
		s.repeatFirst(slot, c, f)
		return
	}
	s.arm(f)
	if f.flags&probing != 0 {
		s.probe(slot, c, f)
		return
	}
	// RFC 5681 section 3.1, and go back: what is beyond the first segment goes
	// again as acknowledgements make room for it.
	f.ssthresh = max(2, uint16(f.inFlight/s.mss)/2)
	f.cwnd, f.dups = 1, 0
	f.flags &^= timing | finSent
	f.inFlight = 0
	if c.wnd == 0 && f.queued > 0 {
		s.probe(slot, c, f)
		return
	}
	s.push(slot, c, f)
}

// probe sends one byte beyond a window that is shut. The peer may take it, so
// its acknowledgement is one of something sent.
func (s *Stack) probe(slot int, c *Conn, f *flight) {
	s.Counts.Probes++
	f.flags |= probing
	f.flags &^= timing
	f.most = max(f.most, 1)
	s.transmit(slot, Out{Seq: f.una, Ack: c.rcv, Flags: ACK | PSH, Window: Window, Offset: s.offset(slot, c), Len: 1})
}
