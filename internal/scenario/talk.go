package scenario

import (
	"context"
	"time"

	"github.com/c10m/c10m/internal/loadgen"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/result"
)

// publicly is what was asked, for a report.
func publicly(a plan.Asked) plan.Asked {
	a.Talk = a.Talk.Public()
	return a
}

// done is how many messages are done: answered, or sent where nothing answers.
func done(p *plan.Plan, n loadgen.Counts) int64 {
	if p.Talk.Expect == plan.ExpectNone {
		return n.Sent
	}
	return n.Received
}

const (
	// firstQuiet is how long no connection's first message is answered for the rest to
	// be taken for messages that nobody answers, like a subscription to what is silent.
	firstQuiet = time.Second
	// firstWait bounds the wait for answers to first messages.
	firstWait = time.Minute
)

// awaitFirst waits until the first message of each connection is answered: what comes
// then shall not find it logging in.
func (h *hold) awaitFirst(ctx context.Context) {
	if h.Plan.Talk.First == "" || h.Plan.Talk.Expect == plan.ExpectNone {
		return
	}
	h.setPhase("first")
	last, since, began := int64(-1), time.Now(), time.Now()
	for ctx.Err() == nil && time.Since(began) < firstWait {
		n := h.engine.Counts()
		if n.FirstsAnswered >= n.Firsts || time.Since(since) > firstQuiet {
			return
		}
		if n.FirstsAnswered != last {
			last, since = n.FirstsAnswered, time.Now()
		}
		sleep(ctx, 5*time.Millisecond)
	}
}

// heardWithin is what came unasked within a time.
type heardWithin struct {
	pushes int64
	took   time.Duration
}

func (h *heardWithin) add(more heardWithin) {
	h.pushes += more.pushes
	h.took += more.took
}

// hearWithin counts pushes for a time, or until the returned func is called.
func hearWithin(d time.Duration, count func() loadgen.Counts) func() heardWithin {
	before, within := count().Pushed, countWithin(d, count)
	return func() heardWithin {
		n, took := within()
		return heardWithin{n.Pushed - before, took}
	}
}

// newTalk is what was heard of a server that is no echo; nil if it was to be one.
func newTalk(p *plan.Plan, t loadgen.Tally, within heardWithin) *result.Talk {
	if p.Talk.Echoes() && p.Talk.First == "" && p.Talk.Skip == 0 && !p.Talk.Deflate {
		return nil
	}
	heard := &result.Talk{Skipped: t.Skipped}
	if t.Firsts > 0 {
		heard.First = &result.FirstMessage{Sent: t.Firsts, Answered: t.FirstsAnswered, Latency: summary(t.FirstAnswer)}
	}
	if t.Pushed > 0 || !p.Talk.Echoes() {
		heard.Pushes = &result.Pushes{Received: t.Pushed, Bytes: t.PushedBytes, Conns: t.Listeners, Gap: summary(t.Gap)}
		if s := within.took.Seconds(); s > 0 && (p.Hold > 0 || len(p.Stages) > 0) {
			heard.Pushes.Seconds, heard.Pushes.Rate = s, float64(within.pushes)/s
			heard.Pushes.RatePerConn = heard.Pushes.Rate / float64(max(1, t.Listeners))
		}
	}
	if d := t.Deflated; p.Talk.Deflate {
		heard.Deflate = &result.Deflate{Agreed: d.Agreed, Refused: d.Refused, Sent: d.Sent, SentWire: d.SentWire,
			Received: d.Received, ReceivedWire: d.ReceivedWire, Messages: d.Messages, Seconds: d.Spent.Seconds()}
		heard.Deflate.Settle()
	}
	if f := t.FanOut; f != nil {
		heard.FanOut = &result.FanOut{Broadcasts: f.Broadcasts, Fewest: f.Fewest, Median: f.Median, Most: f.Most,
			Delay: summary(t.Delay), Whole: summary(f.Whole)}
	}
	return heard
}

// warnOfFirst warns if some first messages were answered and others not: those
// connections may not be logged in. If none was, nobody answers them.
func (h *hold) warnOfFirst(t *result.Talk) {
	if t == nil || t.First == nil || t.First.Answered == 0 || t.First.Answered >= t.First.Sent || h.res.Interrupt {
		return
	}
	h.warn(result.Warn("first_not_answered").Count("sent", t.First.Sent).Count("answered", t.First.Answered))
}

// summary of a histogram that may not be there.
func summary(h *result.Histogram) *result.Latency {
	if h == nil {
		return nil
	}
	return h.Summary()
}
