package main

import (
	"math"
	"slices"

	"github.com/c10m/c10m/internal/stat"
	"github.com/c10m/c10m/internal/unit"
)

// Figures are what one run of one server came to. What was not measured is
// absent.
type Figures struct {
	Established int64 `json:"established"`
	Failed      int64 `json:"failed"`
	Lost        int64 `json:"lost"`
	Processes   int   `json:"processes"`
	// Memory, bytes per connection: the growth from before the ramp until everything is
	// held and has settled. The kernel counts the sockets of both ends together: Kernel is
	// half of that.
	Kernel *float64 `json:"kernel_bytes_per_socket,omitempty"`
	User   *float64 `json:"user_bytes_per_conn,omitempty"` // PSS of the server's processes
	Both   *float64 `json:"bytes_per_conn,omitempty"`      // the two together: the server's end
	// Peak is the highest User during the burst, Rested User after a silence that follows
	// it, Kept User once all connections are closed.
	Peak      *float64 `json:"peak_user_bytes_per_conn,omitempty"`
	Rested    *float64 `json:"rested_user_bytes_per_conn,omitempty"`
	Kept      *float64 `json:"kept_user_bytes_per_conn,omitempty"`
	SetupRate *float64 `json:"setup_rate,omitempty"` // connections per second until the server had accepted all
	BurstRate *float64 `json:"burst_rate,omitempty"` // echoes of 1 KiB per second over all connections
	EchoRate  *float64 `json:"echo_rate,omitempty"`  // echoes of 64 B per second over 1,000 connections
	EchoP99   *float64 `json:"echo_p99_ns,omitempty"`
	Close     *float64 `json:"close_seconds,omitempty"` // from the first connection gone to the last
}

// metric is one figure, as tables and plots need it.
type metric struct {
	key   string
	name  string
	get   func(*Figures) **float64
	lower bool // less is better
	unit  unit.Kind
}

// metrics are all figures, in the order of the tables.
var metrics = []metric{
	{"kernel", "kernel memory", func(f *Figures) **float64 { return &f.Kernel }, true, unit.InBytes},
	{"user", "user memory", func(f *Figures) **float64 { return &f.User }, true, unit.InBytes},
	{"both", "memory of its end", func(f *Figures) **float64 { return &f.Both }, true, unit.InBytes},
	{"peak", "user memory at the peak of a burst", func(f *Figures) **float64 { return &f.Peak }, true, unit.InBytes},
	{"rested", "user memory in the silence after a burst", func(f *Figures) **float64 { return &f.Rested }, true,
		unit.InBytes},
	{"kept", "user memory kept after the close", func(f *Figures) **float64 { return &f.Kept }, true, unit.InBytes},
	{"setup", "setup rate", func(f *Figures) **float64 { return &f.SetupRate }, false, unit.InPerSecond},
	{"burst", "burst rate", func(f *Figures) **float64 { return &f.BurstRate }, false, unit.InPerSecond},
	{"echo", "echo rate", func(f *Figures) **float64 { return &f.EchoRate }, false, unit.InPerSecond},
	{"p99", "p99 of the echo", func(f *Figures) **float64 { return &f.EchoP99 }, true, unit.InNanos},
	{"close", "close time", func(f *Figures) **float64 { return &f.Close }, true, unit.InSeconds},
}

// value is a figure of a run; nil if the run has none or fell short: figures with fewer
// connections than asked for cannot be compared.
func (r Run) value(get func(*Figures) **float64) *float64 {
	if r.Figures == nil || r.Error != "" {
		return nil
	}
	return *get(r.Figures)
}

// medians are the medians of each figure over the runs that have it; nil if no
// run came to anything. Established, Failed, Lost are of the worst run.
func medians(runs []Run) *Figures {
	var out *Figures
	for _, r := range runs {
		if r.Figures == nil {
			continue
		}
		if out == nil {
			worst := *r.Figures
			out = &worst
		}
		out.Established = min(out.Established, r.Figures.Established)
		out.Failed, out.Lost = max(out.Failed, r.Figures.Failed), max(out.Lost, r.Figures.Lost)
	}
	if out == nil {
		return nil
	}
	for _, m := range metrics {
		*m.get(out) = middle(runs, m.get)
	}
	if out.Both = nil; out.Kernel != nil && out.User != nil {
		both := *out.Kernel + *out.User
		out.Both = &both
	}
	return out
}

// middle is the median of one figure; nil where no run has it.
func middle(runs []Run, get func(*Figures) **float64) *float64 {
	var v []float64
	for _, r := range runs {
		if one := r.value(get); one != nil {
			v = append(v, *one)
		}
	}
	if len(v) == 0 {
		return nil
	}
	m := stat.Median(v)
	return &m
}

// spread is how far the runs of a figure lie apart: the largest over the
// smallest; 1 if there is at most one, or one is not positive.
func spread(runs []Run, get func(*Figures) **float64) float64 {
	least, most := math.Inf(1), 0.0
	for _, r := range runs {
		if one := r.value(get); one != nil {
			least, most = min(least, *one), max(most, *one)
		}
	}
	if most <= 0 || least <= 0 || math.IsInf(least, 1) {
		return 1
	}
	return most / least
}

// ratios are the medians of each figure divided by the floor's of the same
// round, the median of its runs there: what else the machine did in a round
// cancels out. Rounds in which either has no figure do not count, nor does a
// floor of 0.
func ratios(runs, floor []Run) map[string]float64 {
	out := map[string]float64{}
	for _, m := range metrics {
		var v []float64
		for _, r := range runs {
			base := middle(of(floor, r.Round), m.get)
			if one := r.value(m.get); one != nil && base != nil && *base != 0 {
				v = append(v, *one / *base)
			}
		}
		if len(v) > 0 {
			out[m.key] = stat.Median(v)
		}
	}
	return out
}

// of picks the runs of a round.
func of(runs []Run, round int) (chosen []Run) {
	for _, r := range runs {
		if r.Round == round {
			chosen = append(chosen, r)
		}
	}
	return chosen
}

// rotated is the order of a round: each of three rounds starts a third of the list further
// on, so that no server is always measured first or last.
func rotated[T any](list []T, round, rounds int) []T {
	if len(list) == 0 {
		return nil
	}
	at := round * len(list) / max(1, rounds) % len(list)
	return append(slices.Clone(list[at:]), list[:at]...)
}

// order is the order of the servers in a round: rotated, with the floor a second time,
// half a round after its own place, because every ratio of the round depends on it.
func order(list []server, round, rounds int) []int {
	all := rotated(numbers(len(list)), round, rounds)
	at := slices.IndexFunc(all, func(i int) bool { return list[i].class == floor })
	if at < 0 || len(all) < 3 {
		return all
	}
	half := (at + (len(all)+1)/2) % len(all)
	return slices.Insert(all, half, all[at])
}

// numbers are 0..n-1.
func numbers(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}
