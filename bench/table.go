package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/internal/unit"
)

// tenMillion is what memory is extrapolated to.
const tenMillion = 10_000_000

// columns makes columns of names and their units.
func columns(all ...any) (list []report.Column) {
	for i := 0; i+1 < len(all); i += 2 {
		list = append(list, report.Column{Name: all[i].(string), Unit: all[i+1].(unit.Kind)})
	}
	return list
}

// serverColumns are the figures of a server; a rate has its unit in its name.
var serverColumns = columns("server", unit.InText, "kernel", unit.InBytes, "user", unit.InBytes, "both", unit.InBytes,
	"× floor", unit.InNumber, "10M connections", unit.InBytes, "in a burst", unit.InBytes, "after it", unit.InBytes,
	"closed", unit.InBytes, "setup/s", unit.InNumber, "× floor", unit.InNumber, "echo/s", unit.InNumber,
	"× floor", unit.InNumber, "p99", unit.InNanos, "× floor", unit.InNumber, "close", unit.InSeconds,
	"× floor", unit.InNumber, "failures", unit.InText)

// serverTable has the servers of a protocol: those of which there is a figure by
// their author, Tornado as measured here, all others by memory, the floor, us.
func serverTable(c *Comparison, proto string) report.Table {
	t := report.Table{Columns: serverColumns, Words: true}
	for _, f := range given(proto) {
		row := make([]any, len(serverColumns))
		both := positive(f.both)
		row[0], row[2], row[3], row[5] = f.name, cell(positive(f.user)), cell(both), tenMillionOf(both)
		t.Rows = append(t.Rows, row)
	}
	for _, r := range ordered(c.Servers, proto) {
		t.Rows = append(t.Rows, serverRow(r, proto))
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
	rank := map[class]int{published: 0, other: 1, floor: 2, ours: 3}
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

func serverRow(r Row, proto string) []any {
	name := r.Name
	if r.Class == floor && proto != r.Proto {
		name += ", TCP"
	}
	f := r.Median
	if f == nil {
		f = &Figures{}
	}
	return []any{name, cell(f.Kernel), cell(f.User), cell(f.Both), ratioCell(r, "both"), tenMillionOf(f.Both),
		cell(f.Peak), cell(f.Rested), cell(f.Kept),
		cell(f.SetupRate), ratioCell(r, "setup"), cell(f.EchoRate), ratioCell(r, "echo"),
		cell(f.EchoP99), ratioCell(r, "p99"), cell(f.Close), ratioCell(r, "close"), failures(r)}
}

var clientColumns = columns("client", unit.InText, "user", unit.InBytes, "10M connections", unit.InBytes,
	"setup/s", unit.InNumber, "× c10m", unit.InNumber, "failures", unit.InText)

func clientTable(c *Comparison) report.Table {
	t := report.Table{Columns: clientColumns, Words: true}
	for _, r := range ordered(c.Clients, "tcp") {
		f := r.Median
		if f == nil {
			f = &Figures{}
		}
		t.Rows = append(t.Rows, []any{r.Name, cell(f.User), tenMillionOf(f.User), cell(f.SetupRate),
			ratioCell(r, "setup"), failures(r)})
	}
	return t
}

func aboutTable(rows []Row) report.Table {
	t := report.Table{Words: true, Columns: columns("name", unit.InText, "protocol", unit.InText,
		"version, tuning, and what recommends it", unit.InText)}
	for _, r := range rows {
		t.Rows = append(t.Rows, []any{r.Name, r.Proto, r.About})
	}
	for _, f := range publicFigures {
		t.Rows = append(t.Rows, []any{f.name, f.proto, f.about})
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

func tenMillionOf(v *float64) any {
	if v == nil {
		return nil
	}
	return *v * tenMillion
}

// cell is a figure as a table takes it; nil if it was not measured.
func cell(v *float64) any {
	if v == nil {
		return nil
	}
	return *v
}

func ratioCell(r Row, key string) any {
	if v, ok := r.Ratio[key]; ok {
		return v
	}
	return nil
}

// behind says in which figures another server of a protocol is better than ours, for
// each engine of ours, and at its end in which it is the best. The floor does not count:
// it is a yardstick, not a server that one would choose.
func behind(rows []Row, proto string) (lines []string) {
	for i, us := range rows {
		if us.Class == ours && us.Proto == proto {
			lines = append(lines, behindOf(rows, i)...)
		}
	}
	if len(lines) == 0 {
		return []string{"c10m itself has no figures: " + failures(Row{})}
	}
	return lines
}

// behindOf is behind for the row of ours at one place.
func behindOf(rows []Row, at int) (lines []string) {
	us := rows[at]
	if us.Median == nil {
		return []string{us.Name + " itself has no figures: " + failures(us)}
	}
	var best []string
	for _, s := range stated {
		mine := *s.get(us.Median)
		if mine == nil {
			continue
		}
		if better := betterThan(rows, at, s, *mine); len(better) > 0 {
			lines = append(lines, fmt.Sprintf("%s: %s is not the best, with %s: %s", s.name, us.Name,
				s.unit.Format(*mine), strings.Join(better, ", ")))
		} else {
			best = append(best, s.name)
		}
	}
	if len(best) > 0 {
		lines = append(lines, us.Name+" is the best in: "+strings.Join(best, ", "))
	}
	return lines
}

// stated are the metrics that behind compares: without the kernel's memory, which a server
// cannot change, and those that contain others.
var stated = slices.DeleteFunc(slices.Clone(metrics), func(m metric) bool {
	return m.key == "kernel" || m.key == "both" || m.key == "burst"
})

// betterThan lists the others of the protocol that are better than mine, the best
// first: as measured, and by their authors' figures.
func betterThan(rows []Row, at int, s metric, mine float64) (names []string) {
	type one struct {
		name  string
		value float64
	}
	var all []one
	add := func(name string, v *float64) {
		if v != nil && (s.lower && *v < mine || !s.lower && *v > mine) {
			all = append(all, one{name, *v})
		}
	}
	proto := rows[at].Proto
	for i, r := range rows {
		if i != at && r.Proto == proto && r.Class != floor && r.Median != nil {
			add(r.Name, *s.get(r.Median))
		}
	}
	if s.key == "user" {
		for _, f := range given(proto) {
			add(f.name, positive(f.user))
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
		names = append(names, o.name+" "+s.unit.Format(o.value))
	}
	return names
}

// noise says by how much the rounds differ, if that is notable.
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
	return fmt.Sprintf("The rounds lie apart by up to a factor of %s (%s): a machine of few cores with other work on it. "+
		"Absolute rates say little here; the ratios are of the same round, and their medians count.",
		unit.Significant(worst), of)
}

// notableSpread is the spread above which noise speaks.
const notableSpread = 1.25
