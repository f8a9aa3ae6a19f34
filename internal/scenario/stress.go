package scenario

import (
	"context"

	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
)

// Stress is a fixed amount of work, users × loops, and what it took: response
// times, errors by cause, and the server's memory before and after.
func Stress(ctx context.Context, o ChurnOptions, fp proc.FS, watch Watch) (*result.Result, error) {
	late, stopLate := withGrace(ctx)
	defer stopLate()
	m := newMemoryWatch(ctx, o.Options, fp)
	before := m.server(ctx)
	c, seen, pieces, err := runChurn(ctx, o, fp, watch)
	if err != nil {
		return nil, err
	}
	r := c.res
	at := m.server(late)
	settleFindings(seen, r, c.Plan.Local, pieces)
	r.Stress = stressOutcome(r, &o)
	r.Stress.ServerBefore, r.Stress.ServerAfter = before, at
	r.Behind = r.Stress.Undone > 0 && !r.Interrupt
	r.Warnings = append(c.Warnings, m.warnings...)
	return r, nil
}

// StressFailed says whether connects or messages of a stress failed.
func StressFailed(r *result.Result) bool { return r.Short() || r.Conns.Failed > 0 }

func stressOutcome(r *result.Result, o *ChurnOptions) *result.Stress {
	s := &result.Stress{Load: o.load(), Asked: o.Users * o.Loops, Failures: r.Failures(),
		ErrorShare: r.ErrorShare(o.Users)}
	s.Undone = max(0, s.Asked-r.Echo.Received)
	return s
}

// memoryWatch reads the memory of a server, ours or another on this machine.
type memoryWatch struct {
	fp       proc.FS
	control  *control
	ports    *portSet
	sameNet  bool
	samePIDs bool
	recycles bool  // the server replaces workers
	pids     []int // on this machine
	warnings []result.Warning
}

// newMemoryWatch finds the server's processes; before the run, while it has few
// fds.
func newMemoryWatch(ctx context.Context, o Options, fp proc.FS) *memoryWatch {
	p := &Prepared{control: newControl(ctx, "")}
	_ = p.findServer(ctx, o, fp) // the run itself says what is wrong
	m := &memoryWatch{fp: fp, control: p.control, ports: newPortSet(o.Ports()), sameNet: p.mayListenHere(),
		samePIDs: p.SamePIDs, recycles: p.Server != nil && p.Server.RecycleAfter > 0}
	m.pids = p.serverPIDs(fp, o.Ports())
	if !p.control.known() && len(m.pids) == 0 {
		m.warnings = append(m.warnings, result.Warn("server_memory_unknown"))
	}
	return m
}

// server is nil where it is not known.
func (m *memoryWatch) server(ctx context.Context) *result.ProcMemory {
	if r := m.report(ctx); r != nil {
		return r.Memory
	}
	return nil
}

// report is the server's; of one that reports nothing, its memory alone. Nil where
// that is not known.
func (m *memoryWatch) report(ctx context.Context) *result.ServerReport {
	if m.control.known() {
		r, err := m.control.report(ctx)
		if err != nil {
			return nil
		}
		return r
	}
	if len(m.pids) == 0 {
		return nil
	}
	p, err := m.fp.Process(m.pids...)
	if err != nil {
		return nil
	}
	return &result.ServerReport{Memory: p.Memory()}
}

// workers is the memory of each of them, and notes which there are now: of those that
// were replaced no fds can be counted.
func (m *memoryWatch) workers(r *result.ServerReport) (list []result.WorkerMemory) {
	var pids []int
	for _, s := range r.Shards {
		if s.Memory != nil {
			pids = append(pids, s.PID)
			list = append(list, result.WorkerMemory{Worker: s.Number, PID: s.PID, Bytes: float64(s.Memory.Grown())})
		}
	}
	if m.samePIDs {
		m.pids = pids
	}
	return list
}
