package proc

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/c10m/c10m/internal/result"
)

// Quota is the quota of processor time that binds a process: the tightest of its
// control group and all above. nil where there is none, or where none is shown.
// v2 has it in cpu.max, v1 in cpu.cfs_quota_us and cpu.cfs_period_us, sched-bwc.rst.
func (p FS) Quota(pid int) (tightest *result.Cgroup) {
	for _, g := range p.cgroups(pid, "cpu") {
		cpus, ok := g.cpus()
		if !ok || tightest != nil && cpus >= tightest.CPUs {
			continue
		}
		tightest = &result.Cgroup{Name: g.name, CPUs: cpus}
		if b, err := os.ReadFile(g.file("cpu.stat")); err == nil {
			parseThrottled(string(b), tightest)
		}
	}
	return tightest
}

// cpus is how many processors' worth of time the group's quota is.
func (g group) cpus() (cpus float64, limited bool) {
	if g.v2 {
		b, err := os.ReadFile(g.file("cpu.max"))
		if err != nil {
			return 0, false
		}
		quota, period, _ := strings.Cut(strings.TrimSpace(string(b)), " ")
		return share(quota, period)
	}
	quota, err := os.ReadFile(g.file("cpu.cfs_quota_us"))
	if err != nil {
		return 0, false
	}
	period, err := os.ReadFile(g.file("cpu.cfs_period_us"))
	if err != nil {
		return 0, false
	}
	return share(strings.TrimSpace(string(quota)), strings.TrimSpace(string(period)))
}

// share divides microseconds by microseconds: "max" and -1 are no quota.
func share(quota, period string) (cpus float64, limited bool) {
	q, err1 := strconv.ParseUint(quota, 10, 48)
	p, err2 := strconv.ParseUint(period, 10, 48)
	if err1 != nil || err2 != nil || q == 0 || p == 0 {
		return 0, false
	}
	return float64(q) / float64(p), true
}

// parseThrottled reads cpu.stat: nr_periods and nr_throttled, and the time in
// microseconds (throttled_usec, v2) or nanoseconds (throttled_time, v1).
func parseThrottled(s string, to *result.Cgroup) {
	for line := range strings.Lines(s) {
		var name string
		var n int64
		if _, err := fmt.Sscan(line, &name, &n); err != nil || n < 0 {
			continue
		}
		switch name {
		case "nr_periods":
			to.Periods = n
		case "nr_throttled":
			to.Throttled = n
		case "throttled_usec":
			to.ThrottledSeconds = float64(n) / 1e6
		case "throttled_time":
			to.ThrottledSeconds = float64(n) / 1e9
		}
	}
}
