package report

import (
	"fmt"
	"math"

	"github.com/c10m/c10m/internal/plot"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

// Table is rows of figures in base units; what shows it scales them by their
// column's kind.
type Table struct {
	Title   string
	Columns []Column
	Rows    [][]any // a string in a column of text, else a float64, or nil: not measured
	Plot    string  // the column to draw, by name; "": none
	Over    string  // the column to draw it over as a curve, by name; "": a bar a row
	Note    string  // what the table says, in a sentence or two
	Words   bool    // the last column is sentences, which a page may break into lines

	// curves are drawn in a page in place of the column: more of it than the rows.
	curves []plot.Series
}

// Column is a column of a Table.
type Column struct {
	Name string
	Unit unit.Kind
}

// outcome is what is said of one type of outcome that result.Result may have.
type outcome struct {
	has     func(*result.Result) bool
	tables  func(*result.Result) []Table
	verdict func(*result.Result) string // sentences
	csv     func(*result.Result) rows   // nil: it has no series
}

// allOutcomes are these; the file of each outcome adds its own. A result has one at
// most.
var allOutcomes []outcome

// outcomeOf is that of a result's outcome; it says nothing where there is none.
func outcomeOf(r *result.Result) outcome {
	for _, o := range allOutcomes {
		if o.has(r) {
			return o
		}
	}
	return outcome{}
}

// Tables are what a lab found out, and who had the processors.
func Tables(r *result.Result) (list []Table) {
	if tables := outcomeOf(r).tables; tables != nil {
		list = tables(r)
	}
	list = append(list, stageTables(r)...)
	return append(append(list, usageTables(r.Usage)...), storedTables(r)...)
}

// storedTables are those of a file of c10m/result/1.
func storedTables(r *result.Result) (list []Table) {
	for _, t := range r.StoredTables {
		one := Table{Title: t.Title, Rows: t.Rows, Plot: t.Plot, Note: t.Note}
		for _, c := range t.Columns {
			one.Columns = append(one.Columns, Column(c))
		}
		list = append(list, one)
	}
	return list
}

// Verdict says in plain words what came of a run; "" of one that is told by its
// numbers alone.
func Verdict(r *result.Result) string {
	verdict := outcomeOf(r).verdict
	switch {
	case r.StoredVerdict != "":
		return r.StoredVerdict
	case verdict != nil:
		return verdict(r)
	case r.Diagnosis != nil:
		return diagnosis(r.Findings)
	case r.Scenario == "echo":
		return limited(echoVerdict(r), r)
	}
	return ""
}

// limited is half a sentence with what limits; "" of nothing.
func limited(said string, r *result.Result) string {
	if said == "" {
		return ""
	}
	return said + limitedBy(r.Findings) + "."
}

// limitedBy names the severest finding in half a sentence, if it is severe.
func limitedBy(found []result.Finding) string {
	if len(found) == 0 || found[0].Severity < result.Strains {
		return ""
	}
	return "; what limits first is: " + Finding(found[0]).Name
}

// diagnosis is the severest finding in a sentence.
func diagnosis(found []result.Finding) string {
	if len(found) == 0 {
		return "Nothing that was looked at is near its limit."
	}
	f := Finding(found[0])
	said := f.Name + "."
	switch severity := found[0].Severity; {
	case severity >= result.Limits:
		said = "What limits is: " + said
	case severity >= result.Strains:
		said = "What will limit next is: " + said
	default:
		said = "A remark: " + said
	}
	if f.Cure != "" {
		said += " Cure: " + f.Cure + "."
	}
	return said
}

// echoVerdict is of client echo.
func echoVerdict(r *result.Result) string {
	e := r.Echo
	switch {
	case e == nil, e.Latency == nil && r.Interrupt:
		return "" // too early to tell
	case e.Latency == nil:
		return fmt.Sprintf("Nothing came back: %s messages were sent over %s connections, and none was answered",
			unit.Commas(e.Sent), unit.Commas(r.Conns.Established))
	}
	half, most := unit.Nanos(e.Latency.P50), unit.Nanos(e.Latency.P99)
	want := float64(r.Plan.MessageRate)
	switch {
	case want == 0:
		return fmt.Sprintf("%s echoes a second over %s connections, closed loop: half within %s, 99 %% within %s",
			whole(e.Rate), unit.Commas(r.Conns.Established), half, most)
	case r.Behind:
		return fmt.Sprintf("It does not keep up: of %s messages a second that were asked for, %s came back, and "+
			"half of them took longer than %s",
			whole(want), whole(e.Rate), half)
	}
	return fmt.Sprintf("It keeps up with %s messages a second: half of the echoes come within %s, 99 %% within %s, "+
		"the slowest took %s, each from when it should have been sent",
		whole(want), half, most, unit.Nanos(e.Latency.Max))
}

// whole writes a rate in a sentence.
func whole(rate float64) string { return unit.Commas(int64(math.Round(rate))) }

// known is a cell of a figure that may not have been measured.
func known[T int | int64 | uint64 | float64](v *T) any {
	if v == nil {
		return nil
	}
	return float64(*v)
}

// usageTables are who had the processors.
func usageTables(u *result.Usage) (list []Table) {
	if u == nil {
		return nil
	}
	cores := Table{Title: "Processors", Columns: []Column{{"core", unit.InText}, {"busy", unit.InShare},
		{"soft interrupts", unit.InShare}, {"stolen", unit.InShare}},
		Note: busiestOf(u.CoreCount, len(u.Cores))}
	for _, c := range u.Cores {
		cores.Rows = append(cores.Rows, []any{fmt.Sprint(c.ID), c.Busy, c.SoftIRQ, c.Stolen})
	}
	if u.Runnable != nil {
		cores.Note += fmt.Sprintf("%s threads on average wanted one of the %s.", unit.Significant(*u.Runnable),
			Plural(u.CoreCount, "core"))
	}
	processes := Table{Title: "Processes of the server", Columns: []Column{{"process", unit.InText},
		{"cores used", unit.InNumber}, {"waited for", unit.InNumber}, {"threads", unit.InCount},
		{"calls/message", unit.InNumber}, {"fds", unit.InCount}},
		Note: busiestOf(u.ProcessCount, len(u.Processes)) + "In cores, of all its threads; calls are those of read(2), " +
			"write(2) and their kin, not of recv(2) and send(2)."}
	for _, p := range u.Processes {
		processes.Rows = append(processes.Rows, []any{fmt.Sprintf("%d %s", p.PID, p.Command), p.Ran, p.Waited,
			float64(p.Threads), known(p.CallsPerMessage), known(p.FDs)})
	}
	threads := Table{Title: "Threads", Columns: []Column{{"process", unit.InText}, {"thread", unit.InText},
		{"ran", unit.InShare}, {"waited for a core", unit.InShare}},
		Note: busiestOf(u.ThreadCount, len(u.Threads))}
	for _, t := range u.Threads {
		threads.Rows = append(threads.Rows, []any{fmt.Sprintf("%d %s", t.PID, t.Process),
			fmt.Sprintf("%d %s", t.TID, t.Command), t.Ran, t.Waited})
	}
	for _, t := range []Table{cores, processes, threads, upstreamTable(u)} {
		if len(t.Rows) > 0 {
			list = append(list, t)
		}
	}
	return list
}

// upstreamTable is whom the server talks to itself.
func upstreamTable(u *result.Usage) Table {
	t := Table{Title: "Whom the server talks to",
		Columns: []Column{{"process", unit.InText}, {"destination", unit.InText},
			{"open", unit.InCount}, {"new", unit.InCount}, {"new/s", unit.InNumber},
			{"threads in a call", unit.InNumber}},
		Note: busiestOf(u.UpstreamCount, len(u.Upstreams)) +
			"Connections that it opened: the most at a time, and what came " +
			"while it was looked at; and how many of its threads sat in a call on one of them, on average."}
	for _, up := range u.Upstreams {
		t.Rows = append(t.Rows, []any{fmt.Sprintf("%d %s", up.PID, up.Process), up.To, float64(up.Open),
			float64(up.New), up.Rate, up.Threads})
	}
	return t
}

// busiestOf says what is left out.
func busiestOf(n, shown int) string {
	if n <= shown {
		return ""
	}
	return fmt.Sprintf("The %d busiest of %d. ", shown, n)
}
