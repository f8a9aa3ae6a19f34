package loadgen

import (
	"sync/atomic"

	"github.com/c10m/c10m/internal/result"
)

// Counts are the totals of a loop, or of all of them. Attempted = Established +
// Failed + those still connecting.
type Counts struct {
	Attempted, Established, Failed, Lost int64
	Sent, Received, Mismatched, Missing  int64 // messages; Missing were never answered
	Bytes                                int64 // payload bytes received
	Closed                               int64 // by us, at the end
}

// Open is how many connections are held.
func (c Counts) Open() int64 { return c.Established - c.Lost - c.Closed }

func (c *Counts) add(d Counts) {
	c.Attempted += d.Attempted
	c.Established += d.Established
	c.Failed += d.Failed
	c.Lost += d.Lost
	c.Sent += d.Sent
	c.Received += d.Received
	c.Mismatched += d.Mismatched
	c.Missing += d.Missing
	c.Bytes += d.Bytes
	c.Closed += d.Closed
}

// published is what a loop shows to others while it runs. Only its loop
// writes it, once per round, and it fills its own cache lines.
type published struct {
	_ [64]byte
	n [10]atomic.Int64
	_ [64]byte
}

func (p *published) store(c *Counts) {
	for i, v := range [...]int64{c.Attempted, c.Established, c.Failed, c.Lost, c.Sent, c.Received, c.Mismatched, c.Missing, c.Bytes, c.Closed} {
		if p.n[i].Load() != v { // a load is free, a store is not
			p.n[i].Store(v)
		}
	}
}

func (p *published) load() Counts {
	var v [10]int64
	for i := range v {
		v[i] = p.n[i].Load()
	}
	return Counts{v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8], v[9]}
}

// Tally is what the loops counted apart and the engine sums once they stopped.
type Tally struct {
	Counts
	Errors  result.ErrorCounts
	Connect *result.Histogram // connect latency, ns
	Echo    *result.Histogram // from the intended send time, ns
}

// Census is how many connections are open on each destination port, from each
// source address and in each thread, in the plan's order.
type Census struct {
	PerPort, PerSource, PerThread []int64
}
