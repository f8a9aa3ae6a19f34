package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

// WriteText writes a result as people like to read it: what was asked and what
// came of it, connections, setup, memory, messages, counts, limits, warnings.
// What was not measured is left out. Without options it is 80 columns of plain
// UTF-8.
func WriteText(w io.Writer, r *result.Result, options ...Options) error {
	var o Options
	if len(options) > 0 {
		o = options[0]
	}
	return write(w, r, o, (*text).run)
}

// run is the report of a run that opened connections.
func (t *text) run(r *result.Result) {
	t.top(r)
	for _, s := range append(openedSections(r), foundSections(r)...) {
		t.section(s)
	}
	t.says(Verdict(r))
}

// write lays out what sections say of a result, without its control characters,
// and writes it at once.
func write(w io.Writer, r *result.Result, o Options, sections func(*text, *result.Result)) error {
	t := newText(o)
	sections(t, legible(r))
	return t.finish(w, o)
}

// top says what was run, where, and in one line what came of it.
func (t *text) top(r *result.Result) {
	p := r.Plan
	where := ""
	switch {
	case len(p.Targets) > 0:
		where = " to " + strings.Join(p.Targets, ", ")
	case p.Host != "":
		where = " to " + p.Host
	}
	ports := ""
	switch {
	case p.FirstPort > 0 && p.WSFirstPort > 0:
		ports = fmt.Sprintf(", ports %d..%d and %d..%d", p.FirstPort, p.FirstPort+p.Ports/2-1, p.WSFirstPort,
			p.WSFirstPort+p.Ports/2-1)
	case p.FirstPort > 0 && p.Ports == 1:
		ports = fmt.Sprintf(", port %d", p.FirstPort)
	case p.FirstPort > 0 && p.Ports > 1:
		ports = fmt.Sprintf(", ports %d..%d", p.FirstPort, p.FirstPort+p.Ports-1)
	}
	asks := fmt.Sprintf("%s over %s: %s%s%s", r.Scenario, spoken(r), Plural(p.Conns, "connection"), where, ports)
	t.printf("%s\n", t.paint(bold, wrap("", asks, t.width)))
	t.line(machine(r))
	t.line(asked(r))
	t.verdict(r)
}

// line writes comma-separated facts, wrapped; none: no line.
func (t *text) line(facts []string) {
	if len(facts) > 0 {
		t.printf("%s\n", wrap("", strings.Join(facts, ", "), t.width))
	}
}

// machine is when, on what, and with which build.
func machine(r *result.Result) (facts []string) {
	add := func(known bool, format string, args ...any) {
		if known {
			facts = append(facts, fmt.Sprintf(format, args...))
		}
	}
	h := r.Host
	add(!r.Started.IsZero(), "%s", r.Started.Format("2006-01-02 15:04:05 MST"))
	if n := len(r.Agents); n > 1 {
		add(true, "%d agents", n)
		add(h.Kernel != "", "the first on Linux %s", h.Kernel)
	} else {
		add(h.Kernel != "", "Linux %s", h.Kernel)
	}
	add(h.CPUs > 0, "%s", Plural(h.CPUs, "core"))
	add(h.MemoryBytes > 0, "%s", unit.Bytes(float64(h.MemoryBytes)))
	add(h.Nofile > 0, "fd limit %s", unit.Commas(h.Nofile))
	add(h.Commit != "", "c10m %s", h.Commit)
	add(h.Go != "", "%s", h.Go)
	return facts
}

// holdWord says what the time of a plan is in a scenario.
func holdWord(scenario string) string {
	switch scenario {
	case "hold":
		return "hold"
	case "stress":
		return "at most"
	case "peak":
		return "each step"
	}
	return "for"
}

// asked is the plan of a run in words, and which engine served it.
func asked(r *result.Result) (facts []string) {
	p := r.Plan
	add := func(known bool, format string, args ...any) {
		if known {
			facts = append(facts, fmt.Sprintf(format, args...))
		}
	}
	add(len(p.Targets) > 0 && strings.Contains(p.Host, "("), "to %s", p.Host)
	add(p.Threads > 0, "%s", Plural(p.Threads, "thread"))
	add(p.FDTables > 1, "%s", Plural(p.FDTables, "fd table"))
	add(p.Sources > 0, "%s", Plural(p.Sources, "source"))
	add(p.Rate > 0, "at %s", unit.PerSecond(float64(p.Rate)))
	add(len(p.Stages) > 0, "in %s", Plural(len(p.Stages), "stage"))
	add(p.Hold > 0, "%s %s", holdWord(r.Scenario), unit.Nanos(int64(p.Hold)))
	add(p.MessageRate > 0, "messages at %s in all", unit.PerSecond(float64(p.MessageRate)))
	size := fmt.Sprintf("%d B", p.Size)
	if p.Talk.Message != "" {
		size = string(p.Talk.Message) // Talk.Public: how many bytes
	}
	add(p.SizeMax > p.Size && p.Talk.Message == "", "of %d to %d B", p.Size, p.SizeMax)
	add(p.Depth > 1, "%d under way on each connection", p.Depth)
	add(p.Interval > 0, "a message of %s each %s", size, unit.Nanos(int64(p.Interval)))
	add(p.Jitter > 0, "%s more or less", unit.Percent(p.Jitter))
	add(p.Ping > 0, "a ping each %s", unit.Nanos(int64(p.Ping)))
	add(p.Talk.First != "", "a first message of %s", p.Talk.First)
	add(!p.Talk.Echoes(), "%s", expected(p.Talk))
	add(r.ServerEngine != "", "server engine %s", r.ServerEngine)
	return facts
}

// expected is what answers a message, in words.
func expected(t plan.Talk) string {
	switch {
	case t.Expect == plan.ExpectAny:
		return "the next message answers"
	case t.Expect == plan.ExpectNone:
		return "nothing answers"
	}
	return fmt.Sprintf("a message with %.40q in it answers", t.Words())
}

// Plural is a number of things in words: 1 thread, 2,000 connections.
func Plural[T int | int64](n T, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return unit.Commas(n) + " " + of + "s"
}

// verdict is the run in one line.
func (t *text) verdict(r *result.Result) {
	word, said := verdict(r)
	color := map[string]string{wordDone: green, wordInterrupted: yellow}[word]
	if color == "" {
		color = red
	}
	s := wrap("", word+": "+said, t.width)
	t.printf("%s%s\n", t.paint(color, word), strings.TrimPrefix(s, word))
}

// The words of a verdict.
const (
	wordDone        = "DONE"
	wordInterrupted = "INTERRUPTED"
	wordFellShort   = "FELL SHORT"
	wordFailed      = "FAILED"
)

// verdict is what came of a run, in a word and a line. It agrees with
// Result.Short; a run that did as asked but not as well fails.
func verdict(r *result.Result) (word, said string) {
	c := r.Conns
	facts := []string{fmt.Sprintf("%s of %s established", unit.Commas(c.Established),
		Plural(r.Plan.Conns, "connection"))}
	if c.Established > r.Plan.Conns { // they came and went
		facts[0] = fmt.Sprintf("%s established, %s at a time", Plural(c.Established, "connection"),
			unit.Commas(r.Plan.Conns))
		if c.Failed > 0 {
			facts = append(facts, Plural(c.Failed, "connect")+" failed")
		}
	}
	if c.Lost > 0 {
		lost := unit.Commas(c.Lost) + " of them lost"
		if c.Reconnected > 0 {
			lost += ", " + unit.Commas(c.Reconnected) + " reconnected"
		}
		facts = append(facts, lost)
	}
	if e := r.Echo; e != nil && e.Lost+e.Mismatched > 0 {
		facts = append(facts, fmt.Sprintf("%s echoes lost, %s wrong", unit.Commas(e.Lost), unit.Commas(e.Mismatched)))
	}
	if r.Behind {
		facts = append(facts, "the load asked for was not reached")
	}
	if n := failures(r.Thresholds); n > 0 {
		facts = append(facts, fmt.Sprintf("%d of %s failed", n, Plural(len(r.Thresholds), "threshold")))
	}
	said = strings.Join(facts, ", ")
	switch {
	case r.Interrupt:
		return wordInterrupted, said + "; this is what had happened by then"
	case r.Short():
		return wordFellShort, said
	case result.Failed(r.Thresholds):
		return wordFailed, said
	}
	return wordDone, said
}

func answerTitle(a *result.FailedAnswer) string {
	return fmt.Sprintf("First failing exchange (%s, with %s)", a.Cause, a.From)
}

// warnings are the doubts, each with the word before it so that grep finds
// them.
func (t *text) warnings(list []string) {
	for i, w := range list {
		if i == 0 {
			t.printf("\n")
		}
		s := wrap("warning: ", w, t.width)
		t.printf("%s%s\n", t.paint(yellow, "warning:"), strings.TrimPrefix(s, "warning:"))
	}
}
