package scenario

import (
	"context"
	"slices"
	"time"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
)

// ServerWatch measures what a server's machine takes for connections that others
// open: the agents of a fleet, whose kernels are other ones. What it says of the
// server it has from the control endpoint, all of one moment: the count, the memory
// of the server's processes and that of its kernel.
type ServerWatch struct {
	p       *Prepared
	settle  time.Duration
	before  *result.ServerReport
	last    *result.ServerReport
	began   time.Time
	sampler *proc.Sampler
	series  proc.Series
	held    *result.Counts // while everything was held
	after   *result.Used
	stop    func() // of sampling; nil: not begun, or over
}

// WatchServer finds the server of a run. Without a control endpoint there is nothing
// to watch, and the warnings of Fill say so; an error only where one was named that
// cannot be watched.
func WatchServer(ctx context.Context, o Options, fp proc.FS) (*ServerWatch, error) {
	w := &ServerWatch{p: &Prepared{control: newControl(ctx, "")}, settle: o.Settle, sampler: proc.NewSampler()}
	return w, w.p.findServer(ctx, o, fp)
}

// Known says whether the server answers.
func (w *ServerWatch) Known() bool { return w.p.Server != nil }

// Boot is the boot id of the server's machine; "" where it is not known.
func (w *ServerWatch) Boot() string {
	if !w.Known() {
		return ""
	}
	return w.p.Server.BootID
}

// Limit is what the server takes of all clients together, where that is known.
func (w *ServerWatch) Limit() (plan.Limit, bool) {
	if !w.Known() || w.p.Server.Foreign != nil { // how many another takes is not known
		return plan.Limit{}, false
	}
	return plan.ServerLimit(w.p.Server.MaxConns - w.p.Server.Open), true
}

// Ramp is called before the first connection: it measures how things are without
// any, and then takes samples until Held. Of the server's own garbage see
// hold.baseline.
func (w *ServerWatch) Ramp(ctx context.Context) {
	for i := 0; i <= warmUp && w.Known(); i++ {
		r, err := w.p.control.report(ctx)
		if err != nil {
			w.p.warn(result.Warn("memory_not_measured").Because(err))
			return
		}
		w.before = r
	}
	if w.before == nil {
		return
	}
	w.began = time.Now()
	w.series = proc.Series{Before: w.snapshot(w.before), NoSockets: true}
	w.stop = every(guardEvery, func() {
		now := time.Now()
		if !w.sampler.Due(now) {
			return
		}
		if r, err := w.p.control.report(ctx); err == nil {
			w.sampler.Add(time.Now(), time.Since(now), w.snapshot(r))
		}
	})
}

// snapshot is a report in the form of a series. The server's own count is of the same
// moment as its memory; what agents say of theirs is older.
func (w *ServerWatch) snapshot(r *result.ServerReport) proc.Snapshot {
	open := r.Open - w.before.Open
	s := proc.Snapshot{T: time.Since(w.began).Seconds(), Conns: open, ServerOpen: open, Server: r.Memory}
	if k := r.Kernel; k != nil {
		s.Sockets = k.Sockets
		s.Kernel = proc.Kernel{Method: k.Method, Caches: k.Caches, Bytes: k.Bytes, PageBytes: k.PageBytes,
			Mem: proc.Mem{Total: k.Total, Free: k.Total - min(k.Total, k.System)}}
	}
	return s
}

// Held is called while the agents hold everything, fleet connections in all. It waits
// until the server has them too, as long as there is progress.
func (w *ServerWatch) Held(ctx context.Context, fleet int64) {
	w.end()
	if w.before == nil {
		return
	}
	w.p.control.await(ctx, 5*time.Millisecond, catchUp, func(open int64) bool { return open-w.before.Open >= fleet })
	r, err := w.p.control.report(ctx)
	if err != nil {
		w.p.warn(result.Warn("control_silent").Count("client", fleet))
		return
	}
	open := r.Open - w.before.Open
	w.held = &result.Counts{Client: fleet, Server: &open}
	w.series.Held, w.series.Ramp = w.snapshot(r), w.sampler.Taken
	switch {
	case open > fleet:
		w.p.warn(result.Warn("server_holds_more").Count("server", open).Count("client", fleet))
	case open < fleet:
		w.p.warn(result.Warn("server_holds_fewer").Count("server", open).Count("client", fleet))
	}
}

// Closed is called once the agents have closed their connections: it waits until the
// server has, and has had time to give memory back.
func (w *ServerWatch) Closed(ctx context.Context) {
	w.end()
	if w.before == nil {
		return
	}
	back := w.p.control.await(ctx, 20*time.Millisecond, lastLook,
		func(open int64) bool { return open <= w.before.Open })
	pause := w.settle
	if pause == SettleAuto {
		pause = settleOf(w.series.Held.Conns)
	}
	sleep(ctx, pause)
	r, err := w.p.control.report(ctx)
	if err != nil {
		w.p.warn(result.Warn("control_silent_at_close").Word("when", afterClose))
		return
	}
	if w.last = r; !back && r.Open > w.before.Open {
		w.p.warn(result.Warn("server_still_holds").Word("when", afterClose).Count("conns", r.Open-w.before.Open))
	}
	used := w.snapshot(r).Used()
	w.after = &used
}

// end ends the sampling.
func (w *ServerWatch) end() {
	if w.stop != nil {
		w.stop()
		w.stop = nil
	}
}

// Fill puts into the result of all agents what is known of the server: its memory,
// its count and its processor time.
func (w *ServerWatch) Fill(r *result.Result) {
	w.end()
	if w.held != nil {
		if r.Reconcile == nil {
			r.Reconcile = &result.Counts{Client: w.held.Client}
		}
		r.Reconcile.Server = w.held.Server
		if w.series.Held.Kernel.Method != "" {
			w.fillMemory(r)
		}
	}
	if r.Stress != nil && w.last != nil {
		r.Stress.ServerBefore, r.Stress.ServerAfter = w.before.Memory, w.last.Memory
	}
	if w.last != nil && r.CPU != nil {
		r.CPU.Server = w.p.serverSeconds(w.before, w.last)
	}
	if w.Known() {
		r.Foreign, r.ServerEngine = w.p.Server.Foreign, w.p.Server.Engine
	}
	w.p.warnEnded()
	r.Warnings = append(r.Warnings, w.p.Warnings...)
}

func (w *ServerWatch) fillMemory(r *result.Result) {
	// With all agents on the server's machine its kernel has both ends.
	away := func(a result.Agent) bool { return a.BootID != w.Boot() || a.BootID == "" }
	if len(r.Agents) > 0 && !slices.ContainsFunc(r.Agents, away) && r.Plan.Engine != plan.EnginePackets {
		w.series.BothEnds, w.series.NoSockets = true, false
	}
	m, doubts := w.series.Memory()
	m.ClientPerConn, m.ClientBelow, m.Plain.Client = nil, nil, nil // there is no client here
	m.After = w.after
	r.Memory = &m
	for _, doubt := range doubts {
		w.p.warn(doubt)
	}
}
