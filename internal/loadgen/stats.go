package loadgen

import (
	"sync/atomic"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/result"
)

// Counts are the totals of a thread, or of all of them. Attempted = Established +
// Failed + those still connecting.
type Counts struct {
	Attempted, Established, Failed, Lost int64
	Sent, Received, Mismatched, Missing  int64 // messages; Missing were never answered
	Bytes                                int64 // payload bytes received
	Closed                               int64 // by us, at the end
	Reconnected                          int64 // lost before, and restored

	Pings, Pongs int64 // ours that were sent, and those that were answered

	// Of servers that are no echo:
	Firsts              int64 // first messages begun
	FirstsAnswered      int64
	Skipped             int64 // greetings passed over
	Pushed, PushedBytes int64 // what came unasked
	Listeners           int64 // connections that had some of it
}

// Open is how many connections are held.
func (c Counts) Open() int64 { return c.Established - c.Lost + c.Reconnected - c.Closed }

// nCounts is how many fields Counts has.
const nCounts = 19

// fields are the addresses of all fields; adding and storing go through this list,
// so that no field can be confused with another.
func (c *Counts) fields() [nCounts]*int64 {
	return [...]*int64{
		&c.Attempted, &c.Established, &c.Failed, &c.Lost, &c.Sent, &c.Received, &c.Mismatched, &c.Missing, &c.Bytes,
		&c.Closed, &c.Reconnected, &c.Firsts, &c.FirstsAnswered, &c.Skipped, &c.Pushed, &c.PushedBytes, &c.Listeners,
		&c.Pings, &c.Pongs,
	}
}

func (c *Counts) add(d Counts) {
	to, from := c.fields(), d.fields()
	for i := range to {
		*to[i] += *from[i]
	}
}

// published is what a thread shows to others while it runs. Only the thread writes
// it, once per round, on cache lines of its own.
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

// The protocols, as indexes. The connections that TLS secures are counted apart only
// where others are plain (plan.Target.MixesTLS).
const (
	TCP = iota
	WS
	SecureTCP
	SecureWS
	protocols
)

// ProtocolNames are what results call them: as the schemes of targets are.
var ProtocolNames = [protocols]string{TCP: plan.TCP, WS: plan.WS, SecureTCP: "tls", SecureWS: "wss"}

// Protocols are those of a target's connections, in order.
func Protocols(t *plan.Target) (all []int) {
	has := [protocols]bool{TCP: t.Proto != plan.WS, WS: t.Proto == plan.WS || t.Proto == plan.Mixed}
	if t.MixesTLS() {
		has = [protocols]bool{}
		for i := range t.Places {
			has[protocolOf(t.Speaks(&t.Places[i]))] = true
		}
	}
	for i, is := range has {
		if is {
			all = append(all, i)
		}
	}
	return all
}

// protocolOf is that of a destination of a run that mixes TLS.
func protocolOf(isWS, secured bool) (i int) {
	if isWS {
		i = WS
	}
	if secured {
		i += SecureTCP
	}
	return i
}

// times are a thread's histograms of one protocol, ns.
type times struct {
	Connect *result.Histogram // connect latency
	Upgrade *result.Histogram // from the connect to the end of the WebSocket handshake; nil for TCP
	Echo    *result.Histogram // from the intended send time
	Verify  *result.Histogram // of a verification's messages, which are all sent at once; nil: there was none

	Ping *result.Histogram // from a ping of ours to its pong; nil: there was none

	// Of servers that are no echo; nil: there was none.
	FirstAnswer *result.Histogram // of the first message, from the connection's opening to the answer
	Gap         *result.Histogram // between two pushes to a connection
	Delay       *result.Histogram // of a broadcast, from its first arrival anywhere to each other
}

func newTimes(proto int) times {
	t := times{Connect: result.NewHistogram(), Echo: result.NewHistogram()}
	if proto == WS || proto == SecureWS {
		t.Upgrade = result.NewHistogram()
	}
	return t
}

// The histograms that few runs need.
func (t *times) verify() *result.Histogram { return made(&t.Verify) }
func (t *times) ping() *result.Histogram   { return made(&t.Ping) }
func (t *times) first() *result.Histogram  { return made(&t.FirstAnswer) }
func (t *times) gap() *result.Histogram    { return made(&t.Gap) }
func (t *times) delay() *result.Histogram  { return made(&t.Delay) }

// made makes a histogram at its first use.
func made(h **result.Histogram) *result.Histogram {
	if *h == nil {
		*h = result.NewHistogram()
	}
	return *h
}

// copy makes t equal to own, where that has changed.
func (t *times) copy(own times) {
	for _, h := range [...]struct{ to, from *result.Histogram }{
		{t.Connect, own.Connect}, {t.Upgrade, own.Upgrade}, {t.Echo, own.Echo},
	} {
		if h.from != nil && h.to.Count() != h.from.Count() {
			h.to.Set(h.from)
		}
	}
}

func (t *times) merge(u times) {
	t.Connect.Merge(u.Connect)
	if u.Upgrade != nil {
		t.Upgrade.Merge(u.Upgrade)
	}
	t.Echo.Merge(u.Echo)
	for _, h := range [...]struct {
		to   **result.Histogram
		from *result.Histogram
	}{
		{&t.Verify, u.Verify}, {&t.Ping, u.Ping}, {&t.FirstAnswer, u.FirstAnswer}, {&t.Gap, u.Gap}, {&t.Delay, u.Delay},
	} {
		if h.from != nil {
			made(h.to).Merge(h.from)
		}
	}
}

// ledger is what one thread counts.
type ledger struct {
	n        [protocols]Counts
	errs     [protocols]causes
	retries  [protocols]causes // of tries to restore lost connections
	times    [protocols]times  // of the plan's protocols
	ages     Ages              // of connections that their peer ended
	tls      TLS               // handshakes
	deflated Deflated
}

// total is the counts of all protocols.
func (b *ledger) total() (c Counts) {
	for i := range b.n {
		c.add(b.n[i])
	}
	return c
}

// commonest is the most frequent failure so far.
func (b *ledger) commonest() string {
	most, n := cause(0), int64(0)
	for c := range nCauses {
		sum := int64(0)
		for i := range b.errs {
			sum += b.errs[i][c]
		}
		if sum > n {
			most, n = c, sum
		}
	}
	return most.String()
}

// copyTo makes to equal to b, where that has changed.
func (b *ledger) copyTo(to *ledger) {
	to.n, to.errs, to.retries, to.ages, to.deflated = b.n, b.errs, b.retries, b.ages, b.deflated
	b.tls.copyTo(&to.tls)
	for i, own := range b.times {
		if own.Connect == nil {
			continue
		}
		if to.times[i].Connect == nil {
			to.times[i] = newTimes(i)
		}
		to.times[i].copy(own)
	}
}

// Part is what was counted of one protocol's connections.
type Part struct {
	Counts
	times
	Errors result.ErrorCounts
}

// Tally is the sum of what the threads counted, made once they have stopped: all
// of it, and by protocol (TCP, WS, ...).
type Tally struct {
	Part
	By    [protocols]Part
	Calls int64 // system calls for messages: epoll_wait(2), read(2), send(2)

	// LostAges are the ages of connections that the peer or the network ended: since
	// the last message began, or since the connect.
	LostAges Ages
	// TLS are the handshakes that succeeded.
	TLS TLS
	// First is the answer that made the first connection fail; nil: none did.
	First *Answer
	// Deflated is what permessage-deflate did.
	Deflated Deflated
	// Packets is what the client's own TCP counted; nil: there are sockets.
	Packets *result.Packets
	// FanOut is what came of messages that many connections had; nil: there were none.
	FanOut *FanOut
}

func newTally() Tally {
	t := Tally{Part: Part{times: newTimes(WS), Errors: result.ErrorCounts{}}}
	for i := range t.By {
		t.By[i] = Part{times: newTimes(i), Errors: result.ErrorCounts{}}
	}
	return t
}

// add adds what a thread has counted.
func (t *Tally) add(b *ledger) {
	for i := range b.n {
		t.Counts.add(b.n[i])
		t.By[i].Counts.add(b.n[i])
		for _, e := range []result.ErrorCounts{t.Errors, t.By[i].Errors} {
			b.errs[i].addTo(e, "")
			b.retries[i].addTo(e, "reconnect_")
		}
		if b.times[i].Connect != nil {
			t.times.merge(b.times[i])
			t.By[i].times.merge(b.times[i])
		}
	}
	t.LostAges.add(&b.ages)
	t.TLS.merge(&b.tls)
	t.Deflated.add(b.deflated)
}

func (t *Tally) addPackets(n result.Packets) {
	if t.Packets == nil {
		t.Packets = &result.Packets{}
	}
	t.Packets.Add(n)
}

// Census is how many connections are open to each destination, from each source
// address and in each thread, in the plan's order.
type Census struct {
	PerDest, PerSource, PerThread []int64
}
