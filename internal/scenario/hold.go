package scenario

import (
	"context"
	"math"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/c10m/c10m/internal/diagnose"
	"github.com/c10m/c10m/internal/loadgen"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/sys"
)

// Progress is where a run stands, for the live line.
type Progress struct {
	Run        *Prepared
	Phase      string // start, ramp, settle, hold, down, verify, close
	Stage      int    // of the plan's stages, from 1; 0: it has none, or is in none
	Gate       string // it waits at that gate; "" at none
	Elapsed    time.Duration
	Target     int64
	Counts     loadgen.Counts
	MemoryLeft uint64              // bytes that can still be taken
	Live       func() loadgen.Live // more of it, for one caller at a time
}

// Watch is told how a run goes, five times a second.
type Watch func(Progress)

// hold is one run of the default scenario: ramp, hold, verify, close.
type hold struct {
	*Prepared
	opt          Options
	fp           proc.FS
	watch        Watch
	late         context.Context // for requests that may still be made after an interrupt
	engine       *loadgen.Engine
	recorder     *diagnose.Recorder
	res          *result.Result
	phase        atomic.Value // string
	gate         gate
	began        time.Time
	ramped       time.Time    // when the client's last connect of the ramp was done
	answers      int64        // that came back in the time of Echo.Seconds
	atPeak       int64        // connections established when the first peak was reached; with stages
	stage        atomic.Int64 // which of them, from 1; 0: none
	course       curve        // connections open over all stages
	counted      counted      // before the run
	sampler      *proc.Sampler
	series       proc.Series
	rate         curve
	softirq      float64              // seconds, before the run
	serverBefore *result.ServerReport // with its memory and time, before the run
	serverSetup  *float64             // processor seconds of the server until it held everything
	room         uint64               // bytes that could be taken when the guard last looked
	census       loadgen.Census
	workers      []int64    // open connections of each server worker, while held
	serverLoops  []int64    // the same of the event loops of the only one
	measuring    sync.Mutex // a stage ends while samples are taken
	gaps         int        // snapshots that failed ...
	gap          error      // ... and why the last one did
	heat         loadgen.Heat
	pushed       heardWithin
	full         atomic.Pointer[result.Warning] // why the ramp ended, if memory ended it
}

const (
	watchEvery = 200 * time.Millisecond
	guardEvery = 100 * time.Millisecond
	drain      = 10 * time.Second // how long answers may take at the end of an exchange
	catchUp    = 30 * time.Second // how long the server may lag behind without progress
)

// Hold runs a prepared plan. The result says what happened, also when ctx ended
// it early; an error means that it could not even begin.
func Hold(ctx context.Context, p *Prepared, o Options, fp proc.FS, watch Watch) (*result.Result, error) {
	h := &hold{Prepared: p, opt: o, fp: fp, watch: watch, sampler: proc.NewSampler()}
	h.res = newResult(p, o)
	ctx, h.gate.stop = context.WithCancel(ctx)
	defer h.gate.stop()
	h.gate.pass = o.Gate
	var stopLate context.CancelFunc
	h.late, stopLate = withGrace(ctx)
	defer stopLate()
	engine, err := loadgen.Start(p.Plan, max(1, o.Size, o.SizeMax))
	if err != nil {
		return nil, err
	}
	h.engine = engine
	h.setPhase("start")
	stopWatch := watchRun(p, fp, engine, func() string { return h.phase.Load().(string) }, &h.gate, h.inStage(watch))
	if o.Gate == nil {
		h.look(ctx)
	}
	h.run(ctx)
	stopWatch()
	p.warnEnded()
	seen := h.recorder.Stop(h.late)
	tally, err := engine.Stop()
	if err != nil {
		h.warn(result.Warn("thread_ended").Because(err))
	}
	h.fill(tally)
	settleFindings(seen, h.res, p.Plan.Local, h.fillHeat())
	h.res.Interrupt = ctx.Err() != nil
	h.settleEcho()
	return h.res, nil
}

// look begins to look for what limits the run: before the baseline, so that its garbage
// is part of that; in a fleet behind the first gate, as a hundred that look while they
// wait there would keep the others from getting there.
func (h *hold) look(ctx context.Context) {
	h.recorder = h.record(ctx, h.fp, h.opt.Ports(), h.opt.Gate != nil)
	h.recorder.SpareFDs(true)
}

// run goes through the phases. Each ends at once when ctx does.
func (h *hold) run(ctx context.Context) {
	before, server, err := h.baseline(ctx)
	if err != nil {
		h.warn(result.Warn("memory_not_measured").Because(err))
	}
	if server == nil {
		server = h.Server // as it was found
	}
	h.counted = h.opt.count(h.fp, server) // by now the server has seen the probe's connections end
	if server != nil {
		before.ServerOpen = 0
	}
	h.series.Before = before
	if h.softirq, err = h.fp.Softirq(); err != nil {
		h.softirq = math.Inf(1) // no later count is as much
	}
	h.serverBefore = server
	h.gate.wait(ctx, GateRamp)
	if h.recorder == nil {
		h.look(ctx)
	}
	if len(h.Plan.Stages) > 0 {
		h.runStages(ctx)
	} else {
		h.rampAndHold(ctx)
	}
	h.reconcileAgain(ctx)
	h.gate.wait(ctx, GateClose)
	h.setPhase("close")
	h.close(ctx)
}

// rampAndHold is a run without stages.
func (h *hold) rampAndHold(ctx context.Context) {
	h.setPhase("ramp")
	h.ramp(ctx)
	h.setPhase("settle")
	h.settle(ctx)
	h.awaitFirst(ctx)
	h.gate.wait(ctx, GateHold)
	h.setPhase("hold")
	h.exchange(ctx)
	h.verify(ctx)
}

// How many snapshots are taken before the one that counts: for the garbage of both ends,
// and for our own; in a fleet it is the coordinator who asks the server.
const (
	warmUp    = 12
	ownWarmUp = 3
)

// baseline is the snapshot before the ramp. Measuring makes garbage at both ends;
// it is allowed to reach its plateau first, so that it is not mistaken for memory
// of the connections.
func (h *hold) baseline(ctx context.Context) (proc.Snapshot, *result.ServerReport, error) {
	debug.SetGCPercent(25) // the heap is small: the connections are not in it
	times := map[bool]int{true: warmUp, false: ownWarmUp}[h.control.known()]
	for range times {
		if _, r, err := h.snapshot(ctx); err != nil || r == nil && h.control.known() {
			break // to wait a dozen times for a server that is stopped tells no more
		}
	}
	debug.FreeOSMemory()
	return h.snapshot(ctx)
}

func (h *hold) setPhase(name string) { h.phase.Store(name) }

// ramp opens the connections, takes samples and guards the memory. Sampling and
// guarding run in separate goroutines: a sample waits for the server, which may be
// frozen, and memory does not wait.
func (h *hold) ramp(ctx context.Context) {
	h.began = time.Now()
	h.rate.add(0, 0)
	stopGuard := every(guardEvery, func() {
		h.guard()
		h.rate.add(time.Since(h.began).Seconds(), h.engine.Counts().Established)
	})
	stopSamples := h.sampleOn(ctx)
	h.engine.Ramp(ctx)
	h.ramped = time.Now()
	stopGuard()
	stopSamples()
	h.res.Setup = &result.Setup{Began: h.began.UTC(), ClientSeconds: h.ramped.Sub(h.began).Seconds()}
}

// sampleOn takes samples of memory until the returned func is called.
func (h *hold) sampleOn(ctx context.Context) (stop func()) {
	return every(guardEvery, func() {
		if now := time.Now(); h.sampler.Due(now) {
			h.sample(ctx, now)
		}
	})
}

// sample takes a sample, or remembers why it could not: the fit has a gap there.
func (h *hold) sample(ctx context.Context, now time.Time) {
	h.measuring.Lock()
	defer h.measuring.Unlock()
	snap, _, err := h.snapshot(ctx)
	if err != nil {
		h.missed(err)
		return
	}
	h.sampler.Add(time.Now(), time.Since(now), snap)
}

// missed counts a snapshot that failed.
func (h *hold) missed(err error) {
	h.gaps++
	h.gap = err
}

// warnOfGaps warns how many samples of memory failed, and why the last one did.
func (h *hold) warnOfGaps() {
	if h.gaps > 0 {
		h.warn(result.Warn("memory_gaps").Count("gaps", int64(h.gaps)).Because(h.gap))
	}
}

// snapshot measures both ends now; r is the server's report, nil if it did not
// answer.
func (h *hold) snapshot(ctx context.Context) (s proc.Snapshot, r *result.ServerReport, err error) {
	s.ServerOpen = -1
	if !h.began.IsZero() {
		s.T = time.Since(h.began).Seconds()
	}
	if h.control.known() {
		if r, err = h.control.report(ctx); err == nil {
			s.ServerOpen, s.Server = r.Open-h.counted.server, r.Memory
			if !h.SameHost {
				s.Remote = r.Kernel
			}
		}
	}
	s.Conns = h.engine.Counts().Open()
	if n, err := h.fp.Sockets(); err == nil { // at once: the two are compared
		s.Sockets = n.Alloc
		if s.Remote != nil {
			s.Sockets += s.Remote.Sockets
		}
	}
	if s.Kernel, err = h.fp.Kernel(); err != nil {
		return s, r, err
	}
	s.Client, err = h.fp.Process(h.fp.Self())
	return s, r, err
}

// SettleAuto as Options.Settle chooses the time by the number of connections.
const SettleAuto time.Duration = -1

const (
	// settleFor is long enough for an idle server of ours to return its memory: twice
	// the two seconds of quiet that it waits for.
	settleFor = 4 * time.Second
	// smallRun is the number of connections below which a few megabytes of heap are
	// not worth waiting for, and settleSmall is how long such a run waits.
	smallRun    = 10_000
	settleSmall = 500 * time.Millisecond
)

// settleTime is how long both ends get to return memory.
func (h *hold) settleTime() time.Duration {
	if h.opt.Settle != SettleAuto {
		return h.opt.Settle
	}
	return settleOf(h.Plan.Total)
}

// settleOf is the time for so many connections.
func settleOf(conns int64) time.Duration {
	if conns < smallRun {
		return settleSmall
	}
	return settleFor
}

// settle waits until the server holds what the client does, then until both have
// returned the memory that only the ramp needed, and then compares the three
// counts.
func (h *hold) settle(ctx context.Context) {
	h.res.Setup.Seconds = h.res.Setup.ClientSeconds
	if h.awaitServer(ctx) {
		h.res.Setup.Seconds += time.Since(h.ramped).Seconds()
	}
	h.serverSetup = h.serverSoFar(ctx)
	if ctx.Err() == nil {
		sleep(ctx, h.settleTime())
	}
	if ctx.Err() != nil {
		h.holdLastSample(result.Warn("memory_of_ramp_interrupted"))
		return
	}
	held, r, err := h.snapshot(ctx)
	if err != nil {
		h.missed(err)
		h.holdLastSample(result.Warn("memory_of_ramp").Because(err))
		held.ServerOpen = -1
	} else {
		h.holds(held, h.sampler.Taken)
	}
	h.reconcile(held.ServerOpen)
	h.census = h.engine.Census()
	if r != nil && r.Foreign == nil { // of another, who holds which is not known
		for _, w := range r.Shards {
			h.workers = append(h.workers, w.Open)
		}
		if len(r.Shards) == 1 {
			h.serverLoops = r.Shards[0].LoopOpen
		}
	}
}

// measured is called once the memory that connections take is known, or never will
// be: what is looked at from now on may take some.
func (h *hold) measured() {
	if h.recorder != nil {
		h.recorder.SpareFDs(false)
	}
}

// holds uses a snapshot as the one of the settled state.
func (h *hold) holds(held proc.Snapshot, ramp []proc.Snapshot) {
	h.series.Held, h.series.Ramp = held, ramp
	h.measured()
	h.series.BothEnds = (h.SameHost || held.Remote != nil) && !h.Plan.Packets.On()
	h.series.NoSockets = h.Plan.Packets.On()
}

// holdLastSample uses the last sample of an interrupted ramp in place of the
// settled state, which was never reached. It takes the last sample that has the
// same parts as the snapshot before the ramp: the server's answer to the very last
// one may have been cut off.
func (h *hold) holdLastSample(w result.Warning) {
	taken := h.sampler.Taken
	for i := len(taken) - 1; i >= 0; i-- {
		s := taken[i]
		if s.Conns == 0 || (s.Server == nil) != (h.series.Before.Server == nil) {
			continue
		}
		h.holds(s, taken[:i])
		h.warn(w.Count("conns", s.Conns).Count("asked", h.Plan.Total))
		return
	}
}

// awaitServer polls the server's count until it reaches ours, which may fall in
// the meantime: a connection that the server refuses is reset only after it was
// established. It gives up when there is no progress. False if the server's count
// is not known.
func (h *hold) awaitServer(ctx context.Context) bool {
	patience := catchUp
	if h.Elsewhere {
		patience = lastLook // the server may never see them
	}
	return h.control.await(ctx, 5*time.Millisecond, patience, func(open int64) bool {
		return open-h.counted.server >= h.engine.Counts().Open()
	})
}

// exchange holds for the time asked for: silent, or with messages.
func (h *hold) exchange(ctx context.Context) {
	h.measured()
	h.holdFor(ctx, h.Plan.Total, h.Plan.Hold)
	if h.echoes() {
		sleepWhile(ctx, h.opt.Rest, func() bool { return h.engine.Counts().Open() > 0 })
	}
}

// holdFor holds so many connections for a time.
func (h *hold) holdFor(ctx context.Context, conns int64, d time.Duration) {
	within := hearWithin(d, h.engine.Counts)
	defer func() { h.pushed.add(within()) }()
	switch {
	case h.echoes() && conns > 0:
		h.runExchange(ctx, h.echoExchange(conns, d))
		h.heat = h.engine.Heat()
	case h.Plan.Interval > 0 && d > 0 && conns > 0:
		h.runExchange(ctx, loadgen.Exchange{Size: h.Plan.Size, Interval: h.Plan.Interval, Jitter: h.Plan.Jitter,
			Skip:     true,
			Duration: d, Drain: drain})
	default:
		sleepWhile(ctx, d, func() bool { return conns == 0 || h.Plan.Reconnect || h.engine.Counts().Open() > 0 })
	}
}

// verify lets a sample of the connections, spread evenly, echo one message.
func (h *hold) verify(ctx context.Context) {
	h.setPhase("verify")
	if h.Plan.Verify == 0 || ctx.Err() != nil {
		return
	}
	before := h.engine.Counts().Received
	h.runExchange(ctx, loadgen.Exchange{Size: max(1, h.Plan.Size), PerConn: 1, Sample: h.Plan.Verify,
		Window: 256, Verify: true, Drain: drain})
	h.res.Echo.Verified = h.engine.Counts().Received - before
	if want := min(h.Plan.Verify, h.engine.Counts().Open()); h.res.Echo.Verified < want && ctx.Err() == nil {
		h.warn(result.Warn("not_verified").Count("verified", h.res.Echo.Verified).Count("asked", want))
	}
}

// runExchange does one exchange and adds its time to the report.
func (h *hold) runExchange(ctx context.Context, x loadgen.Exchange) {
	if h.res.Echo == nil {
		h.res.Echo = &result.Echo{}
	}
	before, within := done(&h.Plan, h.engine.Counts()), countWithin(x.Duration, h.engine.Counts)
	h.engine.Exchange(ctx, x)
	n, took := within()
	if x.Duration > 0 { // the rate of a verification means nothing
		h.res.Echo.Seconds += took.Seconds()
		h.answers += done(&h.Plan, n) - before
		h.res.Echo.Rate = float64(h.answers) / h.res.Echo.Seconds
	}
}

// close ends the connections and measures how much memory was returned.
func (h *hold) close(ctx context.Context) {
	if ctx.Err() != nil {
		return
	}
	h.engine.Close(ctx)
	if !h.control.known() {
		sleep(ctx, time.Second)
	}
	h.control.await(ctx, 20*time.Millisecond, catchUp, func(open int64) bool { return open <= h.counted.server })
	sleep(ctx, h.settleTime())
	after, _, err := h.snapshot(ctx)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		h.missed(err)
		h.warn(result.Warn("close_not_measured").Because(err))
	default:
		h.afterClose(after)
	}
}

// newResult is the part of a result that is known before the run.
func newResult(p *Prepared, o Options) *result.Result {
	pl := p.Plan
	nofile, _ := sys.GetNofile()
	r := &result.Result{Schema: result.Schema, Scenario: pl.Scenario, Proto: pl.Proto, Started: time.Now().UTC(),
		Command: o.Command,
		Host:    thisHost(o.Commit), Plan: planOf(p)}
	r.Host.Nofile = nofile.Soft
	if p.Server != nil {
		r.Foreign, r.ServerEngine = p.Server.Foreign, p.Server.Engine
	}
	for _, l := range p.Limits {
		r.Limits = append(r.Limits, result.Limit{Name: l.Name, Max: l.Max, Why: l.Why, Cure: l.Cure})
	}
	return r
}

// planOf is what was decided.
func planOf(p *Prepared) result.Plan {
	pl := p.Plan
	r := result.Plan{Asked: publicly(pl.Asked), Targets: pl.URLs, Host: pl.HostText(), Conns: pl.Total,
		Ports:   len(pl.Ports()),
		Sources: max(1, len(pl.Sources)), Threads: pl.Threads, FDTables: 1, LimitedBy: p.LimitedBy}
	for i := range pl.Places {
		switch {
		case pl.URLs != nil: // they say which ports
		case pl.Proto == plan.Mixed && pl.Places[i].WS:
			r.WSFirstPort = pl.Places[i].Ports[0]
		default:
			r.FirstPort = pl.Places[i].Ports[0]
		}
	}
	if pl.PrivateTables {
		r.FDTables = pl.Threads
	}
	return r
}
