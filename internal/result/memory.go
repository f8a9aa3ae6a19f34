package result

import "math"

const (
	// minR2 is how well a line must fit for anything to be read off it.
	minR2 = 0.9
	// minSamples is how many points it must go through: any line goes through two.
	minSamples = 3
	// minConns and minGrowth are how many connections a line must go over, and how much
	// memory. What a process takes changes by about 1 MiB without any connection, as
	// its heap grows and is collected: that of two processes is a twentieth of 40 MiB,
	// and what a thousand connections take is hardly more than it. Who has less beside
	// a connection (a client without sockets) needs more of them, who has TLS fewer.
	minConns  = 1000
	minGrowth = 40 << 20
)

// Carries says whether what a run measured holds beyond it: whether ten million
// connections may be told from it, and its parts be held against each other. It is
// the one gate of every form of a report.
func (m *Memory) Carries() bool {
	return m.Measured() && m.TotalPerConn > 0 && m.Fit.R2 >= minR2 && m.Fit.Samples >= minSamples && !m.FewConns()
}

// Projection is what ten million connections need, bytes; 0 where the cost was
// not measured, or does not carry so far. It is what at_10m_bytes has, except in
// older files, which have a number in any case.
func (m *Memory) Projection() float64 {
	if !m.Carries() {
		return 0
	}
	if m.At10M != nil {
		return *m.At10M
	}
	return m.TotalPerConn * 10e6
}

// FewSamples says whether that is for want of samples, and not for noise.
func (m *Memory) FewSamples() bool {
	return m.TotalPerConn > 0 && (m.Fit.R2 == 0 || m.Fit.Samples < minSamples)
}

// FewConns says whether it is for want of connections.
func (m *Memory) FewConns() bool { return float64(m.Over()) < m.leastConns() }

// Over is how many connections the line goes over. An older file does not say it;
// there it is that of the last sample of the ramp.
func (m *Memory) Over() int64 {
	n := m.Fit.Conns
	for _, s := range m.Samples {
		if m.Fit.Conns == 0 {
			n = max(n, s.Conns)
		}
	}
	return n
}

// leastConns is how many it must go over.
func (m *Memory) leastConns() float64 {
	if m.TotalPerConn <= 0 {
		return minConns
	}
	return max(minConns, minGrowth/m.TotalPerConn)
}

// Enough is a round number of connections that carries.
func (m *Memory) Enough() int64 {
	least := m.leastConns()
	round := math.Pow(10, math.Floor(math.Log10(least)))
	for _, step := range []float64{1, 2, 5} {
		if step*round >= least {
			return int64(step * round)
		}
	}
	return int64(10 * round)
}

// Returned is what share of the growth was given back once everything had closed;
// nil where it was not known, or does not stand out from what else happens on a
// machine.
type Returned struct{ Kernel, Server, Client, System *float64 }

// Returned works it out.
func (m *Memory) Returned() (r Returned) {
	b, h, a := m.Before, m.Held, m.After
	if b == nil || h == nil || a == nil || m.Withheld != nil {
		return r
	}
	r = Returned{
		Kernel: returned(b.Kernel, h.Kernel, a.Kernel),
		Client: returned(b.Client, h.Client, a.Client),
		System: returned(b.System, h.System, a.System),
	}
	if b.Server != nil && h.Server != nil && a.Server != nil {
		r.Server = returned(*b.Server, *h.Server, *a.Server)
	}
	return r
}

const (
	// leastGrowth is how much must have come for its return to be told from a heap
	// that breathes, bytes.
	leastGrowth = 1 << 20
	// mostReturned is more than can have come back: something else gave memory, too.
	mostReturned = 1.05
)

func returned(before, held, after uint64) *float64 {
	if held < before || held-before < leastGrowth {
		return nil
	}
	share := math.Max(0, (float64(held)-float64(after))/(float64(held)-float64(before)))
	if share > mostReturned {
		return nil
	}
	return &share
}
