package echo

import "sync/atomic"

// Budget bounds what is kept for peers by all loops of all engines that share it:
// output that they do not read, parts of frames and messages, handshakes. It holds
// no pointers: it lies in memory shared between processes.
type Budget struct {
	Size atomic.Int64 // bytes that may be kept
	Used atomic.Int64 // bytes that are
}

// left is what may still be kept.
func (b *Budget) left() int64 { return max(0, b.Size.Load()-b.Used.Load()) }

// overdrawn says whether more is kept than may be.
func (b *Budget) overdrawn() bool { return b.Used.Load() > b.Size.Load() }

// One part in portion of what is left of the budget may wait for one peer; above that
// nothing more is read from it. With a quarter, n slow peers together take n/(n+4) of
// the budget, so they never use it up, however many they are.
const portion = 4

// most is how many bytes may wait for one peer now.
func (l *Loop) most() int {
	return int(min(int64(l.core.MaxOutbound), l.core.Budget.left()/portion))
}

// charge updates the budget by what s keeps.
func (l *Loop) charge(s *Session, now int64) {
	if d := now - s.charged; d != 0 {
		s.charged = now
		l.used += d
		l.core.charge(d)
	}
}

func (c *Core) charge(d int64) {
	c.Budget.Used.Add(d)
	c.ctr.Buffered.Add(d)
}

// shed ends connections of this loop while the budget is overdrawn and this loop uses
// more than its equal share of it: so at least one loop sheds, and one that keeps
// little never does. First go connections with output that their peers do not read,
// those first that have taken nothing for longest; then those in the middle of a
// handshake or message, the oldest first; of both only those that keep at least the
// average. shed does not call Conns.Turn for at, the connection that is being handled:
// it returns true if at has to go.
func (l *Loop) shed(at *Session) (self bool) {
	fair := func() bool { return l.used <= l.core.Budget.Size.Load()/int64(l.core.Sharers) }
	for ended := true; ended && l.core.Budget.overdrawn() && !fair(); {
		ended = false
		mean := l.used / int64(max(1, l.waiting.n+l.partial.n))
		for _, from := range []*list{&l.waiting, &l.partial} {
			for s := from.first; s != nil && l.core.Budget.overdrawn() && !fair(); {
				victim := s
				s = s.links[from.kind].next
				if victim.charged < mean {
					continue
				}
				l.ctr.Causes[OverBudget].Add(1)
				if victim == at {
					return true
				}
				ended = true
				l.conns.Turn(victim, Abort)
			}
		}
	}
	return false
}
