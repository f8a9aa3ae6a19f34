package result

import "math"

const (
	// minR2 is how well a line must fit for anything to be read off it.
	minR2 = 0.9
	// minSamples is how many points it must go through: any line goes through two.
	minSamples = 3
)

// Projection is what ten million connections need, bytes; 0 where the cost was
// not measured, or no line through it carries so far. It is what at_10m_bytes has,
// except in older files, which have a number in any case.
func (m *Memory) Projection() float64 {
	if !m.Measured() || m.TotalPerConn <= 0 || m.Fit.R2 < minR2 || m.Fit.Samples < minSamples {
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
