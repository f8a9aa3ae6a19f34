package proc

import (
	"fmt"
	"math"
	"strings"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
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
// and what would make it; "" if it does.
func (s Series) noise(f fitter, m result.Memory) string {
	why := s.whyNoise(m)
	if why == "" {
		return ""
	}
	n := unit.Commas(s.enough(f, m))
	if m.Method == MethodMem {
		return fmt.Sprintf("too noisy without /proc/slabinfo: %s; it needs %s connections or root", why, n)
	}
	return fmt.Sprintf("too noisy: %s; it needs %s connections", why, n)
}

func (s Series) whyNoise(m result.Memory) string {
	least := maxNegative * math.Abs(m.TotalPerConn)
	if m.Method == MethodMem {
		least = 0
	}
	var below []string
	part := func(name string, perConn float64) {
		if perConn < -least {
			below = append(below, name+" "+unit.PerConn(perConn))
		}
	}
	part("kernel", m.KernelPerConn)
	part("client", *m.ClientPerConn)
	if m.ServerPerConn != nil {
		part("server", *m.ServerPerConn)
	}
	foreign := s.foreignSockets()
	switch {
	case m.Method == MethodMem && foreign > 0:
		return fmt.Sprintf("%s TCP sockets of this machine were not this run's, and their part cannot be told from its own", unit.Commas(foreign))
	case m.Method == MethodSlab && (m.SocketsPerConn == nil || *m.SocketsPerConn < leastSockets*s.ends()):
		return "the caches do not show the sockets that came: they are too few, or others on this machine closed as many"
	case len(below) > 0:
		return "a connection comes out at less than nothing (" + strings.Join(below, ", ") + ")"
	case m.TotalPerConn <= 0 || m.KernelPerConn <= 0:
		return "a connection comes out at nothing"
	case m.Fit.Samples >= minPoints && m.Fit.R2 < minR2:
		return fmt.Sprintf("%s connections do not stand out over %d samples (r² %.3f)", unit.Commas(s.Held.Conns), m.Fit.Samples, m.Fit.R2)
	case m.Method != MethodMem:
		return ""
	case m.Fit.Samples < memPoints:
		return fmt.Sprintf("memory was sampled at only %d different counts of connections", m.Fit.Samples)
	case interval(m.Fit) > memInterval:
		return fmt.Sprintf("the slope is known to ± %s only", unit.WholePercent(interval(m.Fit)))
	case math.Abs(m.Plain.Total-m.TotalPerConn) > memPlain*m.TotalPerConn:
		return fmt.Sprintf("the slope says %s a connection, the plain difference %s",
			unit.PerConn(m.TotalPerConn), unit.PerConn(m.Plain.Total))
	}
	return ""
}

// breath is by how much a process's memory changes without any connection: a heap
// that grows and is collected, pages of its program that others have as well.
const breath = 1 << 20

// tell replaces what the processes take by what it is less than, where it does not
// stand out from their breath. The total still has it, unless it is below nothing,
// which nobody takes.
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
	if m.At10M != nil {
		*m.At10M = m.TotalPerConn * 10e6
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
