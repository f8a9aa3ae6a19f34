package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/scenario"
)

// runReport is "client report FILE": a result file shown again.
func runReport(_ context.Context, args []string, stdout, stderr io.Writer) int {
	var o outputs
	fs := newFlags("report")
	o.register(fs)
	files, err := parseMixed(fs, args)
	switch {
	case err != nil:
		return end(err, reportUsage, stdout, stderr)
	case len(files) != 1:
		return fail(stderr, fmt.Errorf("%w: report wants one result file, not %d; see client report --help", scenario.ErrUsage, len(files)))
	}
	if err := o.check(false); err != nil {
		return fail(stderr, err)
	}
	r, err := load(files[0])
	if err != nil {
		return fail(stderr, err)
	}
	text := textReport(wholeText)
	if r.Plan.Conns == 0 { // a lab that opened none
		text = report.WriteLab
	}
	failed, err := o.conclude(r, stdout, text)
	switch {
	case errors.Is(err, report.ErrNoSeries):
		return fail(stderr, fmt.Errorf("%w: %v", scenario.ErrUsage, err))
	case err != nil:
		return fail(stderr, err)
	case failed:
		return fellShort
	}
	return done
}

// newFlags is the flags of a command that every command has.
func newFlags(command string) *flag.FlagSet {
	fs := flag.NewFlagSet("client "+command, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.Bool("version", false, "")
	return fs
}

// errVersion is that no run is wanted, only our version.
var errVersion = errors.New("version")

// parseFlags gives flag.ErrHelp, errVersion, or bad usage.
func parseFlags(fs *flag.FlagSet, args []string) error {
	err := fs.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return err
	case err != nil:
		return fmt.Errorf("%w: %v; see %s --help", scenario.ErrUsage, err, fs.Name())
	case fs.Lookup("version").Value.String() == "true":
		return errVersion
	}
	return nil
}

// parseMixed parses flags that stand before, between and after file names.
func parseMixed(fs *flag.FlagSet, args []string) (files []string, err error) {
	for {
		if err := parseFlags(fs, args); err != nil {
			return nil, err
		}
		if fs.NArg() == 0 {
			return files, nil
		}
		files, args = append(files, fs.Arg(0)), fs.Args()[1:]
	}
}

// load reads a result file; - is standard input.
func load(file string) (*result.Result, error) {
	in := io.Reader(os.Stdin)
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, fmt.Errorf("%w: %v", scenario.ErrUsage, err)
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	r, err := result.Read(in)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %v", scenario.ErrUsage, file, err)
	}
	return r, nil
}
