package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/scenario"
)

const compareUsage = `usage: client compare FILE FILE... [flags]

Shows result files (client --json) side by side, with ratios to the first. Runs
that are repeated get a verdict, better or worse, with the chance that noise
alone has made it.

  --group auto|none|name|dir   which files are repetitions of one run; of those
             the median is shown, and how far the farthest run is from it
      name   a1.json a2.json a3.json are "a", b1.json b2.json are "b"
      dir    the files of a directory are
      none   each file stands for itself
      auto   as name, where files of a name asked for the same run and at least
             two groups remain; else none (the default)
  --html FILE      as one page that needs no network; - for stdout
  --json FILE      for machines: medians, ratios, verdicts; - for stdout
  --fail-if COND   exit 1 if it holds for any group but the first, or if its
                   metric was not measured (repeatable)
  --quiet          no text

COND is METRIC OP VALUE as for client report (see its --help), or with a change
against the first group: total_bytes_per_conn>+5%, setup.rate<-3%

What differs in plan, machine or build is listed before the numbers.

Exit status: 0 compared; 1 a --fail-if held; 2 bad usage, or no result file.

Examples
  client compare before.json after.json --html change.html
  client compare main-*.json mine-*.json --fail-if 'setup.rate<-10%'
  client compare old.json new.json --quiet --fail-if 'total_bytes_per_conn>+5%'
`

// runCompare is "client compare FILE FILE...".
func runCompare(_ context.Context, args []string, stdout, stderr io.Writer) int {
	var o outputs
	group := ""
	fs := newFlags("compare")
	fs.StringVar(&o.html, "html", "", "")
	fs.StringVar(&o.json, "json", "", "")
	fs.Var(&o.failIf, "fail-if", "")
	fs.BoolVar(&o.quiet, "quiet", false, "")
	fs.StringVar(&group, "group", report.GroupAuto, "")
	files, err := parseMixed(fs, args)
	switch {
	case err != nil:
		return end(err, compareUsage, stdout, stderr)
	case len(files) < 2:
		return fail(stderr, fmt.Errorf("%w: compare wants two result files or more, not %d; see client compare --help", scenario.ErrUsage, len(files)))
	case !slices.Contains(report.GroupWays, group):
		return fail(stderr, fmt.Errorf("%w: --group %q: the legal values are %s", scenario.ErrUsage, group, strings.Join(report.GroupWays, ", ")))
	}
	if err := o.check(true); err != nil {
		return fail(stderr, err)
	}
	c, err := o.compare(group, files)
	if err != nil {
		return fail(stderr, err)
	}
	if err := o.writeComparison(c, stdout); err != nil {
		return fail(stderr, err)
	}
	if c.Failed() {
		return fellShort
	}
	return done
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
		return nil, fmt.Errorf("%w: --fail-if %q: all files are one group, there is no baseline: see --group", scenario.ErrUsage, o.thresholds[relative].Text)
	}
	return report.Compare(groups, o.thresholds)
}

func (o *outputs) writeComparison(c *report.Comparison, stdout io.Writer) error {
	if !o.quiet && !o.toStdout() {
		terminal, width := terminalOf(stdout)
		if err := c.WriteText(stdout, report.FromEnvironment(terminal, width, os.Getenv)); err != nil {
			return err
		}
	}
	var first error // a file that cannot be written does not cost the other
	if o.json != "" {
		first = render("--json", o.json, stdout, c.WriteJSON)
	}
	if o.html != "" {
		first = cmp.Or(first, render("--html", o.html, stdout, c.WriteHTML))
	}
	return first
}
