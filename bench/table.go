package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/c10m/c10m/internal/unit"
)

// table is rows of text, for Markdown and HTML alike.
type table struct {
	head []string
	rows [][]string
}

// tornado is what the author of a Tornado server for ten million connections gives
// for it: bytes per connection and end, 1 KB = 1000 B. byItsAuthor names its row.
const byItsAuthor = "Tornado, by its author's figure"

var tornado = map[string]float64{"tcp": 10_500, "ws": 15_500}

// tenMillion is what memory is extrapolated to.
const tenMillion = 10_000_000

// none is a cell that was not measured.
const none = "-"

var serverHead = []string{"server", "kernel", "user", "both", "× floor", "10M connections", "in a burst", "after it", "closed",
	"setup/s", "× floor", "echo/s", "× floor", "p99", "× floor", "close", "× floor", "failures"}

// serverTable has the servers of a protocol: Tornado, by its author's figure and
// as measured here, all others by memory, the floor, us.
func serverTable(c *Comparison, proto string) table {
	t := table{head: serverHead}
	first := []string{byItsAuthor, none, none, inBytes(tornado[proto]), none, gigabytes(tornado[proto] * tenMillion)}
	for len(first) < len(serverHead) {
		first = append(first, none)
	}
	t.rows = append(t.rows, first)
	for _, r := range ordered(c.Servers, proto) {
		t.rows = append(t.rows, serverRow(r, proto))
	}
	return t
}

// ordered picks the rows of a protocol and the floor, which is TCP.
func ordered(rows []Row, proto string) []Row {
	var chosen []Row
	for _, r := range rows {
		if r.Proto == proto || r.Class == floor {
			chosen = append(chosen, r)
		}
	}
	rank := map[class]int{began: 0, other: 1, floor: 2, ours: 3}
	slices.SortStableFunc(chosen, func(a, b Row) int {
		if d := rank[a.Class] - rank[b.Class]; d != 0 {
			return d
		}
		switch x, y := sortBy(a), sortBy(b); {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	return chosen
}

// sortBy is the user memory; what has none comes last.
func sortBy(r Row) float64 {
	if r.Median == nil || r.Median.User == nil {
		return math.Inf(1)
	}
	return *r.Median.User
}

func serverRow(r Row, proto string) []string {
	name := r.Name
	if r.Class == floor && proto != r.Proto {
		name += ", TCP"
	}
	f := r.Median
	if f == nil {
		f = &Figures{}
	}
	return []string{name, cell(f.Kernel, inBytes), cell(f.User, inBytes), cell(f.Both, inBytes), ratioCell(r, "both"), cell(times(f.Both, tenMillion), gigabytes),
		cell(f.Peak, inBytes), cell(f.Rested, inBytes), cell(f.Kept, inBytes),
		cell(f.SetupRate, rate), ratioCell(r, "setup"), cell(f.EchoRate, rate), ratioCell(r, "echo"),
		cell(f.EchoP99, milliseconds), ratioCell(r, "p99"), cell(f.Close, seconds), ratioCell(r, "close"), failures(r)}
}

var clientHead = []string{"client", "user", "10M connections", "setup/s", "× c10m", "failures"}

func clientTable(c *Comparison) table {
	t := table{head: clientHead}
	for _, r := range ordered(c.Clients, "tcp") {
		f := r.Median
		if f == nil {
			f = &Figures{}
		}
		t.rows = append(t.rows, []string{r.Name, cell(f.User, inBytes), cell(times(f.User, tenMillion), gigabytes), cell(f.SetupRate, rate), ratioCell(r, "setup"), failures(r)})
	}
	return t
}

func aboutTable(rows []Row) table {
	t := table{head: []string{"name", "protocol", "version, tuning, and what recommends it"}}
	for _, r := range rows {
		t.rows = append(t.rows, []string{r.Name, r.Proto, r.About})
	}
	return t
}

// failures is the error itself, not a blank; "none" if there was none.
func failures(r Row) string {
	why, n := r.failed()
	switch {
	case n == 0 && len(r.Runs) == 0:
		return "not run"
	case n == 0:
		return "none"
	}
	return fmt.Sprintf("%d of %d: %s", n, len(r.Runs), why)
}

func times(a *float64, by float64) *float64 {
	if a == nil {
		return nil
	}
	p := *a * by
	return &p
}

func cell(v *float64, write func(float64) string) string {
	if v == nil {
		return none
	}
	return write(*v)
}

func ratioCell(r Row, key string) string {
	if v, ok := r.Ratio[key]; ok {
		return fmt.Sprintf("%.2f", v)
	}
	return none
}

func inBytes(v float64) string { return group(v) + " B" }

func rate(v float64) string { return group(v) }

// group writes a whole number with separators; what rounds to -0 is 0.
func group(v float64) string {
	n := int64(math.Round(v))
	if n < 0 {
		return "-" + unit.Commas(-n)
	}
	return unit.Commas(n)
}

func gigabytes(v float64) string    { return fmt.Sprintf("%.1f GB", v/1e9) }
func milliseconds(v float64) string { return fmt.Sprintf("%.1f ms", v/1e6) }
func seconds(v float64) string      { return fmt.Sprintf("%.2f s", v) }

// behind says, in words, where a server is better than ours, of one protocol.
// The floor is a yardstick, not a server to choose. Figures in which ours is
// best are named at the end.
func behind(rows []Row, proto string) (lines []string) {
	var us *Row
	for i, r := range rows {
		if r.Class == ours && r.Proto == proto {
			us = &rows[i]
		}
	}
	if us == nil || us.Median == nil {
		return []string{"c10m itself has no figures: " + failures(Row{Runs: runsOf(us)})}
	}
	var best []string
	for _, s := range stated {
		mine := *s.get(us.Median)
		if mine == nil {
			continue
		}
		if better := betterThan(rows, proto, s, *mine); len(better) > 0 {
			lines = append(lines, fmt.Sprintf("%s: c10m is not the best, with %s: %s", s.name, s.write(*mine), strings.Join(better, ", ")))
		} else {
			best = append(best, s.name)
		}
	}
	if len(best) > 0 {
		lines = append(lines, "c10m is the best in: "+strings.Join(best, ", "))
	}
	return lines
}

func runsOf(r *Row) []Run {
	if r == nil {
		return nil
	}
	return r.Runs
}

// statement is a metric with its unit.
type statement struct {
	metric
	write func(float64) string
}

// stated are the metrics that behind speaks of.
var stated = func() (all []statement) {
	units := map[string]func(float64) string{"user": inBytes, "peak": inBytes, "rested": inBytes, "kept": inBytes, "setup": rate, "echo": rate, "p99": milliseconds, "close": seconds}
	for _, m := range metrics {
		if write := units[m.key]; write != nil {
			all = append(all, statement{m, write})
		}
	}
	return all
}()

// betterThan lists the others of the protocol that are better than mine, the
// best first.
func betterThan(rows []Row, proto string, s statement, mine float64) (names []string) {
	type one struct {
		name  string
		value float64
	}
	var all []one
	for _, r := range rows {
		if r.Proto != proto || r.Class == floor || r.Class == ours || r.Median == nil || *s.get(r.Median) == nil {
			continue
		}
		if v := **s.get(r.Median); s.lower && v < mine || !s.lower && v > mine {
			all = append(all, one{r.Name, v})
		}
	}
	slices.SortStableFunc(all, func(a, b one) int {
		switch {
		case a.value == b.value:
			return 0
		case (a.value < b.value) == s.lower:
			return -1
		}
		return 1
	})
	for _, o := range all {
		names = append(names, o.name+" "+s.write(o.value))
	}
	return names
}

// noise says how far the rounds lie apart, if they do.
func noise(rows []Row) string {
	worst, of := 1.0, ""
	for _, r := range rows {
		for _, m := range metrics {
			if m.key != "setup" && m.key != "echo" {
				continue
			}
			if s := spread(r.Runs, m.get); s > worst {
				worst, of = s, fmt.Sprintf("the %s of %s (%s)", m.name, r.Name, r.Proto)
			}
		}
	}
	if worst < notableSpread {
		return ""
	}
	return fmt.Sprintf("The rounds lie apart by up to a factor of %.1f (%s): a machine of few cores with other work on it. Absolute rates say little here; the ratios are of the same round, and their medians count.", worst, of)
}

// notableSpread is from which on the spread is spoken of.
const notableSpread = 1.25
