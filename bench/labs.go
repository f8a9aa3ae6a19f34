package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

// lab is a part of RESULTS.md that is made of result files of scripts/labs.sh.
type lab struct {
	name string
	// rows labels the files whose first tables make one table together; without
	// labels there is one file.
	rows []string
	// titles are the tables of the one file to show; nil: the first.
	titles []string
}

// labs are all of them, in the order of RESULTS.md.
var labs = []lab{
	{name: "churn"},
	{name: "relay", rows: []string{"per-request", "pool", "keepalive"}},
	{name: "workers"},
	{name: "peak"},
	{name: "stress", titles: []string{"Response times", "Memory of the server"}},
	{name: "echo", rows: []string{"closed", "depth", "open"}},
	{name: "soak", titles: []string{"Growth"}},
	{name: "soak-churn", titles: []string{"Growth"}},
}

// labParts are the labs whose files are in dir, each whole.
func labParts(dir string) (all []part, err error) {
	for _, l := range labs {
		text, err := l.markdown(dir)
		if err != nil {
			return nil, err
		}
		all = append(all, part{"lab-" + l.name, text})
	}
	return all, nil
}

func (l lab) markdown(dir string) (string, error) {
	var b strings.Builder
	if l.rows == nil {
		r, err := readResult(filepath.Join(dir, "labs-"+l.name+".json"))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "%s `%s`\n", where(r), command(r.Command))
		shown := 0
		for i, t := range report.Tables(r) {
			if l.titles == nil && i == 0 || slices.Contains(l.titles, t.Title) {
				b.WriteString("\n" + report.Part{Table: t}.Markdown())
				shown++
			}
		}
		if shown < max(1, len(l.titles)) {
			return "", fmt.Errorf("%s: the result has not the tables %q", l.name, l.titles)
		}
		verdict(&b, "", r)
		return b.String(), nil
	}
	var joined report.Table
	var said strings.Builder
	for i, label := range l.rows {
		r, err := readResult(filepath.Join(dir, "labs-"+l.name+"-"+label+".json"))
		if err != nil {
			return "", err
		}
		tables := report.Tables(r)
		if r.Scenario == "echo" && r.Echo != nil {
			tables = []report.Table{echoTable(r.Echo)}
		}
		if len(tables) == 0 {
			return "", fmt.Errorf("%s, %s: the result has no table", l.name, label)
		}
		first := tables[0]
		if i == 0 {
			fmt.Fprintf(&b, "%s\n\n", where(r))
			joined.Columns = append([]report.Column{{Name: l.name, Unit: unit.InText}}, first.Columns...)
		}
		fmt.Fprintf(&b, "* %s: `%s`\n", label, command(r.Command))
		if !slices.Equal(joined.Columns[1:], first.Columns) {
			return "", fmt.Errorf("%s, %s: its table has other columns", l.name, label)
		}
		for _, row := range first.Rows {
			joined.Rows = append(joined.Rows, append([]any{label}, row...))
		}
		verdict(&said, label+": ", r)
	}
	b.WriteString("\n")
	b.WriteString(report.Part{Table: joined}.Markdown())
	return b.String() + said.String(), nil
}

// verdict is what the lab said, as a quotation.
func verdict(b *strings.Builder, label string, r *result.Result) {
	if said := report.Verdict(r); said != "" {
		fmt.Fprintf(b, "\n> %s%s\n", label, said)
	}
}

// where is the machine, the day and the commit of a run.
func where(r *result.Result) string {
	return fmt.Sprintf("Linux %s, %d CPUs, commit %s, %s.", r.Host.Kernel, r.Host.CPUs, r.Host.Commit,
		r.Started.Format("2006-01-02 15:04 MST"))
}

func readResult(file string) (*result.Result, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	r, err := result.Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return r, nil
}

// command is the command line of a run, without the flags for its result files.
func command(args []string) string {
	var kept []string
	for i := 0; i < len(args); i++ {
		switch args[i] {
		case "--json":
			i++
		case "--quiet":
		default:
			kept = append(kept, args[i])
		}
	}
	return "bin/" + report.ShellQuote(kept)
}

// echoTable is a run of client echo, which has no table of its own.
func echoTable(e *result.Echo) report.Table {
	t := report.Table{Title: "Echo", Columns: []report.Column{{Name: "echoes", Unit: unit.InPerSecond}},
		Rows: [][]any{{e.Rate}}}
	if l := e.Latency; l != nil {
		for _, q := range []struct {
			name  string
			value int64
		}{{"p50", l.P50}, {"p90", l.P90}, {"p99", l.P99}, {"p99.9", l.P999}, {"max", l.Max}} {
			t.Columns = append(t.Columns, report.Column{Name: q.name, Unit: unit.InNanos})
			t.Rows[0] = append(t.Rows[0], float64(q.value))
		}
	}
	return t
}
