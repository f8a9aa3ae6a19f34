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
		list = append(list, tile{"connect, p99", unit.Nanos(r.Setup.Latency.P99), "p50 " + unit.Nanos(r.Setup.Latency.P50)})
	}
	if e := r.Echo; e != nil && e.Rate > 0 {
		list = append(list, tile{"echoes", unit.PerSecond(e.Rate), "over " + unit.Seconds(e.Seconds)})
	}
	if e := r.Echo; e != nil && e.Latency != nil {
		list = append(list, tile{"echo, p99", unit.Nanos(e.Latency.P99), "p50 " + unit.Nanos(e.Latency.P50)})
	}
	list = append(list, tile{"failed", unit.Commas(c.Failed), plural(c.Lost, "connection") + " lost later"})
	return list
}

// extrapolation is what ten million need; "" if the line does not carry so far.
func extrapolation(m *result.Memory) string {
	if need := m.Projection(); need > 0 {
		return unit.Bytes(need)
	}
	return ""
}

func thresholdSection(list []result.Verdict) section {
	t := table{Title: "What was asked of the run"}
	for _, v := range list {
		row := line{Name: v.Threshold, Values: []string{passedOrFailed(v)}, Note: found(v), Class: "good"}
		if v.Failed {
			row.Class = "bad"
		}
		t.Rows = append(t.Rows, row)
	}
	return section{Title: "Thresholds (--fail-if)", Class: "full", Tables: filled(t)}
}

func warningSection(list []string) section { return section{Title: "Doubts", Warnings: list} }

// memorySection is what a connection costs and what was in use.
func memorySection(r *result.Result) section {
	m := r.Memory
	s := section{Title: "Memory"}
	if m == nil {
		return s
	}
	cost := table{Title: "Per connection", First: "of", Head: []string{"marginal", "plain"}}
	caches := table{Title: "Kernel slab caches", First: "cache", Head: []string{"a connection", "objects"}}
	if m.Withheld != "" {
		s.Notes = append(s.Notes, "Memory per connection: "+m.Withheld+".")
	}
	if m.Measured() {
		s.Notes = costTable(&cost, m)
		for _, c := range m.Caches {
			objects := ""
			if c.ObjectsPerConn != 0 {
				objects = fmt.Sprintf("%.2f", c.ObjectsPerConn)
			}
			caches.add(c.Name, unit.PerConn(c.BytesPerConn), objects)
		}
	}
	inUse := table{Title: "In use", First: "when", Head: []string{"kernel", "server", "client", "machine"}}
	for _, u := range []struct {
		name string
		used *result.Used
	}{{"before", m.Before}, {"held", m.Held}, {"after close", m.After}} {
		if u.used == nil {
			continue
		}
		server := ""
		if u.used.Server != nil {
			server = unit.Bytes(float64(*u.used.Server))
		}
		inUse.add(u.name, unit.Bytes(float64(u.used.Kernel)), server, unit.Bytes(float64(u.used.Client)), unit.Bytes(float64(u.used.System)))
	}
	if back := m.Returned(); back != (result.Returned{}) {
		inUse.add("came back", cameBack(back.Kernel), cameBack(back.Server), cameBack(back.Client), cameBack(back.System))
	}
	s.Tables = filled(cost, caches, inUse)
	return s
}

// costTable is the cost by who pays it; the notes say how it was measured.
func costTable(t *table, m *result.Memory) (notes []string) {
	optional := func(p *float64) string {
		if p == nil {
			return ""
		}
		return unit.PerConn(*p)
	}
	t.add(kernelRow(m), unit.PerConn(m.KernelPerConn), unit.PerConn(m.Plain.Kernel))
	if m.ServerPerConn != nil || m.Plain.Server != nil {
		t.add("server", optional(m.ServerPerConn), optional(m.Plain.Server))
	}
	t.add("client", unit.PerConn(m.ClientPerConn), unit.PerConn(m.Plain.Client))
	t.Rows = append(t.Rows, line{Name: "total", Values: []string{unit.PerConn(m.TotalPerConn), unit.PerConn(m.Plain.Total)}, Class: "total"})
	notes = append(notes, "Marginal: the slope of the fitted line. Plain: the difference between before and held, divided by the connections. Measured in "+method(m.Method)+".")
	if m.Outside != nil && *m.Outside != 0 {
		explained, _ := m.InPages()
		note := fmt.Sprintf("Cross-check: MemTotal − MemFree − page cache grew by %s a connection, the accounts say %s in pages.", unit.PerConn(*m.Outside), unit.PerConn(explained))
		if m.WalkedPerConn != nil {
			note += fmt.Sprintf(" Readers of /proc/PID/fd left %s of that.", unit.PerConn(*m.WalkedPerConn))
		}
		notes = append(notes, note)
	}
	return notes
}

// connectionSection is what became of each connection, and why some failed.
func connectionSection(r *result.Result) section {
	c := r.Conns
	t := table{Title: "Connections"}
	t.add("attempted", unit.Commas(c.Attempted))
	t.add("established", unit.Commas(c.Established))
	t.add("failed", unit.Commas(c.Failed))
	t.add("lost later", unit.Commas(c.Lost))
	errors := table{Title: "Errors by cause", First: "cause", Head: []string{"count"}, Words: "what helps"}
	for _, e := range c.Errors.Top(0) {
		errors.Rows = append(errors.Rows, line{Name: e.Name, Values: []string{unit.Commas(e.N)}, Note: cureFor(e.Name, c)})
	}
	latency := table{Title: "Latency", First: "of", Head: []string{"p50", "p90", "p99", "p99.9", "max"}}
	addLatency := func(name string, l *result.Latency) {
		if l != nil {
			latency.add(name, unit.Nanos(l.P50), unit.Nanos(l.P90), unit.Nanos(l.P99), unit.Nanos(l.P999), unit.Nanos(l.Max))
		}
	}
	if r.Setup != nil {
		addLatency("connect", r.Setup.Latency)
		addLatency("handshake", r.Setup.Handshake)
	}
	if r.Echo != nil {
		addLatency("echo", r.Echo.Latency)
		addLatency("verified", r.Echo.Verify)
	}
	protocols := table{Title: "By protocol", First: "protocol", Head: []string{"established", "failed", "lost", "setup rate", "echoes"}}
	for _, p := range r.Protocols {
		addLatency(p.Proto+" connect", p.Connect)
		addLatency(p.Proto+" handshake", p.Handshake)
		rate, echoes := "", ""
		if p.SetupRate > 0 {
			rate = unit.PerSecond(p.SetupRate)
		}
		if p.Echo != nil {
			addLatency(p.Proto+" echo", p.Echo.Latency)
			echoes = unit.Commas(p.Echo.Received)
		}
		protocols.add(p.Proto, unit.Commas(p.Conns.Established), unit.Commas(p.Conns.Failed), unit.Commas(p.Conns.Lost), rate, echoes)
		for _, e := range p.Conns.Errors.Top(0) {
			errors.Rows = append(errors.Rows, line{Name: p.Proto + ": " + e.Name, Values: []string{unit.Commas(e.N)}})
		}
	}
	s := section{Title: "Connections and errors", Tables: filled(t, protocols, latency, errors)}
	if len(c.Errors) == 0 {
		s.Notes = []string{"No errors."}
	}
	return s
}

// answerSection is what a peer said that made the first connection fail.
func answerSection(a *result.FailedAnswer) section {
	if a == nil {
		return section{}
	}
	return section{Title: answerTitle(a), Class: "full", Code: strings.Join(a.Lines, "\n")}
}

func messageSection(r *result.Result) section {
	e := r.Echo
	if e == nil {
		return section{}
	}
	t := table{Title: "Echo"}
	t.add("sent", unit.Commas(e.Sent))
	t.add("came back", unit.Commas(e.Received))
	t.add("lost", unit.Commas(e.Lost))
	t.add("mismatched", unit.Commas(e.Mismatched))
	if e.Rate > 0 {
		t.add("rate", unit.PerSecond(e.Rate))
	}
	if e.Rate > 0 && e.Bytes > 0 && e.Seconds > 0 {
		t.add("payload each way", unit.Bytes(float64(e.Bytes)/e.Seconds)+"/s")
	}
	if e.Verified > 0 {
		t.add("connections verified", unit.Commas(e.Verified))
	}
	return section{Title: "Messages", Tables: filled(t)}
}

// countSection is the independent counts, the shares and the processor time.
func countSection(r *result.Result) section {
	counts := table{Title: "Counts of the same connections, while held"}
	if c := r.Reconcile; c != nil {
		counts.add("client", unit.Commas(c.Client))
		if c.Server != nil {
			counts.add("server", unit.Commas(*c.Server))
		}
		if c.Kernel != nil {
			counts.add(fmt.Sprintf("kernel sockets, %d a connection", ends(r)), unit.Commas(*c.Kernel))
		}
	}
	shares := table{Title: "Connections each", First: "over", Head: []string{"of", "smallest", "mean", "largest"}}
	for _, s := range r.Spread {
		shares.add(s.Over, unit.Commas(s.N), unit.Commas(s.Min), unit.Commas(int64(s.Mean+0.5)), unit.Commas(s.Max))
	}
	cpu := table{Title: "Processor time"}
	if c := r.CPU; c != nil {
		cpu.add("client", unit.Seconds(c.Client))
		if c.Server != nil {
			cpu.add("server", unit.Seconds(*c.Server))
		}
		if c.Softirq != nil {
			cpu.add("softirq of the machine", unit.Seconds(*c.Softirq))
		}
	}
	return section{Title: "Counts, shares, processor", Tables: filled(counts, shares, cpu)}
}

// limitSection is what bounded the run before it began.
func limitSection(r *result.Result) section {
	t := table{Title: "Before the first socket, tightest first", First: "limit", Head: []string{"connections"}, Words: "why, and what would raise it"}
	for _, l := range r.Limits {
		t.Rows = append(t.Rows, line{Name: l.Name, Values: []string{unit.Commas(l.Max)}, Note: sentenceOf(filledStrings(l.Why, cureOf(l)))})
	}
	s := section{Title: "Limits", Class: "full", Tables: filled(t)}
	if by := r.Plan.LimitedBy; by != "" {
		s.Notes = []string{"The number of connections was decided by: " + DecidedBy(by) + "."}
	}
	return s
}

func cureOf(l result.Limit) string {
	if l.Cure == "" {
		return ""
	}
	return "cure: " + l.Cure
}

func filledStrings(list ...string) (kept []string) {
	for _, s := range list {
		if s != "" {
			kept = append(kept, s)
		}
	}
	return kept
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
	h := r.Host
	t.put(!r.Started.IsZero(), "started", r.Started.Format("2006-01-02 15:04:05 MST"))
	t.put(h.Kernel != "", "kernel", "Linux "+h.Kernel)
	t.put(h.CPUs > 0, "cores", unit.Commas(h.CPUs))
	t.put(h.MemoryBytes > 0, "memory", unit.Bytes(float64(h.MemoryBytes)))
	t.put(h.Nofile > 0, "fd limit of a table", unit.Commas(h.Nofile))
	t.put(h.Go != "", "Go", h.Go)
	t.put(h.Commit != "", "c10m", h.Commit)
	ipv4, others := settings{table{Title: "The kernel's settings: net.ipv4"}}, settings{table{Title: "The kernel's settings: others"}}
	for _, key := range slices.Sorted(maps.Keys(h.Settings)) {
		in := strings.HasPrefix(key, "net.ipv4.")
		ipv4.put(in, key, h.Settings[key])
		others.put(!in, key, h.Settings[key])
	}
	return section{Title: "Machine and settings", Class: "textual", Tables: filled(t.table, planTable(r), ipv4.table, others.table)}
}

// planTable is empty for a lab that opened no connections.
func planTable(r *result.Result) table {
	t, q := settings{table{Title: "Plan"}}, r.Plan
	if q.Conns == 0 {
		return t.table
	}
	t.put(true, "scenario", r.Scenario+" over "+r.Proto)
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
	t.put(q.Hold > 0, "hold", unit.Nanos(int64(q.Hold)))
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
