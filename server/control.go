package main

import (
	"os"

	"github.com/c10m/c10m/internal/dash"
	"github.com/c10m/c10m/internal/echo"
	"github.com/c10m/c10m/internal/footprint"
	"github.com/c10m/c10m/internal/result"
)

// startControl opens the control endpoint, if there is to be one.
func (s *server) startControl() (stop func(), err error) {
	if s.control == "" {
		return func() {}, nil
	}
	fp, err := footprint.Here()
	if err != nil {
		return nil, err
	}
	return dash.Serve(s.control, func(memory bool) (result.ServerReport, error) { return s.report(fp, memory) })
}

// report sums up the workers' counters, and their memory if asked for.
func (s *server) report(fp footprint.Proc, memory bool) (result.ServerReport, error) {
	r := result.ServerReport{Schema: result.ServerSchema, Commit: commit, PID: os.Getpid(),
		MaxConns: s.conns, Nofile: s.nofile.Soft, Refused: result.ErrorCounts{}}
	r.BootID, _ = fp.BootID()
	state := echo.Ready
	open := make([]int64, len(s.ports()))
	for i, slot := range s.page.Slots {
		state = leastReady(state, echo.State(slot.State.Load()))
		sh := result.Shard{PID: int(slot.PID.Load()), State: echo.State(slot.State.Load()).String(),
			Open: slot.Open.Load(), Accepted: slot.Accepted.Load(), HeapBytes: slot.Heap.Load()}
		if s.super != nil {
			sh.Restarts = s.super.Restarts(i)
		}
		r.Shards = append(r.Shards, sh)
		r.Open += sh.Open
		r.Accepted += sh.Accepted
		messages, bytes := slot.Messages()
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
	r.State = state.String()
	for i, p := range s.ports() {
		r.Ports = append(r.Ports, result.PortCount{Port: p.Number, Proto: p.Proto, Open: open[i]})
	}
	if memory {
		return r, s.measure(fp, &r)
	}
	return r, nil
}

// leastReady is the state of a whole whose parts are in states a and b: ready
// only if both are.
func leastReady(a, b echo.State) echo.State {
	if b != echo.Ready {
		return b
	}
	return a
}

// measure adds the memory of the processes and of the kernel.
func (s *server) measure(fp footprint.Proc, r *result.ServerReport) error {
	var sum footprint.Process
	add := func(pid int) *result.ProcMemory {
		p, err := fp.Process(pid)
		if err != nil {
			return nil // a worker that is just being started anew
		}
		sum.RSS, sum.PSS, sum.Private, sum.CPU = sum.RSS+p.RSS, sum.PSS+p.PSS, sum.Private+p.Private, sum.CPU+p.CPU
		return &result.ProcMemory{RSS: p.RSS, PSS: p.PSS, Private: p.Private}
	}
	for i := range r.Shards {
		r.Shards[i].Memory = add(r.Shards[i].PID)
	}
	if s.super != nil {
		add(os.Getpid())
	}
	r.Memory, r.CPU = &result.ProcMemory{RSS: sum.RSS, PSS: sum.PSS, Private: sum.Private}, &sum.CPU
	k, err := fp.Kernel()
	if err != nil {
		return err
	}
	r.Kernel = &result.KernelUsage{Method: k.Method, Bytes: k.Bytes, System: k.Mem.Used(), Total: k.Mem.Total}
	for _, c := range k.Caches {
		r.Kernel.Caches = append(r.Kernel.Caches, result.CacheUsage{Name: c.Name, Objects: c.Objects, Bytes: c.Bytes})
	}
	return nil
}
