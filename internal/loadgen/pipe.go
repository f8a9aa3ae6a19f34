package loadgen

// pipe is what a connection needs beside its conn when several of its messages
// are under way: echoes come in the order of the messages.
type pipe struct {
	first uint32 // the oldest message that is not answered
}

// room says whether a connection can begin another message: it has fewer than
// Depth under way, and the last is written whole.
func (l *loop) room(slot int64, c *conn) bool {
	if !c.busy {
		return true
	}
	return l.ex.pipes != nil && l.underWay(slot, c) < l.ex.Depth && l.written(slot, c)
}

// underWay is how many messages of a connection are.
func (l *loop) underWay(slot int64, c *conn) int {
	switch {
	case !c.busy:
		return 0
	case l.ex.pipes == nil:
		return 1
	}
	return int(c.seq - l.ex.pipes[slot].first + 1)
}

// began notes when message c.seq should have been sent.
func (l *loop) began(slot int64, c *conn, intended uint32) {
	x := &l.ex
	c.t = intended
	if x.pipes == nil {
		return
	}
	if c.seq == 1 {
		x.pipes[slot].first = 1
	}
	x.times[int(slot)*x.Depth+int(c.seq)%x.Depth] = intended
}

// awaited is the message whose echo comes next.
func (l *loop) awaited(slot int64, c *conn) uint32 {
	if l.ex.pipes == nil {
		return c.seq
	}
	return l.ex.pipes[slot].first
}

// answered takes the awaited message off the connection.
func (l *loop) answered(slot int64, c *conn) (seq, intended uint32) {
	x := &l.ex
	if x.pipes == nil {
		c.busy, c.sent = false, 0
		return c.seq, c.t
	}
	p := &x.pipes[slot]
	seq = p.first
	intended = x.times[int(slot)*x.Depth+int(seq)%x.Depth]
	p.first++
	c.recv = 0
	if seq == c.seq {
		c.busy, c.sent, c.t = false, 0, intended
	}
	return seq, intended
}
