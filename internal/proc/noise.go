package proc

import (
	"math"

	"github.com/c10m/c10m/internal/result"
)

const (
	// minR2 is how well the line must fit to be told from noise.
	minR2 = 0.9
	// maxNegative is how far below nothing a part may be, as a share of the total.
	// A few kilobytes of a small run are the normal variation of a heap.
	maxNegative = 0.05
	// leastSockets is what share of the ends the kernel must have counted as they
	// came: with fewer, others close so many of theirs meanwhile that what came
	// and what went cannot be told apart.
	leastSockets = 0.5
	// Where all of the machine's memory is looked at, everything that happens on
	// it is in the figures: fewer counts than memPoints do not tell a slope from a
	// drift, nor does one whose 95 % interval is wider than memInterval to either
	// side, or that lies further than memPlain from the plain difference.
	memPoints   = 8
	memInterval = 0.1
	memPlain    = 0.25
)

// noise says why a cost does not stand out from what else happens on the machine,
// and how many connections would make it; nil if it does.
func (s Series) noise(f fitter, m result.Memory) *result.Warning {
	why, noisy := s.whyNoise(m)
	if !noisy {
		return nil
	}
	why = why.Count("enough", s.enough(f, m))
	if m.Method == MethodMem {
		why = why.Word("without", slabinfo).Word("or", "root")
	}
	return &why
}

// slabinfo is what only root may read.
const slabinfo = "/proc/slabinfo"

func (s Series) whyNoise(m result.Memory) (why result.Warning, noisy bool) {
	least := maxNegative * math.Abs(m.TotalPerConn)
	if m.Method == MethodMem {
		least = 0
	}
	below := result.Warn("noisy_below_nothing")
	isBelow := func(perConn *float64) bool { return perConn != nil && *perConn < -least }
	if isBelow(&m.KernelPerConn) {
		below = below.Number("kernel_bytes_per_conn", m.KernelPerConn)
	}
	if isBelow(m.ClientPerConn) {
		below = below.Number("client_bytes_per_conn", *m.ClientPerConn)
	}
	if isBelow(m.ServerPerConn) {
		below = below.Number("server_bytes_per_conn", *m.ServerPerConn)
	}
	foreign := s.foreignSockets()
	switch {
	case m.Method == MethodMem && foreign > 0:
		return result.Warn("noisy_foreign_sockets").Count("foreign", foreign), true
	case m.Method == MethodSlab && (m.SocketsPerConn == nil || *m.SocketsPerConn < leastSockets*s.ends()):
		return result.Warn("noisy_sockets_unseen"), true
	case len(below.Numbers) > 0:
		return below, true
	case m.TotalPerConn <= 0 || m.KernelPerConn <= 0:
		return result.Warn("noisy_nothing"), true
	case m.Fit.Samples >= minPoints && m.Fit.R2 < minR2:
		return result.Warn("noisy_fit").Count("conns", s.Held.Conns).Count("samples", int64(m.Fit.Samples)).
			Number("r2", m.Fit.R2), true
	case m.Method != MethodMem:
		return why, false
	case m.Fit.Samples < memPoints:
		return result.Warn("noisy_few_samples").Count("samples", int64(m.Fit.Samples)), true
	case interval(m.Fit) > memInterval:
		return result.Warn("noisy_slope").Number("interval_share", interval(m.Fit)), true
	case math.Abs(m.Plain.Total-m.TotalPerConn) > memPlain*m.TotalPerConn:
		return result.Warn("noisy_difference").Number("slope_bytes_per_conn", m.TotalPerConn).
			Number("plain_bytes_per_conn", m.Plain.Total), true
	}
	return why, false
}

// breath is by how much a process's memory changes without any connection: a heap
// that grows and is collected, pages of its program that others have as well.
const breath = 1 << 20

// tell replaces what the processes take by what it is less than, where it does not
// stand out from their breath. The total still has it, unless it is below nothing,
// which nobody takes. What ten million connections need is told of a total that
// carries so far.
func (s Series) tell(m *result.Memory) {
	least := breath / float64(s.Held.Conns-s.Before.Conns)
	told := func(cost *float64) (told, below *float64) {
		if cost == nil || *cost >= least {
			return cost, nil
		}
		m.TotalPerConn -= min(*cost, 0)
		bound := max(least, -*cost)
		return nil, &bound
	}
	m.ServerPerConn, m.ServerBelow = told(m.ServerPerConn)
	m.ClientPerConn, m.ClientBelow = told(m.ClientPerConn)
	plain := func(cost *float64) *float64 {
		if cost == nil || *cost >= least {
			return cost
		}
		m.Plain.Total -= min(*cost, 0)
		return nil
	}
	m.Plain.Server, m.Plain.Client = plain(m.Plain.Server), plain(m.Plain.Client)
	if m.Carries() {
		at := m.TotalPerConn * 10e6
		m.At10M = &at
	}
}

// interval is half the 95 % interval of a fitted slope as a share of the slope:
// twice its standard error, which for least squares is slope x sqrt((1/r² - 1)/(n - 2)).
func interval(f result.Fit) float64 {
	if f.Samples < minPoints || f.R2 <= 0 {
		return math.Inf(1)
	}
	return 2 * math.Sqrt((1/f.R2-1)/float64(f.Samples-2))
}

const (
	// endBytes is about what one end of a connection takes of the kernel.
	endBytes = 4000
	// small is how much of the cost the noise may be.
	small = 0.05
	// leastConns is what any advice begins at.
	leastConns = 10_000
	// usualRate is what a ramp makes a second where it was over before it was seen.
	usualRate = 50_000
)

// enough is about how many connections would stand out from the noise that this
// run has seen: a round number, at least twice as many as it had.
func (s Series) enough(f fitter, m result.Memory) int64 {
	n, cost := float64(s.Held.Conns), endBytes*s.ends()
	noise := 2 * f.scatter(Snapshot.total)
	for _, part := range []float64{m.KernelPerConn, *m.ClientPerConn, m.TotalPerConn, m.Plain.Total} {
		noise = max(noise, -part*n)
	}
	if m.ServerPerConn != nil {
		noise = max(noise, -*m.ServerPerConn*n)
	}
	want := max(noise/(small*cost), 2*n, leastConns)
	if m.Method == MethodMem { // as many samples as it takes, at the rate of this ramp
		want = max(want, s.rate()*memPoints*sampleEvery.Seconds())
	}
	round := math.Pow(10, math.Floor(math.Log10(want)))
	for _, step := range []float64{1, 2, 5, 10} {
		if step*round >= want {
			return int64(step * round)
		}
	}
	return int64(want)
}

// rate is how many connections a second came.
func (s Series) rate() float64 {
	if n := len(s.Ramp); n > 0 && s.Ramp[n-1].T > 0 {
		return float64(s.Ramp[n-1].Conns) / s.Ramp[n-1].T
	}
	return usualRate
}
