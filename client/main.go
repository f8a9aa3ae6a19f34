// Command client opens millions of connections and reports what each costs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"

	"golang.org/x/term"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/dash"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/scenario"
	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/unit"
)

// linked is set at build time with -ldflags "-X main.linked=...".
var linked string

var commit = cli.BuildOf(linked).Commit

func main() {
	if len(os.Args) == 2 && os.Args[1] == jobCommand {
		os.Exit(serveJob())
	}
	child := isRelayed()
	if !child {
		if err := scenario.RoomToStart(2); err != nil {
			os.Exit(fail(os.Stderr, err))
		}
		if status, ok := relay(os.Args[1:], os.Stderr); ok {
			os.Exit(status)
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), sys.EndSignals()...)
	defer stop()
	if !child {
		os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
	}
	status := run(withLifeline(ctx), os.Args[1:], os.Stdout, os.Stderr)
	reportStatus(status)
	os.Exit(status)
}

// The exit statuses.
const (
	done        = 0
	fellShort   = 1
	badUsage    = 2
	interrupted = 130
)

// run is the whole program.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 {
		if lab := labs()[args[0]]; lab != nil {
			return lab(ctx, args[1:], stdout, stderr)
		}
	}
	f, help, err := parse(args)
	if err != nil {
		return end(err, help, stdout, stderr)
	}
	if err := f.outputs.check(false); err != nil {
		return fail(stderr, err)
	}
	f.Commit = commit
	r, err := execute(ctx, f, stderr)
	if err != nil {
		return fail(stderr, err)
	}
	failed, err := f.conclude(r, stdout, wholeText)
	if err != nil {
		return fail(stderr, err)
	}
	switch {
	case r.Interrupt:
		return interrupted
	case failed || r.Short():
		return fellShort
	}
	return done
}

// end is of a command that was not asked for a run: its help, the version, or
// what is wrong.
func end(err error, help string, stdout, stderr io.Writer) int {
	switch {
	case errors.Is(err, flag.ErrHelp):
		_, _ = io.WriteString(stdout, help+"\n"+unit.Help)
		return done
	case errors.Is(err, errVersion):
		_, _ = fmt.Fprintf(stdout, "c10m client %s %s\n", commit, runtime.Version())
		return done
	}
	return fail(stderr, err)
}

// fail prints an error in one line, whatever words of a user or of a file are in
// it, and gives its exit status.
func fail(stderr io.Writer, err error) int {
	_, _ = fmt.Fprintf(stderr, "client: %s\n", plan.OneLine(err.Error()))
	switch {
	case errors.Is(err, scenario.ErrInterrupted):
		return interrupted
	case errors.Is(err, scenario.ErrUsage):
		return badUsage
	}
	return fellShort
}

// execute prepares and runs the scenario.
func execute(ctx context.Context, f flags, stderr io.Writer) (*result.Result, error) {
	return f.watched(stderr, func(fp proc.FS, watch scenario.Watch) (*result.Result, error) {
		p, err := scenario.Prepare(ctx, f.Options, fp)
		if err != nil {
			return nil, err
		}
		if !f.quiet {
			announce(stderr, p)
		}
		return scenario.Hold(ctx, p, f.Options, fp, watch)
	})
}

// watched does the work and shows how it goes: on the live line, unless it is
// to be quiet, and on the live page, if there is to be one.
func (f *flags) watched(stderr io.Writer, work func(proc.FS, scenario.Watch) (*result.Result, error)) (*result.Result, error) {
	fp, err := proc.Here()
	if err != nil {
		return nil, err
	}
	page, err := openPage(f.dash, f.most, fp)
	if err != nil {
		return nil, err
	}
	defer page.close()
	if warning := dash.Exposed("--dash", f.dash); warning != "" {
		_, _ = fmt.Fprintf(stderr, "warning: %s\n", warning)
	}
	watch := func(scenario.Progress) {}
	if !f.quiet {
		live := newLive(stderr)
		defer live.Done()
		announced := f.Scenario == "hold" || f.Scenario == "echo"
		watch = func(s scenario.Progress) {
			if !announced {
				announced = true
				warn(stderr, s.Run)
			}
			live.Show(report.Progress{Phase: s.Phase, Elapsed: s.Elapsed, Established: s.Counts.Established, Target: max(s.Target, s.Counts.Attempted),
				Failed: s.Counts.Failed, Lost: s.Counts.Lost, Received: s.Counts.Received, MemoryLeft: s.MemoryLeft})
		}
	}
	return work(fp, page.watch(watch))
}

// announce says before the run what binds it and what it will take.
func announce(w io.Writer, p *scenario.Prepared) {
	by := ""
	if p.LimitedBy != "" {
		by = fmt.Sprintf(" (decided by: %s)", p.LimitedBy)
	}
	_, _ = fmt.Fprintf(w, "plan: %s connections%s to %s, %d ports, %d sources, %d threads; about %s of memory\n", unit.Commas(p.Plan.Total), by,
		scenario.HostText(&p.Plan.Target), len(p.Plan.Ports), max(1, len(p.Plan.Sources)), p.Plan.Threads, unit.Bytes(float64(p.PredictedBytes())))
	if len(p.Limits) > 0 {
		l := p.Limits[0]
		_, _ = fmt.Fprintf(w, "tightest limit: %s, %s connections: %s\n", l.Name, unit.Commas(l.Max), l.Why)
	}
	warn(w, p)
}

func warn(w io.Writer, p *scenario.Prepared) {
	for _, warning := range p.Warnings {
		_, _ = fmt.Fprintf(w, "warning: %s\n", warning)
	}
}

// newLive is a live line on a terminal that can rewrite it, plain lines
// elsewhere.
func newLive(w io.Writer) *report.Live {
	terminal, width := terminalOf(w)
	return report.NewLive(w, report.Rewrites(terminal, os.Getenv), width)
}

// terminalOf says whether w is a terminal, and how wide it is.
func terminalOf(w io.Writer) (terminal bool, width int) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return false, 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width < 20 {
		width = 80
	}
	return true, width
}
