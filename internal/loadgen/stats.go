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
	Reconnected                          int64 // lost before, and restored
}

// Open is how many connections are held.
func (c Counts) Open() int64 { return c.Established - c.Lost + c.Reconnected - c.Closed }

// nCounts is how many fields Counts has.
const nCounts = 11

// fields are the addresses of all of them: what goes through the fields goes
// through this list, so that none is ever taken for another.
func (c *Counts) fields() [nCounts]*int64 {
	return [...]*int64{
		&c.Attempted, &c.Established, &c.Failed, &c.Lost, &c.Sent, &c.Received, &c.Mismatched, &c.Missing, &c.Bytes,
		&c.Closed, &c.Reconnected,
	}
}

func (c *Counts) add(d Counts) {
	to, from := c.fields(), d.fields()
	for i := range to {
		*to[i] += *from[i]
	}
}

// published is what a loop shows to others while it runs. Only its loop
// writes it, once per round, and it fills its own cache lines.
type published struct {
	_ [64]byte
	n [nCounts]atomic.Int64
	_ [64]byte
}

func (p *published) store(c *Counts) {
	for i, v := range c.fields() {
		if p.n[i].Load() != *v { // a load is free, a store is not
			p.n[i].Store(*v)
		}
	}
}

func (p *published) load() (c Counts) {
	for i, v := range c.fields() {
		*v = p.n[i].Load()
	}
	return c
}

// The protocols, as indexes.
const (
	TCP = iota
	WS
	protocols
)

// times are a loop's histograms of one protocol, ns.
type times struct {
	Connect *result.Histogram // connect latency
	Upgrade *result.Histogram // from the connect to the end of the WebSocket handshake; nil for TCP
	Echo    *result.Histogram // from the intended send time
	Verify  *result.Histogram // the same of a verification's messages, which all come at once; nil: there was none
}

func newTimes(proto int) times {
	t := times{Connect: result.NewHistogram(), Echo: result.NewHistogram()}
	if proto == WS {
		t.Upgrade = result.NewHistogram()
	}
	return t
}

// verify is the histogram of verifications, which few runs need.
func (t *times) verify() *result.Histogram {
	if t.Verify == nil {
		t.Verify = result.NewHistogram()
	}
	return t.Verify
}

func (t *times) merge(u times) {
	t.Connect.Merge(u.Connect)
	if u.Upgrade != nil {
		t.Upgrade.Merge(u.Upgrade)
	}
	t.Echo.Merge(u.Echo)
	if u.Verify != nil {
		t.verify().Merge(u.Verify)
	}
}

// Part is what was counted of one protocol's connections.
type Part struct {
	Counts
	times
	Errors result.ErrorCounts
}

// Tally is what the loops counted apart and the engine sums once they stopped:
// all of it, and by protocol (TCP, WS).
type Tally struct {
	Part
	By    [protocols]Part
	Calls int64 // system calls for messages: epoll_wait(2), read(2), send(2)

	// LostAges are how long the peer or the network let those connections be that
	// it ended: since the last message began, or else since the connect.
	LostAges Ages
	// First is the answer that made the first connection fail; nil: none did.
	First *Answer
}

func newTally() Tally {
	t := Tally{Part: Part{times: newTimes(WS), Errors: result.ErrorCounts{}}}
	for i := range t.By {
		t.By[i] = Part{times: newTimes(i), Errors: result.ErrorCounts{}}
	}
	return t
}

// add takes in what a loop has counted.
func (t *Tally) add(l *loop) {
	t.take(l.n, l.times, l.errs, l.retry.errs)
	t.Calls += l.calls
	t.LostAges.add(&l.ages)
	t.First = l.shared.answer.Load()
}

func (t *Tally) take(n [protocols]Counts, took [protocols]times, errs, again [protocols]causes) {
	for i := range n {
		t.Counts.add(n[i])
		t.By[i].Counts.add(n[i])
		for _, e := range []result.ErrorCounts{t.Errors, t.By[i].Errors} {
			errs[i].addTo(e, "")
			again[i].addTo(e, "reconnect_")
		}
		if took[i].Connect != nil {
			t.times.merge(took[i])
			t.By[i].times.merge(took[i])
		}
	}
}

// Census is how many connections are open on each destination port, from each
// source address and in each thread, in the plan's order.
type Census struct {
	PerPort, PerSource, PerThread []int64
}
