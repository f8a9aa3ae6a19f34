// Package pace says how much should have been started by now. It is pure: the
// caller brings the clock.
package pace

import "time"

// Pacer gives the number of events due t after the start; it never decreases.
// Negative means no limit.
type Pacer interface {
	Due(t time.Duration) int64
}

// Max sets no limit: everything is due at once.
type Max struct{}

// Due is always without limit.
func (Max) Due(time.Duration) int64 { return -1 }

// Constant is a steady rate per second; the first event is due at once.
type Constant struct{ PerSecond float64 }

// Due counts the events up to t, the one at 0 included.
func (c Constant) Due(t time.Duration) int64 {
	if t < 0 {
		return 0
	}
	return 1 + int64(c.PerSecond*t.Seconds())
}

// Ramp rises linearly from From to To per second within Over, then stays at To.
type Ramp struct {
	From, To float64
	Over     time.Duration
}

// Due integrates the rate from 0 to t.
func (r Ramp) Due(t time.Duration) int64 {
	if t < 0 {
		return 0
	}
	s, over := t.Seconds(), r.Over.Seconds()
	if s >= over {
		return 1 + int64((r.From+r.To)/2*over+r.To*(s-over))
	}
	slope := (r.To - r.From) / over
	return 1 + int64(r.From*s+slope*s*s/2)
}

// Steps keeps each rate for Each, one after the other, and stays at the last.
type Steps struct {
	Rates []float64 // per second
	Each  time.Duration
}

// Due sums the finished steps and the part of the current one.
func (s Steps) Due(t time.Duration) int64 {
	if t < 0 || len(s.Rates) == 0 {
		return 0
	}
	sum := 0.0
	for i, rate := range s.Rates {
		if left := t - time.Duration(i)*s.Each; left < s.Each || i == len(s.Rates)-1 {
			sum += rate * left.Seconds()
			break
		}
		sum += rate * s.Each.Seconds()
	}
	return 1 + int64(sum)
}
