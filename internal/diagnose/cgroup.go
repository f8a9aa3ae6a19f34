package diagnose

import (
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/result"
)

// What control groups and limits of this process allow no more of.
const (
	CPUQuota    = "cgroup_cpu_quota"
	TasksUsedUp = "threads_used_up"
	MemoryLow   = "memory_low"
)

var cgroupRules = []rule{{[]string{MemoryLow}, memoryLow}, {[]string{CPUQuota}, cpuQuota},
	{[]string{TasksUsedUp}, tasksUsedUp}}

// cpuQuota: a control group's threads are held up until the next period once they
// have used its quota up, however idle the processors are: sched-bwc.rst.
func cpuQuota(w *Window) (found []result.Finding) {
	server := throttled(w.Before.ServerQuota, w.After.ServerQuota)
	client := throttled(w.Before.ClientQuota, w.After.ClientQuota)
	if server != nil && client != nil && sameGroup(*server, *client) {
		return one(quotaFinding("both", *server))
	}
	if server != nil {
		found = append(found, quotaFinding("server", *server))
	}
	if client != nil {
		found = append(found, quotaFinding("client", *client))
	}
	return found
}

// throttled is what the group went through between two moments; nil where it has
// no quota, or not the same one at both.
func throttled(before, after *result.Cgroup) *result.Cgroup {
	if after == nil {
		return nil
	}
	d := *after
	if before != nil && before.Name == after.Name {
		d.Periods, d.Throttled = d.Periods-before.Periods, d.Throttled-before.Throttled
		d.ThrottledSeconds -= before.ThrottledSeconds
	}
	if d.Periods <= 0 || d.Throttled <= 0 {
		return nil
	}
	return &d
}

// sameGroup tells two readings of one group from those of two that are called the
// same, as each container's own is: a group's periods are counted once.
func sameGroup(a, b result.Cgroup) bool {
	const skew = 3 // the two are read one after the other
	near := func(x, y int64) bool { return x-y <= skew && y-x <= skew }
	return a.Name == b.Name && a.CPUs == b.CPUs && near(a.Periods, b.Periods) && near(a.Throttled, b.Throttled)
}

// quotaFinding is of the group of that end: server, client or both.
func quotaFinding(end string, q result.Cgroup) result.Finding {
	f := result.Found(CPUQuota, 87).Word("whose", end).Word("group", q.Name).Number("processors", q.CPUs).
		Count("throttled", q.Throttled).Count("periods", q.Periods).Number("throttled_seconds", q.ThrottledSeconds)
	switch share := float64(q.Throttled) / float64(q.Periods); {
	case share >= 0.5:
	case share >= 0.1:
		f.Severity = 74
	default:
		f.Severity = 42
	}
	return f
}

// tasksUsedUp: where no thread can be made, a program fails in ways of its own, and
// one of Go ends.
func tasksUsedUp(w *Window) []result.Finding {
	if len(w.After.Tasks) == 0 {
		return nil
	}
	b := w.After.Tasks[0]
	const few = 16
	if b.Left() >= few && b.Left()*20 >= b.Limit {
		return nil
	}
	return one(result.Found(TasksUsedUp, 64).Word("bound", b.Name).Word("raise", b.Cure).Count("used", b.Used).
		Count("limit", b.Limit))
}

// memoryLow: what can still be taken without the out-of-memory killer, or without
// waiting at memory.high.
func memoryLow(w *Window) []result.Finding {
	m := w.After.Mem
	const low = 0.10
	if m.Room(low) > 0 {
		return nil
	}
	f := result.Found(MemoryLow, 60)
	if used, total, group := m.Bound(low); group {
		f = f.Word("bound", m.BoundName(low)).Number("used_bytes", float64(used)).Number("total_bytes", float64(total))
	} else {
		f = f.Number("free_bytes", float64(m.Free+m.CleanCache)).Number("total_bytes", float64(m.Total))
	}
	if m.Room(plan.MemoryReserve) == 0 {
		f.Severity = 94
	}
	return one(f)
}
