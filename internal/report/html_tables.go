package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

// sentenceOf joins facts.
func sentenceOf(facts []string) string { return strings.Join(facts, ", ") }

// tiles are the figures that are looked for first.
func tiles(r *result.Result) (list []tile) {
	c := r.Conns
	asked := fmt.Sprintf("of %s asked for", unit.Commas(r.Plan.Conns))
	if c.Established > r.Plan.Conns { // they came and went
		asked = unit.Commas(r.Plan.Conns) + " at a time"
	}
	list = append(list, tile{"connections", unit.Commas(c.Established), asked})
	if r.Setup != nil && r.Setup.Rate > 0 {
		list = append(list, tile{"setup rate", unit.PerSecond(r.Setup.Rate), "over " + unit.Seconds(r.Setup.Seconds)})
	}
	if m := r.Memory; m.Measured() {
		list = append(list, tile{"memory a connection", unit.PerConn(m.TotalPerConn), "kernel: " + kernelEnds(m)})
		if t := extrapolation(m); t != "" {
			list = append(list, tile{"10,000,000 need", t, ""})
		}
	}
	if r.Setup != nil && r.Setup.Latency != nil {
		list = append(list, tile{"connect, p99", unit.Nanos(r.Setup.Latency.P99),
			"p50 " + unit.Nanos(r.Setup.Latency.P50)})
	}
	if e := r.Echo; e != nil && e.Rate > 0 {
		list = append(list, tile{"echoes", unit.PerSecond(e.Rate), "over " + unit.Seconds(e.Seconds)})
	}
	if e := r.Echo; e != nil && e.Latency != nil {
		list = append(list, tile{"echo, p99", unit.Nanos(e.Latency.P99), "p50 " + unit.Nanos(e.Latency.P50)})
	}
	list = append(list, tile{"failed", unit.Commas(c.Failed), Plural(c.Lost, "connection") + " lost"})
	return list
}

// extrapolation is what ten million need; "" if the line does not carry so far.
func extrapolation(m *result.Memory) string {
	if need := m.Projection(); need > 0 {
		return unit.Bytes(need)
	}
	return ""
}

// verdictTable is what came of each threshold.
func verdictTable(list []GroupVerdict) table {
	t := table{Title: "What was asked of the run", First: "condition", Head: []string{"outcome"}, Words: "what was met"}
	if list[0].Group != "" {
		t.Title = "What was asked of each group"
	}
	for _, v := range list {
		row := line{Name: v.lead() + v.Threshold, Values: []string{passedOrFailed(v.Verdict)}, Note: found(v.Verdict),
			Class: "good"}
		if v.Verdict.Failed {
			row.Class = "bad"
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// answerSection is the exchange that made the first connection fail.
func answerSection(a *result.FailedAnswer) section {
	if a == nil {
		return section{}
	}
	return section{Title: answerTitle(a), Class: "full", Code: strings.Join(exchange(a), "\n")}
}

// exchange is both directions of one: what was sent behind >, what came back behind <.
func exchange(a *result.FailedAnswer) (all []string) {
	for _, line := range a.Sent {
		all = append(all, "> "+line)
	}
	for _, line := range a.Lines {
		all = append(all, "< "+line)
	}
	if len(a.Lines) == 0 {
		all = append(all, "< (nothing came)")
	}
	return all
}

// settings collects words by their names, as far as they are known.
type settings struct{ table }

func (s *settings) put(known bool, name, value string) {
	if known {
		s.Rows = append(s.Rows, line{Name: name, Note: value})
	}
}

// machineSection is the machine and what was asked of it.
func machineSection(r *result.Result) section {
	t := settings{table{Title: "Machine of the client"}}
	if len(r.Agents) > 1 {
		t.Title = "Machine of the first agent"
	}
	h := r.Host
	t.put(!r.Started.IsZero(), "started", r.Started.Format("2006-01-02 15:04:05 MST"))
	t.put(h.Kernel != "", "kernel", "Linux "+h.Kernel)
	t.put(h.CPUs > 0, "cores", unit.Commas(h.CPUs))
	t.put(h.MemoryBytes > 0, "memory", unit.Bytes(float64(h.MemoryBytes)))
	t.put(h.Nofile > 0, "fd limit of a table", unit.Commas(h.Nofile))
	t.put(h.Go != "", "Go", h.Go)
	t.put(h.Commit != "", "c10m", h.Commit)
	ipv4, others := settings{table{Title: "The kernel's settings: net.ipv4"}},
		settings{table{Title: "The kernel's settings: others"}}
	for _, key := range slices.Sorted(maps.Keys(h.Settings)) {
		in := strings.HasPrefix(key, "net.ipv4.")
		ipv4.put(in, key, h.Settings[key])
		others.put(!in, key, h.Settings[key])
	}
	return section{Title: "Machine and settings", Class: "textual",
		Tables: filled(t.table, planTable(r), ipv4.table, others.table)}
}

// planTable is empty for a lab that opened no connections.
func planTable(r *result.Result) table {
	t, q := settings{table{Title: "Plan"}}, r.Plan
	if q.Conns == 0 {
		return t.table
	}
	t.put(true, "scenario", r.Scenario+" over "+spoken(r))
	t.put(len(q.Targets) > 0, "targets", strings.Join(q.Targets, ", "))
	t.put(q.Host != "", "to", q.Host)
	first := fmt.Sprint(q.FirstPort)
	if q.WSFirstPort > 0 {
		first += fmt.Sprintf(" and %d, half each", q.WSFirstPort)
	}
	t.put(q.FirstPort > 0 && q.Ports > 0, "ports", fmt.Sprintf("%d from %s", q.Ports, first))
	t.put(q.Sources > 0, "source addresses", unit.Commas(q.Sources))
	t.put(true, "connections", unit.Commas(q.Conns))
	rate := "as fast as possible"
	if q.Rate > 0 {
		rate = unit.PerSecond(float64(q.Rate))
	}
	t.put(true, "rate", rate)
	t.put(q.Hold > 0, holdWord(r.Scenario), unit.Nanos(int64(q.Hold)))
	t.put(q.Interval > 0, "a message each", unit.Nanos(int64(q.Interval)))
	size := fmt.Sprintf("%d B", q.Size)
	if q.SizeMax > q.Size {
		size = fmt.Sprintf("%d to %d B", q.Size, q.SizeMax)
	}
	t.put(q.Size > 0, "message size", size)
	t.put(q.MessageRate > 0, "messages asked for", unit.PerSecond(float64(q.MessageRate))+" in all")
	t.put(q.Depth > 1, "messages under way a connection", unit.Commas(q.Depth))
	t.put(q.Threads > 0, "client threads", unit.Commas(q.Threads))
	t.put(q.FDTables > 0, "fd tables", unit.Commas(q.FDTables))
	return t.table
}

func rerunSection(command []string) section {
	if len(command) == 0 {
		return section{}
	}
	return section{Title: "Run it again", Code: ShellQuote(command)}
}
