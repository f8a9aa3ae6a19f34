package scenario

import (
	"context"
	"fmt"

	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

// Kept is the mode of a user who has one connection for all of its messages.
const Kept = "kept"

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
	r.Tables = append(r.Tables, stressTable(r, o.Users), m.table(before, at))
	settleFindings(seen, r, c.Plan.Local, pieces)
	r.Behind = r.Echo.Received < o.Users*o.Loops && o.Loops > 0 && !r.Interrupt
	r.Verdict = stressVerdict(r, &o, before, at)
	r.Warnings = append(c.Warnings, m.warnings...)
	return r, nil
}

// hung is how many users waited for an answer that had not come when the run
// ended, at least drain later. A message whose connection was lost is not one of
// them, nor is what an interrupt left under way.
func hung(r *result.Result) int64 {
	if r.Interrupt || r.Echo == nil {
		return 0
	}
	return max(0, r.Echo.Lost-r.Conns.Lost)
}

// failures are the tries that failed: connects, connections lost and messages
// without an answer, each as one transaction.
func failures(r *result.Result) int64 { return r.Conns.Failed + r.Conns.Lost + hung(r) }

// errorShare is the part of all tries that failed, or of the users who hang, if
// that is more: who hangs tries no more, while the others do many transactions.
func errorShare(r *result.Result, users int64) float64 {
	failed := failures(r)
	if failed == 0 {
		return 0
	}
	return max(float64(failed)/float64(failed+r.Echo.Received), float64(hung(r))/float64(users))
}

func stressTable(r *result.Result, users int64) result.Table {
	t := result.Table{Title: "Response times", Columns: []result.Column{{Name: "users", Unit: unit.InCount}, {Name: "transactions", Unit: unit.InPerSecond},
		{Name: "p50", Unit: unit.InNanos}, {Name: "p90", Unit: unit.InNanos}, {Name: "p99", Unit: unit.InNanos}, {Name: "p99.9", Unit: unit.InNanos},
		{Name: "max", Unit: unit.InNanos}, {Name: "errors", Unit: unit.InShare}}}
	row := []any{float64(users), r.Echo.Rate, nil, nil, nil, nil, nil, errorShare(r, users)}
	if l := r.Echo.Latency; l != nil {
		for i, ns := range []int64{l.P50, l.P90, l.P99, l.P999, l.Max} {
			row[2+i] = float64(ns)
		}
	}
	t.Rows = [][]any{row}
	return t
}

func stressVerdict(r *result.Result, o *ChurnOptions, before, at *result.ProcMemory) string {
	said := fmt.Sprintf("%s users did %s transactions in %.3g s, %s a second, with %s", unit.Commas(o.Users), unit.Commas(r.Echo.Received), r.Echo.Seconds, unit.Commas(int64(r.Echo.Rate)), o.words())
	if l := r.Echo.Latency; l != nil {
		said += fmt.Sprintf(": half within %s, 99 %% within %s", unit.Nanos(l.P50), unit.Nanos(l.P99))
	}
	switch n := failures(r); {
	case n > 0:
		said += fmt.Sprintf(". %s tries failed, mostly %s", unit.Commas(n), r.Conns.Errors.Top(1)[0].Name)
	case r.Behind:
		said += ". No try failed"
	default:
		said += ". Nothing failed"
	}
	if r.Behind {
		said += fmt.Sprintf(", %s of %s transactions were not done in time", unit.Commas(o.Users*o.Loops-r.Echo.Received), unit.Commas(o.Users*o.Loops))
	}
	if before != nil && at != nil {
		said += fmt.Sprintf("; the server's memory went from %.1f to %.1f MiB", float64(before.PSS)/(1<<20), float64(at.PSS)/(1<<20))
	}
	return said + limitedBy(r.Findings) + "."
}

// memoryWatch reads the memory of a server, ours or another on this machine.
type memoryWatch struct {
	fp       proc.FS
	control  *control
	ports    *portSet
	sameNet  bool
	pids     []int // on this machine
	warnings []string
}

// newMemoryWatch finds the server; before the run, when it has few fds.
func newMemoryWatch(ctx context.Context, o Options, fp proc.FS) *memoryWatch {
	p := &Prepared{control: newControl(ctx, "")}
	p.findServer(ctx, o, fp)
	m := &memoryWatch{fp: fp, control: p.control, ports: newPortSet(o.Ports), sameNet: p.mayListenHere()}
	m.pids = p.serverPIDs(fp, o.Ports)
	if p.control.base == "" && len(m.pids) == 0 {
		m.warnings = append(m.warnings, "the server's memory is not known: it has no control endpoint that we know (--server-control URL), and no process of this machine that we may look at listens on its ports")
	}
	return m
}

// server is nil where it is not known.
func (m *memoryWatch) server(ctx context.Context) *result.ProcMemory {
	if m.control.base != "" {
		if r, err := m.control.report(ctx); err == nil {
			return r.Memory
		}
		return nil
	}
	if len(m.pids) == 0 {
		return nil
	}
	p, err := m.fp.Process(m.pids...)
	if err != nil {
		return nil
	}
	return &result.ProcMemory{RSS: p.RSS, PSS: p.PSS, Private: p.Private}
}

func (m *memoryWatch) table(before, at *result.ProcMemory) result.Table {
	t := result.Table{Title: "Memory of the server", Columns: []result.Column{{Name: "when", Unit: unit.InText},
		{Name: "RSS", Unit: unit.InBytes}, {Name: "PSS", Unit: unit.InBytes}, {Name: "private", Unit: unit.InBytes}}}
	for _, one := range []struct {
		when string
		m    *result.ProcMemory
	}{{"at the start", before}, {"at the end", at}} {
		row := []any{one.when, nil, nil, nil}
		if one.m != nil {
			row = []any{one.when, float64(one.m.RSS), float64(one.m.PSS), float64(one.m.Private)}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}
