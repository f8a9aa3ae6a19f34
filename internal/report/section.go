package report

import (
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

// section is a part of a report: what every form of it says.
type section struct {
	Title    string
	Class    string // in the page
	Warnings []string
	Figures  []figure // in the page
	Tables   []table
	Items    []string // sentences of a list
	Notes    []string
	Code     string
	CSV      rows // what its plot is drawn from
	// What is set in a way of its own, by text and page.
	Lab      *Table
	Heat     *result.Heat
	Findings []told
	Verdicts []GroupVerdict
	Answer   bool // it is what a reader looks for: a page begins with it
}

// openedSections are of a run that opened connections.
func openedSections(r *result.Result) []section {
	return shown(connectionSection(r), agentSection(r), answerSection(r.FirstFailure), setupSection(r.Setup),
		tlsSection(r.TLS),
		costSection(r),
		inUseSection(r.Memory),
		messageSection(r.Echo, wordsFor(r.Plan.Talk)), talkSection(r.Talk), pingSection(r),
		packetSection(r.Packets),
		section{Title: "Latency over time", Heat: r.Heat, CSV: heatCSV(r.Heat)}, protocolSection(r.Protocols),
		countSection(r), limitSection(r))
}

// foundSections are what came of a run: what it was held to, what a lab found out,
// what limits, and what to doubt.
func foundSections(r *result.Result) []section {
	all := []section{{Title: "Thresholds (--fail-if)", Verdicts: verdictsOf(r)}}
	for _, t := range Tables(r) {
		all = append(all, section{Title: t.Title, Class: "full", Lab: &t, CSV: labCSV(r)})
	}
	return shown(append(all, section{Title: "What limits", Findings: findingsOf(r)},
		section{Title: "Warnings", Warnings: warningsOf(r)})...)
}

// figure is one plot in two widths; the page shows the one that fits. Without a
// plot the note says why there is none.
type figure struct {
	Caption, Note string
	Wide, Narrow  template.HTML
}

// table is figures in words, scaled already.
type table struct {
	Title   string
	Caption string   // in the page: the title, unless the section says it already
	First   string   // heads the names, in the page
	Head    []string // of the values
	Words   string   // heads the notes, in the page
	Texts   []bool   // which values are words: Markdown aligns them to the left
	Rows    []line
	layout
	// Curve is drawn below the rows, in the text; the page has a plot of it.
	Curve []result.Point
}

// layout is how the text sets a table.
type layout struct {
	name, value int  // columns of the names and of each value; 0: the usual
	inner       bool // continues the table before: no empty line, a plain head
	below       bool // notes stand below their rows, not behind them
	inline      bool // a row is its name and its values, in one line of words
	// widths are those of a table that may be wider than the text. Its first value
	// stays, and of the others as many stand beside it as fit, beside at a time; the
	// rest stands below.
	widths []int
	beside int
}

// line is a row of a table: values are aligned to the right, a note is words.
type line struct {
	Name   string
	Values []string
	Note   string
	Class  string         // good, bad, doubt: of the note's first word, or of the values
	Marks  map[int]string // classes of single values, by their index
}

func (t *table) add(name string, values ...string) {
	t.Rows = append(t.Rows, line{Name: name, Values: values})
}

// say adds a row of words.
func (t *table) say(name, format string, args ...any) {
	t.Rows = append(t.Rows, line{Name: name, Note: fmt.Sprintf(format, args...)})
}

// Span is how many columns a row of words takes in the page.
func (t table) Span() int { return max(1, len(t.Head)) }

// filled are the tables that have rows.
func filled(tables ...table) (list []table) {
	for _, t := range tables {
		if len(t.Rows) > 0 {
			list = append(list, t)
		}
	}
	return list
}

// section writes a section of a report as text.
func (t *text) section(s section) {
	t.thresholds(s.Verdicts)
	t.lab(s.Lab)
	t.heat(s.Heat)
	t.findings(s.Findings)
	t.warnings(s.Warnings)
	if s.Code != "" {
		t.title(s.Title)
		for line := range strings.Lines(s.Code) {
			t.printf("%s\n", wrap("  ", strings.TrimSuffix(line, "\n"), t.width))
		}
	}
	for _, one := range s.Tables {
		t.block(one)
	}
	for i, item := range s.Items {
		if i == 0 {
			t.printf("\n")
		}
		t.printf("%s\n", wrap("  - ", item, t.width))
	}
	for i, note := range s.Notes {
		if i == 0 {
			t.printf("\n")
		}
		t.sentence("%s", note)
	}
}

// block writes one table.
func (t *text) block(one table) {
	name, value := one.name, one.value
	if name == 0 {
		name = nameWidth
	}
	if value == 0 {
		value = defaultValue
	}
	switch head := cells(one.Title, name, value, one.Head...); {
	case one.inline:
		t.inline(one)
		return
	case one.beside > 0:
		t.wide(one)
		return
	case one.inner:
		t.printf("%s\n", cells("  "+one.Title, name, value, one.Head...))
	default:
		t.title(head)
	}
	for _, row := range one.Rows {
		said := cells("  "+row.Name, name, value, row.Values...)
		switch {
		case row.Note == "":
			t.printf("%s\n", said)
		case len(row.Values) == 0:
			t.printf("%s\n", wrap(pad("  "+row.Name+" ", name), row.Note, t.width))
		case one.below:
			t.printf("%s\n%s\n", said, wrap("    ", row.Note, t.width))
		default:
			t.printf("%s\n", t.marked(wrap(said+"  ", row.Note, t.width), row))
		}
	}
	t.chart(one.Curve)
}

// defaultValue is how wide a value is.
const defaultValue = 14

// classColors are the colors of line.Class.
var classColors = map[string]string{"good": green, "bad": red, "doubt": yellow}

// marked paints the first word of a row's note.
func (t *text) marked(s string, row line) string {
	color := classColors[row.Class]
	if color == "" {
		return s
	}
	word := row.Note
	if at := strings.IndexAny(word, ": "); at > 0 {
		word = word[:at]
	}
	return strings.Replace(s, word, t.paint(color, word), 1)
}

// latencyTable has a row for each histogram; those that are nil were not measured.
func latencyTable(all ...timed) table {
	t := table{Title: "latency", First: "of", Head: []string{"p50", "p90", "p99", "p99.9", "max"},
		layout: layout{name: 10, value: 10, inner: true}}
	for _, a := range all {
		if l := a.latency; l != nil {
			t.add(a.name, unit.Nanos(l.P50), unit.Nanos(l.P90), unit.Nanos(l.P99), unit.Nanos(l.P999),
				unit.Nanos(l.Max))
		}
	}
	return t
}

// timed is a latency and what took so long.
type timed struct {
	name    string
	latency *result.Latency
}

// connectionSection is what became of each connection, and why some failed.
func connectionSection(r *result.Result) section {
	c := r.Conns
	t := table{Title: "Connections"}
	t.add("attempted", unit.Commas(c.Attempted))
	t.add("established", unit.Commas(c.Established))
	t.add("failed", unit.Commas(c.Failed))
	t.add("lost", unit.Commas(c.Lost))
	if c.Reconnected > 0 {
		t.add("  reconnected", unit.Commas(c.Reconnected))
	}
	errors := table{Title: "Errors", First: "cause", Head: []string{"count"}, Words: "what it means, what helps",
		layout: layout{below: true}}
	for _, e := range c.Errors.Top(0) {
		errors.Rows = append(errors.Rows, line{Name: e.Name, Values: []string{unit.Commas(e.N)},
			Note: cureFor(e.Name, r)})
	}
	return section{Title: "Connections", Tables: filled(t, errors)}
}

// setupSection is the ramp: how long, how fast, how evenly, how slow each connect.
func setupSection(s *result.Setup) section {
	if s == nil {
		return section{}
	}
	t := table{Title: "Setup", Curve: s.Curve}
	took, alone := unit.Seconds(s.Seconds), unit.Seconds(s.ClientSeconds)
	if s.ClientSeconds > 0 && s.ClientSeconds < s.Seconds {
		took += " until both ends held all"
		if alone != unit.Seconds(s.Seconds) {
			took += ", " + alone + " for the client alone"
		}
	}
	t.say("time", "%s", took)
	if s.Rate > 0 {
		t.say("rate", "%s", unit.PerSecond(s.Rate))
	}
	if first, last, ok := s.Tenths(); ok {
		t.say("first tenth", "%s", unit.PerSecond(first))
		t.say("last tenth", "%s, %.2f of the first", unit.PerSecond(last), last/first)
	}
	return section{Title: "Setup", CSV: rampCSV(s), Tables: filled(t, latencyTable(timed{"connect", s.Latency},
		timed{"upgraded", s.Handshake}))}
}

// messageSection is the messages.
func messageSection(e *result.Echo, w wording) section {
	if e == nil {
		return section{}
	}
	t := table{Title: w.title}
	t.add("sent", unit.Commas(e.Sent))
	if w.answered != "" {
		t.add(w.answered, unit.Commas(e.Received))
		t.add("lost", unit.Commas(e.Lost))
	}
	if w.ways != "" {
		t.add("mismatched", unit.Commas(e.Mismatched))
	}
	if e.Rate > 0 {
		t.say("rate", "%s over %s", unit.PerSecond(e.Rate), unit.Seconds(e.Seconds))
	}
	if e.Rate > 0 && e.Bytes > 0 && e.Seconds > 0 {
		t.say("throughput", "%s/s of payload%s", unit.Bytes(float64(e.Bytes)/e.Seconds), w.ways)
	}
	if e.Verified > 0 {
		t.say("verified", "%s connections, %s", unit.Commas(e.Verified), w.verified)
	}
	if e.Calls > 0 {
		t.say("system calls", "%s a message, of the client (epoll_wait, read, send)", unit.Significant(e.Calls))
	}
	return section{Title: "Messages", Tables: filled(t,
		latencyTable(timed{w.latency, e.Latency}, timed{"verified", e.Verify}))}
}

// protocolSection is a mixed run, protocol by protocol.
func protocolSection(all []result.Protocol) section {
	t := table{Title: "Protocols", First: "protocol", Head: []string{"established", "failed", "lost", "setup/s",
		"echoes/s"}, layout: layout{value: 12}}
	errors := table{Title: "errors", First: "protocol", Words: "causes", layout: layout{inner: true}}
	var times []timed
	for _, p := range all {
		setup, rate := "", ""
		if p.SetupRate > 0 {
			setup = unit.Significant(p.SetupRate)
		}
		if p.Echo != nil && p.Echo.Rate > 0 {
			rate = unit.Commas(int64(p.Echo.Rate))
		}
		t.add(p.Proto, unit.Commas(p.Conns.Established), unit.Commas(p.Conns.Failed), unit.Commas(p.Conns.Lost),
			setup, rate)
		times = append(times, timed{p.Proto + " conn", p.Connect})
		if p.Handshake != nil {
			times = append(times, timed{p.Proto + " upgr", p.Handshake})
		}
		if p.Echo != nil {
			times = append(times, timed{p.Proto + " echo", p.Echo.Latency})
		}
		var causes []string
		for _, e := range p.Conns.Errors.Top(0) {
			causes = append(causes, e.Name+" "+unit.Commas(e.N))
		}
		if len(causes) > 0 {
			errors.say(p.Proto, "%s", strings.Join(causes, ", "))
		}
	}
	return section{Title: "Protocols", Tables: filled(t, latencyTable(times...), errors)}
}

// countSection puts the independent counts of the same connections side by side,
// and says how even the shares were and who took processor time.
func countSection(r *result.Result) section {
	shares := table{Title: "Connections each", First: "over", Head: []string{"of", "smallest", "mean", "largest"},
		layout: layout{value: 10}}
	for _, s := range r.Spread {
		shares.add(s.Over, unit.Commas(s.N), unit.Commas(s.Min), unit.Commas(int64(s.Mean+0.5)), unit.Commas(s.Max))
	}
	cpu := table{Title: "CPU time"}
	if c := r.CPU; c != nil {
		cpu.add("client", unit.Seconds(c.Client))
		if c.Server != nil {
			cpu.add("server", unit.Seconds(*c.Server))
		}
		if c.ServerSetup != nil {
			cpu.add("  until it held all", unit.Seconds(*c.ServerSetup))
		}
		if c.Softirq != nil {
			cpu.add("softirq, machine", unit.Seconds(*c.Softirq))
		}
	}
	if r.Foreign != nil && r.CPU != nil && r.CPU.Server != nil {
		cpu.say("the server is", "%s", notOurs(r.Foreign))
	}
	return section{Title: "Counts, shares, processor", Tables: filled(countTable(r), shares, cpu)}
}

// countTable is the counts; each but the client's agrees with it or not.
func countTable(r *result.Result) table {
	t := table{Title: "Counts while held"}
	c := r.Reconcile
	if c == nil {
		return t
	}
	t.add("client", unit.Commas(c.Client))
	verdict := func(name string, n int64, agrees bool, why string) {
		row := line{Name: name, Values: []string{unit.Commas(n)}, Note: "agrees" + why, Class: "good"}
		if !agrees {
			row.Note, row.Class = "DISAGREES"+why, "bad"
		}
		t.Rows = append(t.Rows, row)
	}
	if c.Server != nil {
		why := ""
		if d := *c.Server - c.Client; d != 0 {
			why = fmt.Sprintf(": %s", fewer(d))
		}
		verdict("server", *c.Server, *c.Server == c.Client, why)
	}
	if c.Kernel != nil {
		n := ends(r)
		others := *c.Kernel - n*c.Client
		// The kernel sums a counter per CPU without stopping them: a little
		// less is no sign of loss.
		agrees := others >= -c.Client/1000
		why := fmt.Sprintf(": %d a connection", n)
		if others > 0 {
			why += fmt.Sprintf(", %s others", unit.Commas(others))
		} else if others < 0 {
			why += ", " + fewer(others)
		}
		verdict("kernel sockets", *c.Kernel, agrees, why)
	}
	return t
}

func fewer(d int64) string {
	if d < 0 {
		return unit.Commas(-d) + " fewer"
	}
	return unit.Commas(d) + " more"
}

// limitSection is what bounded the run before it began.
func limitSection(r *result.Result) section {
	t := table{Title: "Limits", First: "the tightest first", Head: []string{"connections"},
		Words: "why, and what would raise it"}
	for i, l := range r.Limits {
		note := l.Why
		if on := onAgents(l.On, r); on != "" {
			if len(l.On) < len(r.Agents) {
				on += ", the least of all"
			}
			note = on + ": " + note
		}
		if i == 0 && l.Cure != "" {
			note += "; cure: " + l.Cure
		}
		t.Rows = append(t.Rows, line{Name: l.Name, Values: []string{unit.Commas(l.Max)}, Note: note})
	}
	s := section{Title: "Limits", Class: "full", Tables: filled(t)}
	if by := r.Plan.LimitedBy; by != "" {
		s.Notes = []string{"The number of connections was decided by: " + DecidedBy(by, r.Plan.Conns)}
	}
	return s
}

// DecidedBy is what decided how many connections there are, and how to have others
// where that was a flag.
func DecidedBy(limit string, conns int64) string {
	if limit == result.LimitedByCap {
		return fmt.Sprintf("--cap %d; CONNS=N make run, or --conns N, asks for another number", conns)
	}
	return limit
}

// empty says whether there is nothing in a section.
func (s section) empty() bool {
	return len(s.Figures)+len(s.Tables)+len(s.Warnings)+len(s.Items)+len(s.Notes)+len(s.Findings)+
		len(s.Verdicts) == 0 &&
		s.Code == "" && s.Lab == nil && s.Heat == nil
}

// shown are the sections that have something in them.
func shown(all ...section) []section {
	return slices.DeleteFunc(all, section.empty)
}
