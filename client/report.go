package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/sys"
)

// conditionText says what a COND of --fail-if is.
const conditionText = `COND is METRIC OP VALUE (quote it for the shell)
  METRIC   a number's path in the result file: setup.rate, echo.latency.p99,
           memory.caches.TCP.bytes_per_conn, conns.errors.connect_refused; its
           end is enough where no other path has it: total_bytes_per_conn, r2
  OP       < > <= >= == !=
  VALUE    a number in the file's units (bytes, ns, s, per second), or with a
           unit: 30k 10M (counts, rates), 500us 5ms 2s (times), 8KiB 8k 8kB
           (bytes, as in flags), 99% (shares)
  Failures that did not happen count 0; other absent numbers were not measured.`

// reportCommand is "client report FILE": a result file shown again.
func reportCommand() *cli.Command {
	var o outputs
	f := cli.NewFlags()
	o.register(f, nil)
	f.Add(cli.Text(&o.markdown, ""), "markdown", "FILE", "the report for an issue or a document")
	var figures []string
	f.Add(cli.Texts(&figures), "figure", "METRIC", "print this number and nothing else (repeatable)")
	return &cli.Command{Name: "report", Short: "a result file again: text, HTML, Markdown, CSV",
		Long: "Shows a result file (client --json) again; FILE - is standard input.", Takes: "FILE", Flags: f,
		Notes: []string{conditionText},
		Examples: []string{"client report big.json --html big.html",
			"client report big.json --fail-if 'setup.rate<30k' --fail-if 'r2<99%'",
			"client report big.json --csv - >curve.csv", "client report big.json --figure setup.rate",
			"client report big.json --markdown - >issue.md"},
		Status: "0 shown, 1 a --fail-if held",
		Args: func(files []string) error {
			if len(files) != 1 {
				return cli.Usage("report wants one result file, not %d; see client report --help", len(files))
			}
			return nil
		},
		Run: func(_ context.Context, call *cli.Call) (int, error) {
			if err := o.check(false); err != nil {
				return 0, err
			}
			r, err := load(call.Args[0])
			if err != nil {
				return 0, err
			}
			if len(figures) > 0 {
				return cli.Done, printFigures(r, figures, call.Stdout)
			}
			text := textReport(wholeText)
			if r.Plan.Conns == 0 || r.Peak != nil { // as the lab itself shows it
				text = report.WriteLab
			}
			failed, err := o.conclude(r, call.Stdout, text)
			switch {
			case errors.Is(err, report.ErrNoSeries):
				return 0, cli.Usage("%w", err)
			case err == nil && failed:
				if !o.reports() {
					o.ending(r, cli.Short, call.Stdout, call.Stderr)
				}
				return cli.Short, nil
			}
			return cli.Done, err
		}}
}

// printFigures writes one number a line, in the file's units; an empty line is one
// that was not measured.
func printFigures(r *result.Result, names []string, w io.Writer) error {
	numbers, err := r.Numbers()
	if err != nil {
		return err
	}
	for _, name := range names {
		m, err := result.ParseMetric(name)
		if err != nil {
			return cli.Usage("--figure %v", err)
		}
		line := ""
		if v, measured := m.Of(numbers); measured {
			line = strconv.FormatFloat(v, 'f', -1, 64)
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

// load reads a result file; - is standard input.
func load(file string) (*result.Result, error) {
	in := io.Reader(os.Stdin)
	if file != "-" {
		contents, err := sys.ReadFile(file, result.MaxFile)
		if err != nil {
			return nil, cli.Usage("%w", err)
		}
		in = strings.NewReader(contents)
	}
	r, err := result.Read(in)
	if err != nil {
		return nil, cli.Usage("%s: %v", file, err)
	}
	return r, nil
}
