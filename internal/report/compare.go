package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/stat"
)

// Group is one column of a comparison: a run, or repetitions of one.
type Group struct {
	Name  string
	Files []string
	Runs  []*result.Result
}

// Comparison is groups side by side. The first is the baseline.
type Comparison struct {
	groups   []Group
	numbers  []map[string]float64   // medians of each group
	runs     [][]map[string]float64 // numbers of each run of each group
	Verdicts []GroupVerdict
}

// Compare holds every group but the first against the thresholds; a group that
// is alone is held against those that need no baseline. A group's number is the
// median of its runs, and not measured if any of them lacks it. What is shown of
// the groups is legible.
func Compare(groups []Group, thresholds []result.Threshold) (*Comparison, error) {
	groups = legible(groups)
	c := &Comparison{groups: groups}
	for _, g := range groups {
		var runs []map[string]float64
		for i, r := range g.Runs {
			numbers, err := r.Numbers()
			if err != nil {
				return nil, fmt.Errorf("compare %s: %w", g.Files[i], err)
			}
			runs = append(runs, numbers)
		}
		c.runs = append(c.runs, runs)
		c.numbers = append(c.numbers, result.MediansOf(runs))
	}
	judged := groups
	if len(groups) > 1 {
		judged = groups[1:]
	}
	for i, g := range judged {
		for _, t := range thresholds {
			numbers := c.numbers[len(groups)-len(judged)+i]
			c.Verdicts = append(c.Verdicts, GroupVerdict{g.Name, t.Check(numbers, c.numbers[0])})
		}
	}
	return c, nil
}

// Failed says whether any group failed a threshold.
func (c *Comparison) Failed() bool { return len(c.FailedThresholds()) > 0 }

// FailedThresholds says of each condition that held which group met it, and how, a
// line each.
func (c *Comparison) FailedThresholds() []string { return failedLines(legible(c.Verdicts)) }

// cell is one number of one group.
type cell struct {
	known    bool
	value    float64
	lo, hi   float64 // of the runs
	n        int
	ratio    float64 // to the baseline; 0: none
	overlaps bool    // with the runs of the baseline
	// chance is how often noise alone would set it as far from the baseline; nil: one
	// of the two is a single run. word says which way it differs, if that is sure.
	chance *float64
	word   string
}

// cellOf is a group's number beside the baseline's.
func (c *Comparison) cellOf(path string, group int) cell {
	one := c.own(path, group)
	if group == 0 || !one.known {
		return one
	}
	base := c.own(path, 0)
	if !base.known {
		return one
	}
	one.overlaps = one.n+base.n > 2 && one.lo <= base.hi && base.lo <= one.hi && one.value != base.value
	one.judge(path, result.Values(path, c.runs[group]), result.Values(path, c.runs[0]))
	if base.value > 0 && one.value >= 0 && !math.IsInf(base.value+one.value, 0) {
		one.ratio = one.value / base.value
	}
	return one
}

func (c *Comparison) own(path string, group int) (one cell) {
	values := result.Values(path, c.runs[group])
	if len(values) == 0 || len(values) < len(c.runs[group]) {
		return one
	}
	return cell{known: true, value: stat.Median(values), lo: slices.Min(values), hi: slices.Max(values), n: len(values)}
}

// spread is how far the farthest run is from the median: ±1.2 %.
func (c cell) spread() string {
	if c.value == 0 || c.lo == c.hi || math.IsInf(c.hi, 0) {
		return ""
	}
	far := max(c.hi-c.value, c.value-c.lo) / math.Abs(c.value)
	if far >= 0.0995 {
		return fmt.Sprintf("±%.0f %%", 100*far)
	}
	return fmt.Sprintf("±%.1f %%", 100*far)
}

// times writes the ratio: ×1.085, and a ~ where the runs overlap.
func (c cell) times() string {
	mark := "  "
	if c.overlaps {
		mark = " ~"
	}
	switch {
	case c.ratio == 0:
		return ""
	case c.ratio >= 99.5:
		return fmt.Sprintf("×%.0f", c.ratio) + mark
	case c.ratio < 0.0995:
		return fmt.Sprintf("×%.2g", c.ratio) + mark
	}
	return fmt.Sprintf("×%.3f", c.ratio) + mark
}

// part is a few rows of a comparison under one title.
type part struct {
	title string
	rows  []named
}

// named is a number with the name it has in tables.
type named struct{ name, path string }

// parts are the numbers worth a look, as far as any of the groups has them.
func (c *Comparison) parts() (list []part) {
	for _, p := range []part{
		{"Setup", []named{{"rate, per second", "setup.rate"}, {"time", "setup.seconds"},
			{"connect p50", "setup.latency.p50"}, {"connect p99", "setup.latency.p99"},
			{"connect p99.9", "setup.latency.p999"}, {"connect max", "setup.latency.max"},
			{"handshake p50", "setup.handshake.p50"}, {"handshake p99", "setup.handshake.p99"}}},
		{"TLS", []named{{"handshakes a second", "tls.rate"}, {"full", "tls.full_handshakes"},
			{"resumed", "tls.resumed_handshakes"}, {"handshake p50", "tls.latency.p50"},
			{"handshake p99", "tls.latency.p99"}}},
		{"Memory a connection", []named{{"kernel", "memory.kernel_bytes_per_conn"},
			{"server", "memory.server_bytes_per_conn"}, {"client", "memory.client_bytes_per_conn"},
			{"total", "memory.total_bytes_per_conn"}, {"total, plain", "memory.plain.total"},
			{"r² of the fit", "memory.fit.r2"}}},
		{"Kernel caches", c.listed("memory.caches.", ".bytes_per_conn")},
		{"Messages", []named{{"echoes a second", "echo.rate"}, {"echo p50", "echo.latency.p50"},
			{"echo p99", "echo.latency.p99"}, {"echo p99.9", "echo.latency.p999"},
			{"echo max", "echo.latency.max"}, {"lost", "echo.lost"}, {"mismatched", "echo.mismatched"},
			{"pushes a second", "talk.pushes.rate"}, {"fan-out p99", "talk.fan_out.delay.p99"},
			{"first message p99", "talk.first.latency.p99"}, {"pong p99", "pings.latency.p99"},
			{"deflate, of the payload", "talk.deflate.wire_share"}}},
		{"Connections", append([]named{{"established", "conns.established"}, {"failed", "conns.failed"},
			{"lost", "conns.lost"}}, c.listed("conns.errors.", "")...)},
		{"Churn", []named{{"transactions", "churn.rate"}, {"p50", "churn.p50_ns"}, {"p99", "churn.p99_ns"},
			{"new connections", "churn.conn_rate"},
			{"TIME_WAIT of the client", "churn.time_wait.client"}, {"local ports in use", "churn.local_ports_used"},
			{"no port", "churn.no_port"}, {"ports last", "churn.exhausted_after_seconds"}}},
		{"Stress", []named{{"errors", "stress.error_share"}, {"not done in time", "stress.undone_transactions"},
			{"server memory", "stress.server_after.pss"}}},
		{"Peak", []named{{"users", "peak.users"}, {"transactions", "peak.rate"}, {"p99", "peak.p99_ns"},
			{"breaks at", "peak.breaks_at_users"}}},
		{"Soak", []named{{"growth an hour", "soak.growth_bytes_per_hour"},
			{"at least", "soak.growth_bytes_per_hour_low"}, {"at most", "soak.growth_bytes_per_hour_high"},
			{"kernel an hour", "soak.kernel.per_hour"}, {"fds an hour", "soak.fds.per_hour"}}},
		{"Best of the sweep", c.swept()},
		{"Processor seconds", []named{{"client", "cpu.client_seconds"}, {"server", "cpu.server_seconds"},
			{"softirq", "cpu.softirq_seconds"}}},
	} {
		p.rows = slices.DeleteFunc(p.rows, func(n named) bool { return !c.has(n.path) })
		if len(p.rows) > 0 {
			list = append(list, p)
		}
	}
	return list
}

// swept is the metric of the groups' sweeps, of their best variants.
func (c *Comparison) swept() (list []named) {
	for _, g := range c.groups {
		for _, r := range g.Runs {
			if r.Sweep == nil {
				continue
			}
			if n := (named{r.Sweep.Metric, "sweep.best." + r.Sweep.Metric}); !slices.Contains(list, n) {
				list = append(list, n)
			}
		}
	}
	return list
}

// has says whether any of the groups has a number. Errors that happened in none
// of them are not worth a row.
func (c *Comparison) has(path string) bool {
	for group := range c.groups {
		one := c.own(path, group)
		if one.known && (one.hi > 0 || !strings.HasPrefix(path, "conns.errors.")) {
			return true
		}
	}
	return false
}

// listed are the parts of a list in any group, largest of the first one first.
func (c *Comparison) listed(before, after string) (list []named) {
	for _, numbers := range c.numbers {
		for path := range numbers {
			name, isPart := strings.CutPrefix(path, before)
			name, whole := strings.CutSuffix(name, after)
			n := named{name, path}
			if isPart && whole && !strings.Contains(name, ".") && !slices.Contains(list, n) {
				list = append(list, n)
			}
		}
	}
	largest := func(n named) (v float64) {
		for _, numbers := range c.numbers {
			v = max(v, numbers[n.path])
		}
		return v
	}
	slices.SortFunc(list, func(a, b named) int {
		return cmp.Or(cmp.Compare(largest(b), largest(a)), cmp.Compare(a.name, b.name))
	})
	return list
}

// difference is a setting in which the groups are not alike.
type difference struct {
	name   string
	values []string // of each group
}

// differences are in the scenario, the plan and the machine: who compares
// runs must know them.
func (c *Comparison) differences() (list []difference) {
	settings := make([]map[string][]string, len(c.groups))
	kernels := c.kernelsKnown()
	var names []string
	for i, g := range c.groups {
		settings[i] = map[string][]string{}
		for _, r := range g.Runs {
			own := settingsOf(r)
			if kernels {
				maps.Copy(own, r.Host.Settings)
			}
			for name, value := range own {
				if !slices.Contains(names, name) {
					names = append(names, name)
				}
				if !slices.Contains(settings[i][name], value) {
					settings[i][name] = append(settings[i][name], value)
				}
			}
		}
	}
	slices.Sort(names)
	for _, name := range names {
		d, within := difference{name: name}, false
		for _, s := range settings {
			d.values = append(d.values, cmp.Or(strings.Join(s[name], ", "), "-"))
			within = within || len(s[name]) > 1
		}
		if within || len(slices.Compact(slices.Clone(d.values))) > 1 {
			list = append(list, d)
		}
	}
	return list
}

// kernelsKnown says whether every run has its kernel's settings. Where one is a
// file from before they were kept, all of them would differ from nothing.
func (c *Comparison) kernelsKnown() bool {
	return !slices.ContainsFunc(c.groups, func(g Group) bool {
		return slices.ContainsFunc(g.Runs, func(r *result.Result) bool { return len(r.Host.Settings) == 0 })
	})
}

// settingsOf is what a run was, by the names of the file. Its kernel's settings
// have names of their own.
func settingsOf(r *result.Result) map[string]string {
	all := map[string]string{"scenario": r.Scenario, "proto": spoken(r)}
	if n := len(r.Agents); n > 0 {
		all["agents"] = strconv.Itoa(n)
	}
	if r.ServerEngine != "" {
		all["server_engine"] = r.ServerEngine
	}
	for prefix, v := range map[string]any{"host.": r.Host, "plan.": r.Plan} {
		b, err := json.Marshal(v)
		if err != nil {
			continue // no number of it can be NaN: Numbers has seen them
		}
		fields := map[string]any{}
		_ = json.Unmarshal(b, &fields)
		// Another start of the same machine, another namespace like it, differ in nothing.
		for _, name := range []string{"settings", "boot_id", "net_namespace"} {
			delete(fields, name)
		}
		for name, value := range fields {
			if n, ok := value.(float64); ok {
				value = measure(prefix+name, n)
			}
			all[prefix+name] = fmt.Sprint(value)
		}
	}
	return all
}
