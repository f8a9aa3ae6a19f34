package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/scenario"
)

// program is the client's command line. Without a command it holds.
func program() *cli.Program {
	p := &cli.Program{Build: build, StatusOf: statusOf}
	p.Command = *holdCommand()
	p.Name, p.Short = cli.NameOf(os.Args[0], "client"), "what each of millions of connections costs"
	p.Long = `How many connections can one box hold, what does each cost, what breaks first?
Works against any TCP or WebSocket server. Without a command it holds: client hold
--help-all shows all of its flags, and what a TARGET is.`
	p.Examples = []string{"client --ports 200 --conns 10M --json big.json --html big.html",
		"client compare before.json after.json --fail-if 'total_bytes_per_conn>+5%'"}
	for _, k := range kinds() {
		p.Commands = append(p.Commands, k.command())
	}
	p.Commands = append(p.Commands, agentCommand(), probeCommand(), reportCommand(), compareCommand())
	// What most runs need; the rest is explained by client hold --help-all.
	p.Flags.Only("conns", "host", "ports", "proto", "rate", "hold", "json", "html", "csv", "fail-if", "quiet")
	return p
}

// command is what the commands that end with a result have in common: where it
// goes, and the exit status.
type command struct {
	*cli.Flags
	*cli.Call // once it runs
	outputs
	about cli.Command
	ctx   context.Context // of the call
}

// outcome is what a command ends with.
type outcome struct {
	result *result.Result
	brief  bool // the text has no connections to tell of
	short  bool // fell short, beside what the result itself says
}

func newCommand(about cli.Command) *command {
	c := &command{Flags: cli.NewFlags(), about: about}
	c.about.Flags = c.Flags
	return c
}

// say tells what goes on, unless it is to be quiet.
func (c *command) say(format string, args ...any) {
	if !c.quiet {
		_, _ = fmt.Fprintf(c.Stderr, format, args...)
	}
}

// given says whether a flag is on the command line.
func (c *command) given(name string) bool { return c.Flags.Given(name) }

// runs declares the flags of the outputs, and makes a command that checks, does
// the work and reports.
func (c *command) runs(check func() error, work func(context.Context) (outcome, error)) *cli.Command {
	var csv cli.Option
	if c.about.Name != "hold" {
		csv = cli.Rare
	}
	c.register(c.Flags, csv)
	c.about.Run = func(ctx context.Context, call *cli.Call) (int, error) {
		c.Call, c.ctx = call, ctx
		if err := check(); err != nil {
			if errors.Is(ctx.Err(), context.Canceled) {
				return 0, scenario.ErrInterrupted
			}
			return 0, cli.Usage("%w", err)
		}
		if err := c.outputs.check(false); err != nil {
			return 0, err
		}
		out, err := work(ctx)
		if errors.Is(err, errOnlyRead) {
			return cli.Done, nil
		}
		if err != nil {
			return 0, worded(err)
		}
		text := textReport(wholeText)
		if out.brief {
			text = report.WriteLab
		}
		failed, err := c.conclude(out.result, call.Stdout, text)
		if err != nil { // a file is missing: the run ended all the same
			c.ending(out.result, cli.Short, call.Stdout, call.Stderr)
			return 0, err
		}
		status := cli.Done
		switch {
		case out.result.Interrupt:
			status = interrupted
		case failed || out.short || !out.brief && out.result.Short():
			status = cli.Short
		}
		c.ending(out.result, status, call.Stdout, call.Stderr)
		return status, nil
	}
	return &c.about
}

// worded is an error of a scenario in a sentence, of the same exit status. It is
// without the word by which bad usage is marked: the status says that, and the line
// begins with what is wrong.
func worded(err error) error {
	said := report.Error(err)
	if errors.Is(err, scenario.ErrUsage) {
		return cli.Usage("%s", strings.TrimPrefix(said, scenario.ErrUsage.Error()+": "))
	}
	return &wordedError{said, err}
}

// errOnlyRead ends a command whose flags were wanted, read and checked, not its work.
var errOnlyRead = errors.New("only the flags are read")

// read gives the flags of one command's line, checked, to whoever has declared
// them. ctx bounds what is waited for, like names (--wait).
func read(ctx context.Context, line []string,
	runs func(func() error, func(context.Context) (outcome, error)) *cli.Command, check func() error) error {
	was := false
	c := runs(check, func(context.Context) (outcome, error) {
		was = true
		return outcome{}, errOnlyRead
	})
	p := &cli.Program{Command: cli.Command{Name: "client", Commands: []*cli.Command{c}}, StatusOf: statusOf}
	_, err := p.Execute(ctx, line, io.Discard, io.Discard)
	if err == nil && !was { // --help or --version
		err = cli.Usage("%q runs nothing", strings.Join(line, " "))
	}
	return err
}

// statusOf is the exit status of an error.
func statusOf(err error) int {
	switch {
	case errors.Is(err, scenario.ErrInterrupted):
		return interrupted
	case errors.Is(err, scenario.ErrUsage):
		return cli.BadUsage
	}
	return cli.Short
}

// limits says whether a finding is what a run falls short for.
func limits(f result.Finding) bool { return f.Severity >= result.Limits }
