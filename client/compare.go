package main

import (
	"cmp"
	"context"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/internal/result"
)

// compareCommand is "client compare FILE FILE...".
func compareCommand() *cli.Command {
	var o outputs
	group := ""
	f := cli.NewFlags()
	f.Add(cli.OneOf(&group, report.GroupAuto, report.GroupWays...), "group", strings.Join(report.GroupWays, "|"),
		"which files are repetitions of one run")
	f.Add(cli.Text(&o.html, ""), "html", "FILE", "as one page that needs no network; - is stdout")
	f.Add(cli.Text(&o.markdown, ""), "markdown", "FILE", "the same for an issue or a document")
	f.Add(cli.Text(&o.csv, ""), "csv", "FILE", "its figures: a row for each of each group")
	f.Add(cli.Text(&o.json, ""), "json", "FILE", "for machines: medians, ratios, verdicts; - is stdout")
	o.conditions(f)
	return &cli.Command{Name: "compare", Short: "result files side by side, with ratios and thresholds",
		Long: `Shows result files (client --json) side by side, with ratios to the first. Runs
that are repeated get a verdict, better or worse, with the chance that noise alone
has made it. What differs in plan, machine or build is listed before the numbers.`, Takes: "FILE FILE...", Flags: f,
		Notes: []string{`Of files that are repetitions the median is shown, and how far the farthest is from it
  name   a1.json a2.json a3.json are "a", b1.json b2.json are "b"
  dir    the files of a directory are
  none   each file stands for itself
  auto   as name, where files of a name asked for the same run and at least
         two groups remain; else none`,
			`COND is METRIC OP VALUE as for client report (see its --help), of any group but the first, or
with a change against the first: total_bytes_per_conn>+5%, setup.rate<-3%`},
		Examples: []string{"client compare before.json after.json --html change.html",
			"client compare main-*.json mine-*.json --fail-if 'setup.rate<-10%'",
			"client compare old.json new.json --quiet --fail-if 'total_bytes_per_conn>+5%'"},
		Status: "0 compared, 1 a --fail-if held, or its metric was not measured",
		Args: func(files []string) error {
			if len(files) < 2 {
				return cli.Usage("compare wants two result files or more, not %d; see client compare --help", len(files))
			}
			return nil
		},
		Run: func(_ context.Context, call *cli.Call) (int, error) {
			if err := o.check(true); err != nil {
				return 0, err
			}
			c, err := o.compare(group, call.Args)
			if err != nil {
				return 0, err
			}
			if err := o.writeComparison(c, call.Stdout); err != nil {
				return 0, err
			}
			if c.Failed() {
				if !o.reports() {
					complain(call.Stderr, c.FailedThresholds())
				}
				return cli.Short, nil
			}
			return cli.Done, nil
		}}
}

// compare loads the files and groups them.
func (o *outputs) compare(way string, files []string) (*report.Comparison, error) {
	var runs []*result.Result
	for _, file := range files {
		r, err := load(file)
		if err != nil {
			return nil, err
		}
		runs = append(runs, r)
	}
	groups := report.GroupRuns(way, files, runs)
	relative := slices.IndexFunc(o.thresholds, func(t result.Threshold) bool { return t.Relative })
	if relative >= 0 && len(groups) < 2 {
		return nil, cli.Usage("--fail-if %q: all files are one group, there is no baseline: see --group",
			o.thresholds[relative].Text)
	}
	return report.Compare(groups, o.thresholds)
}

func (o *outputs) writeComparison(c *report.Comparison, stdout io.Writer) error {
	if o.reports() {
		terminal, width := terminalOf(stdout)
		if err := c.WriteText(stdout, report.FromEnvironment(terminal, width, os.Getenv)); err != nil {
			return err
		}
	}
	var first error // a file that cannot be written does not cost the others
	for _, one := range []struct {
		flag, file string
		write      func(io.Writer) error
	}{{"--json", o.json, c.WriteJSON}, {"--html", o.html, c.WriteHTML}, {"--markdown", o.markdown, c.WriteMarkdown},
		{"--csv", o.csv, c.WriteCSV}} {
		if one.file != "" {
			first = cmp.Or(first, render(one.flag, one.file, stdout, one.write))
		}
	}
	return first
}
