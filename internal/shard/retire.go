package shard

import "time"

// Workers that a burst needed are ended when they are needed no longer. A process that
// holds nothing still takes megabytes, and after a million connections there may be
// dozens of them.

const (
	// retireAfter is how long fewer workers must have been enough: the next burst should
	// find those of the last one.
	retireAfter = 10 * time.Second
	// They are enough while at most one part in spareOf of their room is taken: less than
	// what starts another, at any rate of new connections (fullPart, mostAhead).
	spareOf = 4
	// retireTime is what leaveTime is to a worker that is replaced. Nothing hurries, and
	// a handshake of which a packet was lost takes a second more.
	retireTime = 3 * time.Second
)

// retire ends workers that are not needed, one after the other, but none of the First.
// They are the last of the order, because then no socket of another worker changes its
// place in its SO_REUSEPORT group, and the distribution in force stays right: first they
// get no more connections, and each ends once it has none and all after it have ended.
// It is called while no distribution is being attached.
func (s *Supervisor) retire(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.recycling != nil || s.order.unknown || s.undealt || s.starting() > 0 {
		s.keepSpare()
		return
	}
	list := s.order.workers
	stay := s.needs()
	if stay >= len(list) {
		s.keepSpare()
		return
	}
	if s.spareSince.IsZero() {
		s.spareSince = now
	}
	last := list[len(list)-1]
	switch m := &s.members[last]; {
	case s.spare() == 0 && now.Sub(s.spareSince) >= retireAfter:
		for _, i := range list[stay:] {
			s.members[i].spare = true
			s.members[i].leave()
		}
		s.stale = true
	case s.spare() > 0 && !m.spare: // one has crashed, and the order has changed
		s.keepSpare()
	case m.spare && !m.told && s.mayEnd(last, now, retireTime):
		m.told = true
		m.stop()
	}
}

// leave takes a worker out of the next distribution.
func (m *member) leave() { m.leaving, m.left = true, time.Time{} }

// mayEnd says whether a worker that is leaving has no connection any more, neither its
// own nor on the way to it, after so long a time.
func (s *Supervisor) mayEnd(i int, now time.Time, least time.Duration) bool {
	left := s.members[i].left
	return !left.IsZero() && now.Sub(left) >= least && s.room(i) == s.Limit
}

// needs is how many workers are enough for what is open now, with room to spare.
func (s *Supervisor) needs() int {
	most := max(1, s.Limit/spareOf)
	return max(s.First, int((s.open()+most-1)/most))
}

// spare is how many workers are being retired.
func (s *Supervisor) spare() (n int) {
	for i := range s.Page.Workers() {
		if s.members[i].spare {
			n++
		}
	}
	return n
}

// keepSpare takes back into the distribution the workers that are being retired, but
// for one that has been told to end. It says whether there were any.
func (s *Supervisor) keepSpare() (any bool) {
	s.spareSince = time.Time{}
	for i := range s.Page.Workers() {
		if m := &s.members[i]; m.spare && !m.told {
			m.leaving, m.spare, any = false, false, true
		}
	}
	s.stale = s.stale || any
	return any
}
