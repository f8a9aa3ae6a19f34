// Command labtable turns the result files of labs into the Markdown of
// RESULTS.md: each file's command, its tables and its verdict. Files given as
// LABEL=FILE make one table together, of their first tables' rows.
package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/internal/result"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		_, _ = fmt.Fprintln(stderr, "usage: labtable FILE... | LABEL=FILE...")
		return 2
	}
	if err := write(args, stdout); err != nil {
		_, _ = fmt.Fprintf(stderr, "labtable: %v\n", err)
		return 1
	}
	return 0
}

func write(args []string, w io.Writer) error {
	var joined result.Table
	for _, arg := range args {
		label, file, labelled := strings.Cut(arg, "=")
		if !labelled {
			file = arg
		}
		r, err := read(file)
		if err != nil {
			return err
		}
		if !labelled {
			whole(w, r)
			continue
		}
		if len(r.Tables) == 0 {
			return fmt.Errorf("%s has no table", file)
		}
		first := r.Tables[0]
		if joined.Columns == nil {
			joined.Columns = append([]result.Column{{Name: "", Unit: result.InText}}, first.Columns...)
		}
		for _, row := range first.Rows {
			joined.Rows = append(joined.Rows, append([]any{label}, row...))
		}
	}
	if joined.Columns != nil {
		table(w, joined)
	}
	return nil
}

func read(file string) (*result.Result, error) {
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

// whole writes all tables of a file, between its command and its verdict.
func whole(w io.Writer, r *result.Result) {
	_, _ = fmt.Fprintf(w, "`%s`\n", command(r.Command))
	for _, t := range r.Tables {
		_, _ = fmt.Fprintf(w, "\n%s:\n", t.Title)
		table(w, t)
	}
	if r.Verdict != "" {
		_, _ = fmt.Fprintf(w, "\n%s\n", r.Verdict)
	}
	_, _ = fmt.Fprintln(w)
}

// command is how it was started, without where its result went.
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
	return "bin/" + strings.Join(kept, " ")
}

func table(w io.Writer, t result.Table) {
	line := func(cells []string) { _, _ = fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | ")) }
	var names, rule []string
	for _, c := range t.Columns {
		names = append(names, c.Name)
		if c.Unit == result.InText {
			rule = append(rule, "---")
		} else {
			rule = append(rule, "---:")
		}
	}
	_, _ = fmt.Fprintln(w)
	line(names)
	line(rule)
	for _, row := range t.Rows {
		var cells []string
		for i, cell := range row {
			cells = append(cells, report.Cell(cell, t.Columns[i].Unit))
		}
		line(cells)
	}
}
