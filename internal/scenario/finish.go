package scenario

import (
	"context"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/c10m/c10m/internal/loadgen"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
)

// fill completes the result once the threads have stopped.
func (h *hold) fill(t loadgen.Tally) {
	r := h.res
	r.Conns = newConns(&t.Part)
	r.FirstFailure = h.opt.firstFailure(t)
	h.fillIdle(&r.Conns, &t.LostAges)
	h.fillSetup(t)
	ramp := 0.0
	if s := r.Setup; s != nil {
		ramp = s.ClientSeconds
	}
	secured := t.Established
	if h.Plan.MixesTLS() {
		secured = t.By[loadgen.SecureTCP].Established + t.By[loadgen.SecureWS].Established
	}
	r.TLS = newTLS(&h.Plan.Target, &t.TLS, secured, ramp)
	h.fillMemory()
	h.warnOfGaps()
	if r.Echo != nil {
		fillEcho(r.Echo, &t.Part)
		r.Echo.Calls = perMessage(t)
	}
	r.Talk = newTalk(&h.Plan, t, h.pushed)
	h.warnOfFirst(r.Talk)
	if h.Plan.Ping > 0 {
		r.Pings = &result.Pings{Sent: t.Pings, Answered: t.Pongs, Latency: summary(t.Ping)}
	}
	r.Packets = t.Packets
	h.fillProtocols(t)
	h.fillCPU()
	h.fillSpread()
	if why := h.engine.HaltReason(); why != "" && why != "interrupted" {
		w := result.Warn("ramp_stopped").Word("why", why)
		if full := h.full.Load(); full != nil && why == haltedByMemory {
			w = *full
		}
		h.warn(w.Count("established", t.Established).Count("asked", h.Plan.Total))
	}
	r.Warnings = h.Warnings
}

func newConns(p *loadgen.Part) result.Conns {
	return result.Conns{Attempted: p.Attempted, Established: p.Established, Failed: p.Failed, Lost: p.Lost,
		Reconnected: p.Reconnected, Errors: p.Errors}
}

// firstFailure is the first answer that made a connection fail, if --show-failure
// asks for it.
func (o *Options) firstFailure(t loadgen.Tally) *result.FailedAnswer {
	if !o.ShowFailure || t.First == nil {
		return nil
	}
	return &result.FailedAnswer{Cause: t.First.Cause, From: t.First.From.String(), Sent: t.First.Sent,
		Lines: t.First.Lines}
}

// fillIdle reports how old the connections were that the other end closed, and
// whether that was an idle timeout. If all were lost at one moment the server may
// have ended instead: then no server accepts a connection now, or other processes
// do.
func (p *Prepared) fillIdle(c *result.Conns, lost *loadgen.Ages) {
	from, to, ok := lost.Common(0.9)
	if !ok {
		return
	}
	c.Idle = &result.Idle{Count: lost.Count(), From: int64(from), To: int64(to),
		Seconds: lost.Last.Sub(lost.First).Seconds()}
	after, moment, ok := c.Idle.Timeout(c.Established)
	if !ok || moment && !p.stillServes() {
		return
	}
	c.IdleTimeout = int64(after)
}

func (h *hold) fillSetup(t loadgen.Tally) {
	s := h.res.Setup
	if s == nil || t.Established == 0 {
		h.res.Setup = nil
		return
	}
	if s.Seconds == 0 { // interrupted in the ramp
		s.Seconds = s.ClientSeconds
	}
	established := t.Established
	if len(h.Plan.Stages) > 0 {
		established = h.atPeak
	}
	s.Rate = float64(established) / s.Seconds
	s.Latency, s.Handshake = t.Connect.Summary(), t.Upgrade.Summary()
	h.rate.add(h.ramped.Sub(h.began).Seconds(), established)
	s.Curve = h.rate.points
}

func fillEcho(e *result.Echo, p *loadgen.Part) {
	e.Sent, e.Received, e.Lost, e.Mismatched, e.Bytes = p.Sent, p.Received, p.Missing, p.Mismatched, p.Bytes
	e.Latency = p.Echo.Summary()
	if p.Verify != nil {
		e.Verify = p.Verify.Summary()
	}
}

// fillProtocols splits the figures of a mixed run by protocol.
func (h *hold) fillProtocols(t loadgen.Tally) {
	if h.Plan.Proto != plan.Mixed && !h.Plan.MixesTLS() {
		return
	}
	for _, i := range loadgen.Protocols(&h.Plan.Target) {
		p := &t.By[i]
		share := result.Protocol{Proto: loadgen.ProtocolNames[i], Connect: p.Connect.Summary(), Conns: newConns(p)}
		if p.Upgrade != nil {
			share.Handshake = p.Upgrade.Summary()
		}
		if e := h.res.Echo; e != nil {
			share.Echo = &result.Echo{Seconds: e.Seconds}
			fillEcho(share.Echo, p)
			if e.Seconds > 0 && e.Received > 0 { // the same share of the rate as of the messages
				share.Echo.Rate = e.Rate * float64(p.Received) / float64(e.Received)
			}
		}
		h.res.Protocols = append(h.res.Protocols, share)
	}
	h.res.ShareSetup()
}

func (h *hold) fillMemory() {
	if h.series.Held.Conns == 0 {
		return
	}
	after := h.res.Memory // set by afterClose
	m, doubts := h.series.Memory()
	if after != nil {
		m.After = after.After
	}
	h.res.Memory = &m
	for _, doubt := range doubts {
		h.warn(doubt)
	}
}

// afterClose keeps what was still in use after everything had closed, and says
// where it is if much was not given back.
func (h *hold) afterClose(s proc.Snapshot) {
	after := s.Used()
	h.res.Memory = &result.Memory{After: &after}
	before, held := h.series.Before.Used(), h.series.Held.Used()
	grew, kept := float64(held.System)-float64(before.System), float64(after.System)-float64(before.System)
	if grew < 256<<20 || kept < 0.1*grew {
		return
	}
	caches := change(after.Kernel, before.Kernel)
	if pages := s.PageBytes(); pages > 0 && h.series.Before.PageBytes() > 0 {
		caches = change(pages, h.series.Before.PageBytes())
	}
	w := result.Warn("memory_kept").Number("kept_share", kept/grew).
		Number("settle_ns", float64(h.settleTime())).Number("kernel_bytes", caches).
		Number("client_bytes", change(after.Client, before.Client))
	if after.Server != nil && before.Server != nil {
		w = w.Number("server_bytes", change(*after.Server, *before.Server))
	}
	h.warn(w)
}

func change(after, before uint64) float64 { return float64(after) - float64(before) }

// fillCPU sums processor time over the whole run.
func (h *hold) fillCPU() {
	me, err := h.fp.Process(h.fp.Self())
	if err != nil {
		return
	}
	cpu := &result.CPU{Client: me.CPU, ServerSetup: h.serverSetup}
	if h.control.known() {
		ctx, cancel := context.WithTimeout(h.late, time.Second)
		defer cancel()
		if r, err := h.control.report(ctx); err == nil {
			cpu.Server = h.serverSeconds(h.serverBefore, r)
		}
	}
	if now, err := h.fp.Softirq(); err == nil && now >= h.softirq {
		d := now - h.softirq
		cpu.Softirq = &d
	}
	h.res.CPU = cpu
}

// serverSeconds is the CPU time of a server between two of its reports; nil if
// that cannot be told. A server of ours counts that of workers that have ended. Of
// another, the CPU time of a process that has ended is gone with it, so the difference
// is right only if all processes of the first report are in the second. Processes added
// in between spent all of theirs in between.
func (p *Prepared) serverSeconds(before, after *result.ServerReport) *float64 {
	used, left := secondsBetween(before, after)
	if left {
		p.warn(result.Warn("server_cpu_unknown"))
	}
	return used
}

// serverSoFar is that time from before the run until now; nil if it cannot be told.
func (h *hold) serverSoFar(ctx context.Context) *float64 {
	r, err := h.control.report(ctx)
	if err != nil {
		return nil
	}
	used, _ := secondsBetween(h.serverBefore, r)
	return used
}

// secondsBetween is that time, and whether it cannot be told because processes have
// left, or were just starting.
func secondsBetween(before, after *result.ServerReport) (used *float64, left bool) {
	if before == nil || before.CPU == nil || after.CPU == nil {
		return nil, false
	}
	began, ended := processesOf(before), processesOf(after)
	gone := func(pid int) bool { return !slices.Contains(ended, pid) }
	d := *after.CPU - *before.CPU
	switch {
	case began == nil || ended == nil || before.PID != after.PID || d < 0:
		return nil, true
	case before.Foreign != nil && slices.ContainsFunc(began, gone):
		return nil, true
	}
	return &d, false
}

// processesOf are the process ids whose memory and CPU time a report sums up; nil
// if it lacks those of a worker that was just starting.
func processesOf(r *result.ServerReport) []int {
	pids := []int{r.PID}
	for _, s := range r.Shards {
		if s.Memory == nil {
			return nil
		}
		pids = append(pids, s.PID)
	}
	slices.Sort(pids)
	return pids
}

// fillSpread reports how even the shares were while everything was held.
func (h *hold) fillSpread() {
	add := func(over string, counts []int64) {
		if len(counts) == 0 {
			return
		}
		s := result.Spread{Over: over, N: len(counts), Min: math.MaxInt64}
		for _, n := range counts {
			s.Min, s.Max, s.Mean = min(s.Min, n), max(s.Max, n), s.Mean+float64(n)/float64(len(counts))
		}
		h.res.Spread = append(h.res.Spread, s)
	}
	ports, hosts := h.spreadOver(h.census.PerDest)
	add(result.OverPorts, ports)
	if len(hosts) > 1 {
		add(result.OverAddresses, hosts)
	}
	if len(h.Plan.Sources) > 1 {
		add(result.OverSources, h.census.PerSource)
	}
	add(result.OverThreads, h.census.PerThread)
	add(result.OverWorkers, h.workers)
	add(result.OverLoops, h.serverLoops)
}

// spreadOver sums the counts of destinations by their port, and by their address.
func (h *hold) spreadOver(dests []int64) (ports, hosts []int64) {
	byPort, byHost := map[uint16]int{}, map[netip.Addr]int{}
	for i, d := range h.Plan.List()[:len(dests)] {
		ports = addAt(ports, byPort, d.At.Port(), dests[i])
		hosts = addAt(hosts, byHost, d.At.Addr(), dests[i])
	}
	return ports, hosts
}

// addAt adds n to the sum of a key; at says where that is.
func addAt[K comparable](sums []int64, at map[K]int, key K, n int64) []int64 {
	i, is := at[key]
	if !is {
		i = len(sums)
		at[key], sums = i, append(sums, 0)
	}
	sums[i] += n
	return sums
}

// curve is the ramp's points; when full, every second one is dropped.
type curve struct{ points []result.Point }

const maxPoints = 600

func (c *curve) add(t float64, conns int64) {
	p := result.Point{T: t, Conns: conns}
	if n := len(c.points); n > 0 {
		last := c.points[n-1]
		if t <= last.T {
			return
		}
		p.Rate = float64(conns-last.Conns) / (t - last.T)
	}
	c.points = append(c.points, p)
	if len(c.points) < maxPoints {
		return
	}
	half := c.points[:1]
	for i := 2; i < len(c.points); i += 2 {
		p, last := c.points[i], half[len(half)-1]
		p.Rate = float64(p.Conns-last.Conns) / (p.T - last.T)
		half = append(half, p)
	}
	c.points = half
}

// grace bounds everything that is still asked after an interrupt: after Ctrl-C the
// report is there within two seconds, whatever the server does.
const grace = time.Second

// withGrace is a context that ends grace after ctx does. Several made from one ctx
// end at the same moment if they were made before it ended.
func withGrace(ctx context.Context) (late context.Context, stop context.CancelFunc) {
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	forget := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	return late, func() {
		forget()
		cancel()
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// sleepWhile sleeps for d, but not longer than cond holds.
func sleepWhile(ctx context.Context, d time.Duration, cond func() bool) {
	for end := time.Now().Add(d); time.Now().Before(end) && ctx.Err() == nil && cond(); {
		sleep(ctx, min(100*time.Millisecond, time.Until(end)))
	}
}
