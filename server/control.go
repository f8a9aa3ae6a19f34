package main

import (
	"fmt"
	"net"
	"os"
	"runtime"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/dash"
	"github.com/c10m/c10m/internal/echo"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/sys"
)

// startControl opens the control endpoint, if there is to be one. drain ends
// the server in good order.
func (s *server) startControl(drain func()) (stop func(), err error) {
	s.warnExposed()
	if s.control == "" {
		return func() {}, nil
	}
	fp, err := proc.Here()
	if err != nil {
		return nil, err
	}
	s.uid, s.in = os.Getuid(), fp.Namespaces()
	l, err := dash.Listen(s.control)
	if err != nil {
		return nil, cli.Usage("--control %s: %v; choose another --control, or none", s.control, err)
	}
	end := dash.End{
		Meta:   s.meta(l.Addr()),
		Look:   func(memory bool) (dash.Sample, error) { return s.look(fp, memory) },
		Report: func(d dash.Depth) (result.ServerReport, error) { return s.report(fp, d) },
		Causes: echo.CauseNames[:],
		Drain:  drain, Token: s.token, Hosts: s.hosts,
	}
	if s.super != nil {
		end.Worker = s.super.Dial
	}
	return dash.Serve(l, end), nil
}

// warnExposed says what others than this machine can reach.
func (s *server) warnExposed() {
	if !s.bind.IsLoopback() {
		s.logf("warning: --bind %s: everybody who reaches this machine can have their bytes echoed; there is no "+
			"access control on the data ports", s.bind)
	}
	if warning := dash.Exposed("--control", s.control); warning != "" {
		s.logf("warning: %s", warning)
	}
}

// meta is what the live page says once.
func (s *server) meta(at net.Addr) dash.Meta {
	where := fmt.Sprintf("%d ports on %s", len(s.ports()), s.bind)
	if len(s.ports()) == 1 {
		where = fmt.Sprintf("1 port on %s", s.bind)
	}
	m := dash.Meta{Role: dash.Server, Title: where,
		Commit: build.Commit,
		PID:    os.Getpid(), CPUs: runtime.NumCPU(), Max: s.conns, Bound: "allowed", Shard: "worker"}
	if s.middle == nil {
		m.Engine = s.engineName
	}
	for _, p := range s.ports() {
		m.Ports = append(m.Ports, dash.Port{Number: p.Number, Proto: p.Proto})
	}
	return m
}

// look is everything that the live page and the metrics show, read as cheaply
// as can be: processor time from clocks, memory from statm.
func (s *server) look(fp proc.FS, memory bool) (dash.Sample, error) {
	r, err := s.report(fp, dash.Counts)
	if err != nil {
		return dash.Sample{}, err
	}
	sample := dash.Sample{Phase: r.State, Open: r.Open, Opened: r.Accepted, Messages: r.Messages, Bytes: r.Bytes,
		Errors: r.Refused, Net: dash.LookAtNet(fp)}
	sample.Buffered, sample.Budget, sample.TLS = r.Buffered, r.Budget, r.TLS
	for _, slot := range s.page.Slots {
		sample.Upgraded += slot.Upgraded.Load()
	}
	sample.PassedOn, sample.Recycled = r.PassedOn, r.Recycled
	for _, p := range r.Ports {
		sample.PortOpen = append(sample.PortOpen, p.Open)
	}
	for _, w := range r.Shards {
		sh := dash.Shard{Number: w.Number, ID: w.PID, State: w.State, Open: w.Open, Opened: w.Accepted,
			Restarts: w.Restarts, Heap: w.HeapBytes}
		if used, err := sys.ProcessCPU(w.PID); err == nil { // otherwise it is just being restarted
			sh.CPU = used.Seconds()
		}
		sample.Shards = append(sample.Shards, sh)
	}
	if !memory {
		return sample, nil
	}
	sample.Net.CountListening()
	if sample.Memory, err = dash.LookAtMemory(fp); err != nil {
		return dash.Sample{}, err
	}
	if all, err := fp.Resident(s.pids(fp, r)...); err == nil {
		sample.Memory.Server = &all.Anon
	}
	return sample, nil
}

// pids are the server's processes.
func (s *server) pids(fp proc.FS, r result.ServerReport) []int {
	var pids []int
	for _, w := range r.Shards {
		if w.PID > 0 {
			pids = append(pids, w.PID)
		}
	}
	if s.super != nil {
		pids = append(pids, os.Getpid())
	}
	return fp.OwnAll(pids)
}

// report sums up the workers' counters, and their memory if asked for.
func (s *server) report(fp proc.FS, depth dash.Depth) (result.ServerReport, error) {
	r := result.ServerReport{Schema: result.ServerSchema, Commit: build.Commit, PID: os.Getpid(),
		MaxConns: s.conns, Nofile: s.nofile.Soft, Refused: result.ErrorCounts{}, UID: &s.uid, In: &s.in,
		Bind: s.bind.String()}
	if s.middle == nil {
		r.Engine, r.Buffered, r.Budget = s.engineName, s.page.Budget.Used.Load(), s.page.Budget.Size.Load()
	}
	r.BootID, _ = fp.BootID()
	r.Cgroup = fp.Quota(fp.Self())
	state := s.shards(&r)
	open := make([]int64, len(s.ports()))
	for _, slot := range s.page.Slots { // those that do not exist any more have counted, too
		messages, bytes := slot.Messages()
		r.Open += slot.Open.Load()
		r.Accepted += slot.Accepted.Load()
		r.PassedOn += slot.PassedOn.Load()
		r.Messages += messages
		r.Bytes += bytes
		for c, name := range echo.CauseNames {
			if n := slot.Causes[c].Load(); n > 0 {
				r.Refused[name] += n
			}
		}
		for p := range open {
			open[p] += int64(slot.PortOpen[p].Load())
		}
	}
	r.State, r.TLS = state.String(), s.tlsReport()
	if s.middle != nil {
		r.Relay = s.middle.Report()
	}
	for i, p := range s.ports() {
		r.Ports = append(r.Ports, result.PortCount{Port: p.Number, Proto: p.Proto, Open: open[i]})
	}
	switch depth {
	case dash.Exact:
		return r, s.measure(fp, &r, fp.Process)
	case dash.Resident:
		return r, s.measure(fp, &r, fp.Resident)
	}
	return r, nil
}

// shards lists the workers that exist, and gives the state of all together: of
// none it is starting.
func (s *server) shards(r *result.ServerReport) echo.State {
	state, known := echo.Starting, false
	for i, slot := range s.page.Workers() {
		its := echo.State(slot.State.Load())
		sh := result.Shard{Number: i, PID: int(slot.PID.Load()), State: its.String(),
			Loops: slot.LoopMessages(s.size.Loops), LoopOpen: slot.LoopOpen(s.size.Loops),
			Open: slot.Open.Load(), Accepted: slot.Accepted.Load(), HeapBytes: slot.Heap.Load()}
		sh.Messages, _ = slot.Messages()
		needed := true
		if s.super != nil {
			sh.Restarts = s.super.Restarts(i)
			needed = s.super.Needed(i)
			switch leaving, spare := s.super.Leaving(i); {
			case spare:
				sh.State = result.Retiring
			case leaving:
				sh.State = result.Leaving
			}
		}
		switch {
		case needed && !known:
			state, known = its, true
		case needed:
			state = leastReady(state, its)
		}
		r.Shards = append(r.Shards, sh)
	}
	if s.super != nil {
		r.Recycled, r.RecycleAfter = s.super.Recycled(), s.recycleAfter.N
		for i := range s.page.Slots { // those of workers that are gone, too
			r.Restarts += s.super.Restarts(i)
		}
	}
	return state
}

// leastReady is the state of a whole whose parts are in states a and b: ready
// only if both are.
func leastReady(a, b echo.State) echo.State {
	if b != echo.Ready {
		return b
	}
	return a
}

// measure adds the memory of the processes, the way that read does, and of the
// kernel.
func (s *server) measure(fp proc.FS, r *result.ServerReport, read func(...int) (proc.Process, error)) error {
	var sum proc.Process
	ended := 0.0
	if s.super != nil { // before the others: who ends just now is counted at most once
		ended = s.super.CPU().Seconds()
	}
	add := func(pid int) *result.ProcMemory {
		there, err := fp.Own(pid)
		if err != nil {
			return nil
		}
		p, err := read(there)
		if err != nil {
			return nil // a worker that is just being restarted
		}
		sum.Add(p)
		return p.Memory()
	}
	for i := range r.Shards {
		r.Shards[i].Memory = add(r.Shards[i].PID)
	}
	if s.super != nil {
		add(os.Getpid())
	}
	r.Memory = sum.Memory()
	if used := sum.CPU + ended; sum.CPU > 0 {
		r.CPU = &used
	}
	var err error
	r.Kernel, err = fp.Usage()
	return err
}
