package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/scenario"
)

// labs are the subcommands beside hold, each with flags of its own.
func labs() map[string]func(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return map[string]func(ctx context.Context, args []string, stdout, stderr io.Writer) int{
		"echo":     runEcho,
		"churn":    runChurn,
		"stress":   runStress,
		"peak":     runPeak,
		"soak":     runSoak,
		"sweep":    runSweep,
		"diagnose": runDiagnose,
		"report":   runReport,
		"compare":  runCompare,
	}
}

// command is what all of these have in common: its flags, its help, where its
// result goes, and its exit status.
type command struct {
	*flag.FlagSet
	usage string
	outputs
}

// outcome is what a command ends with.
type outcome struct {
	result *result.Result
	brief  bool // the text has no connections to tell of
	short  bool // fell short, beside what the result itself says
}

func newCommand(name, usage string) *command {
	c := &command{FlagSet: newFlags(name), usage: usage}
	c.register(c.FlagSet)
	return c
}

// given says whether a flag was set. It knows after run has parsed.
func (c *command) given(name string) (set bool) {
	c.Visit(func(f *flag.Flag) { set = set || f.Name == name })
	return set
}

// parse reads the flags and refuses what cannot be meant, before anything runs.
func (c *command) parse(args []string, check func() error) error {
	if err := parseFlags(c.FlagSet, args); err != nil {
		return err
	}
	if c.NArg() > 0 {
		return fmt.Errorf("%w: unexpected argument %q; see %s --help", scenario.ErrUsage, c.Arg(0), c.Name())
	}
	if err := check(); errors.Is(err, scenario.ErrUsage) {
		return err
	} else if err != nil {
		return fmt.Errorf("%w: %v", scenario.ErrUsage, err)
	}
	return c.outputs.check(false)
}

// run parses, checks, does the work and reports. It returns the exit status.
func (c *command) run(args []string, stdout, stderr io.Writer, check func() error, work func() (outcome, error)) int {
	if err := c.parse(args, check); err != nil {
		return end(err, c.usage, stdout, stderr)
	}
	out, err := work()
	if err != nil {
		return fail(stderr, err)
	}
	text := textReport(wholeText)
	if out.brief {
		text = report.WriteLab
	}
	failed, err := c.conclude(out.result, stdout, text)
	if err != nil {
		return fail(stderr, err)
	}
	switch {
	case out.result.Interrupt:
		return interrupted
	case failed || out.short || !out.brief && out.result.Short():
		return fellShort
	}
	return done
}

// limits says whether a finding is what a run falls short for.
func limits(f result.Finding) bool { return f.Severity >= result.Limits }
