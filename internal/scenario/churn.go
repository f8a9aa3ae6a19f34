package scenario

import (
	"context"
	"time"

	"github.com/c10m/c10m/internal/diagnose"
	"github.com/c10m/c10m/internal/loadgen"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
)

// The modes of users, see result.Load.
const (
	PerRequest = result.PerRequest
	KeepAlive  = result.KeepAlive
	Pool       = result.Pool
	Kept       = result.Kept
)

// ChurnOptions are users and what becomes of their connections. Options.Conns
// is the number of connections at a time: of users, or of the pool.
type ChurnOptions struct {
	Options
	Mode       string
	Users      int64
	Requests   uint32 // messages a connection, KeepAlive
	ServerEnds bool   // the server closes first
	Loops      int64  // transactions of each user; 0: until Hold
	Timeout    time.Duration

	timeWait bool // it shows which side holds TIME_WAIT: sampling sockets costs CPU time
}

// perConn is how many messages a connection carries.
func (o *ChurnOptions) perConn() uint32 {
	switch o.Mode {
	case PerRequest:
		return 1
	case KeepAlive:
		return o.Requests
	}
	return 0
}

// leavesTimeWait says whether connections that the client closes go through
// TIME_WAIT during the run. In a namespace made for the run the user has chosen
// the settings that decide this, so nothing is checked there.
func (o *ChurnOptions) leavesTimeWait() bool {
	return (o.Mode == PerRequest || o.Mode == KeepAlive) && !o.ServerEnds && o.Close == plan.CloseFIN && !o.OwnNet
}

// churn is one run.
type churn struct {
	*Prepared
	opt    ChurnOptions
	res    *result.Result
	engine *loadgen.Engine
	tw     *timeWait      // nil: not looked at
	within loadgen.Counts // what came of it within its time, without the drain ...
	took   time.Duration  // ... that it took
}

// Churn lets users come and go for a bounded time and reports what that leaves
// behind: sockets in TIME_WAIT, by side, and how long the local ports last.
func Churn(ctx context.Context, o ChurnOptions, fp proc.FS, watch Watch) (*result.Result, error) {
	o.timeWait = true
	c, seen, pieces, err := runChurn(ctx, o, fp, watch)
	if err != nil {
		return nil, err
	}
	r := c.res
	sum := c.sum(fp)
	r.Churn = sum.outcome()
	r.Churn.Series = c.tw.series(sum.blind)
	settleFindings(seen, r, c.Plan.Local, pieces)
	r.Warnings = c.Warnings
	return r, nil
}

// ChurnFailed says whether connects, transactions or closes of a churn failed. A
// close fails if the server was to close first and did not.
func ChurnFailed(r *result.Result) bool {
	return r.Short() || r.Conns.Failed > 0 || r.Conns.Errors[closeTimeout] > 0
}

// closeTimeout is how loadgen counts a server that was to close and did not.
const closeTimeout = "close_timeout"

// runChurn is a run and its counts, for churn and for stress.
func runChurn(ctx context.Context, o ChurnOptions, fp proc.FS, watch Watch) (c *churn, seen diagnose.Window,
	pieces []diagnose.Stretch, err error) {
	o.churns = o.leavesTimeWait()
	p, err := Prepare(ctx, o.Options, fp)
	if err != nil {
		return nil, seen, nil, err
	}
	c = &churn{Prepared: p, opt: o, res: newResult(p, o.Options)}
	if c.engine, err = loadgen.Start(p.Plan, max(1, o.Size, o.SizeMax)); err != nil {
		return nil, seen, nil, err
	}
	ctx, stopRun := context.WithCancel(ctx)
	defer stopRun()
	gate := gate{pass: o.Gate, stop: stopRun}
	late, stopLate := withGrace(ctx)
	defer stopLate()
	stop := watchRun(p, fp, c.engine, func() string { return o.Scenario }, &gate, watch)
	gate.wait(ctx, GateRamp)
	now, _ := p.control.counts(ctx) // nil: not known
	before := o.count(fp, now)
	rec := p.record(ctx, fp, o.Ports(), o.Gate != nil)
	if o.timeWait {
		c.tw = watchTimeWait(&o.Target, func() int64 { return c.engine.Counts().Received })
	}
	within := countWithin(o.Hold, c.engine.Counts)
	c.engine.Churn(ctx, loadgen.Churn{Users: o.Users, PerConn: o.perConn(), ServerCloses: o.ServerEnds,
		Loops: o.Loops, Duration: o.Hold,
		Size: o.Size, SizeMax: o.SizeMax, Heat: heatColumns, Drain: drain, Timeout: o.Timeout})
	c.within, c.took = within()
	if c.tw != nil {
		c.tw.stop()
	}
	gate.wait(ctx, GateClose)
	stop()
	heat := c.engine.Heat()
	if ctx.Err() == nil {
		c.engine.Close(ctx)
	}
	p.warnEnded()
	seen = rec.Stop(late)
	t, err := c.engine.Stop()
	if err != nil {
		p.warn(result.Warn("thread_ended").Because(err))
	}
	if why := c.engine.HaltReason(); why != "" && err == nil {
		p.warn(result.Warn("given_up").Word("why", why))
	}
	p.reconcileClosed(ctx, before)
	c.fill(t, ctx.Err() != nil)
	if len(heat.Columns) > 0 {
		c.res.Heat = newHeat(heat)
		pieces = stretches(c.res.Heat)
	}
	return c, seen, pieces, nil
}

// countWithin counts once after d, or earlier if the returned func is called
// first: answers that arrive in the drain after the run's time belong to no rate.
// It returns the counts and the time that they cover.
func countWithin(d time.Duration, count func() loadgen.Counts) func() (loadgen.Counts, time.Duration) {
	type moment struct {
		n    loadgen.Counts
		took time.Duration
	}
	began, over, seen := time.Now(), make(chan struct{}), make(chan moment, 1)
	go func() {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-over:
		}
		seen <- moment{count(), time.Since(began)}
	}()
	return func() (loadgen.Counts, time.Duration) {
		close(over)
		m := <-seen
		return m.n, m.took
	}
}

// fill takes over the counts.
func (c *churn) fill(t loadgen.Tally, interrupted bool) {
	r := c.res
	r.Interrupt = interrupted
	r.Conns = newConns(&t.Part)
	r.FirstFailure = c.opt.firstFailure(t)
	c.fillIdle(&r.Conns, &t.LostAges)
	s := c.took.Seconds()
	r.TLS = newTLS(&c.Plan.Target, &t.TLS, t.TLS.Full+t.TLS.Resumed, s)
	r.Echo = &result.Echo{Seconds: s, Rate: float64(c.within.Received) / s, Calls: perMessage(t)}
	fillEcho(r.Echo, &t.Part)
	r.Talk = newTalk(&c.Plan, t, heardWithin{pushes: c.within.Pushed, took: c.took})
	r.Packets = t.Packets
	r.Plan.Conns = min(r.Plan.Conns, max(1, t.Established)) // a pool may have needed fewer
	if n := t.Errors[closeTimeout]; n > 0 {
		c.warn(result.Warn("server_did_not_close").Count("conns", n))
	}
}

// perMessage is how many system calls a message took the client.
func perMessage(t loadgen.Tally) float64 {
	if t.Received == 0 {
		return 0
	}
	return float64(t.Calls) / float64(t.Received)
}

// stretches are a heat's columns as diagnose wants them.
func stretches(h *result.Heat) (pieces []diagnose.Stretch) {
	for i := range h.Counts {
		s := diagnose.Stretch{Seconds: h.Seconds, P99: time.Duration(h.Quantile(i, 0.99))}
		for _, n := range h.Counts[i] {
			s.Messages += n
		}
		pieces = append(pieces, s)
	}
	return pieces
}

// load is what the users do, for a result.
func (o *ChurnOptions) load() result.Load {
	l := result.Load{Mode: o.Mode, Users: o.Users}
	switch o.Mode {
	case KeepAlive:
		l.Requests = int64(o.Requests)
	case Pool:
		l.Pool = o.Conns.N
	}
	return l
}
