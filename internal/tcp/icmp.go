package tcp

// Unreachable is an ICMP error that says that a slot's peer cannot be reached;
// seq is the sequence number that it quotes. It ends a connection that is not
// established yet. Later it is taken for a passing trouble, so that nobody can
// end connections with forged errors: RFC 5927 section 5.
func (s *Stack) Unreachable(slot int, seq uint32) {
	c := &s.conns[slot]
	if c.state != SynSent && c.state != SynReceived || seq != s.una(c) {
		s.Counts.Strange++
		return
	}
	s.end(slot, c, Unreachable)
}

// TooBig is an ICMP error that says that a segment did not fit through; mss is
// what fits, the MTU less headers. It must quote something that is in flight
// (RFC 5927 section 7), and goes for all connections of the Stack.
func (s *Stack) TooBig(slot int, seq uint32, mss uint32) {
	c := &s.conns[slot]
	f := s.flightOf(c)
	if f == nil || !c.state.synchronized() || !within(seq, f.una, max(1, f.most)) || mss >= s.mss {
		s.Counts.Strange++
		return
	}
	s.lowerMSS(mss)
	f.flags &^= timing | finSent
	f.inFlight = 0
	s.push(slot, c, f)
}
