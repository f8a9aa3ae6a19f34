package diagnose

import (
	"fmt"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

// cpuQuota: a control group's threads are held up until the next period once they
// have used its quota up, however idle the processors are: sched-bwc.rst.
func cpuQuota(w *Window) (found []result.Finding) {
	server, client := throttled(w.Before.ServerQuota, w.After.ServerQuota), throttled(w.Before.ClientQuota, w.After.ClientQuota)
	if server != nil && client != nil && sameGroup(*server, *client) {
		return append(found, quotaFinding("client and server", *server)...)
	}
	if server != nil {
		found = append(found, quotaFinding("the server", *server)...)
	}
	if client != nil {
		found = append(found, quotaFinding("the client", *client)...)
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
		d.Periods, d.Throttled, d.ThrottledSeconds = d.Periods-before.Periods, d.Throttled-before.Throttled, d.ThrottledSeconds-before.ThrottledSeconds
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

func quotaFinding(who string, q result.Cgroup) []result.Finding {
	share := float64(q.Throttled) / float64(q.Periods)
	f := result.Finding{Name: CPUQuota, Severity: 87,
		Evidence: fmt.Sprintf("%s may use %.3g processors (control group %s): held up in %s of %s periods, its threads for %s together",
			who, q.CPUs, q.Name, unit.Commas(q.Throttled), unit.Commas(q.Periods), unit.Seconds(q.ThrottledSeconds)),
		Meaning: "A control group that has used up its quota of processor time does not run until the next period begins, mostly after 100 ms: latency comes in steps of that, and the machine's processors look idle.",
		Cure:    "raise or lift the quota (docker --cpus, CPUQuota= of systemd, resources.limits.cpu of Kubernetes)"}
	switch {
	case share >= 0.5:
	case share >= 0.1:
		f.Severity = 74
	default:
		f.Severity = 42
	}
	return one(f)
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
	return one(result.Finding{Name: TasksUsedUp, Severity: 64, Evidence: b.String(),
		Meaning: "Processes and threads count together. Where no more can be made, a server does not grow, and a Go program ends as a whole.",
		Cure:    b.Cure + ", or fewer --threads and --workers"})
}

// memoryLow: what can still be taken without the out-of-memory killer, or without
// waiting at memory.high.
func memoryLow(w *Window) []result.Finding {
	m := w.After.Mem
	if m.Room(0.10) > 0 {
		return nil
	}
	used, total, group := m.Bound(0.10)
	f := result.Finding{Name: MemoryLow, Severity: 60,
		Evidence: fmt.Sprintf("%s of %s are free or can be dropped at once", unit.Bytes(float64(m.Free+m.CleanCache)), unit.Bytes(float64(m.Total))),
		Meaning:  "Below 5 % the kernel begins to look for a process to kill, and each allocation may have to wait.",
		Cure:     "fewer connections, more memory, or server and client on two machines"}
	if group {
		f.Evidence = fmt.Sprintf("%s: %s of %s are in use", m.BoundName(0.10), unit.Bytes(float64(used)), unit.Bytes(float64(total)))
		f.Cure = "fewer connections, a higher limit of the control group (MemoryMax= and MemoryHigh= of systemd, docker --memory), or server and client on two machines"
	}
	if m.Room(plan.MemoryReserve) == 0 {
		f.Severity = 94
	}
	return one(f)
}
