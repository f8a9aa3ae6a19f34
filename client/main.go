// Command client opens millions of connections and reports what each costs.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"

	"golang.org/x/term"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/dash"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/scenario"
	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/unit"
)

// linked is set at build time with -ldflags "-X main.linked=...".
var linked string

var build = cli.BuildOf(linked)

// The process's first thread is main's alone: none of the engine's may be that one and
// give it an fd table of its own, as that is what /proc/PID/fd shows to others.
func init() { runtime.LockOSThread() }

func main() {
	if len(os.Args) == 2 && os.Args[1] == jobCommand {
		os.Exit(serveJob())
	}
	child := isRelayed()
	if !child && !isAgent() { // whose runs are other processes anyway
		if err := scenario.RoomToStart(2); err != nil {
			os.Exit(program().Fail(os.Stderr, worded(err)))
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

// interrupted is the exit status of a run that was, with the report so far.
const interrupted = 130

// run is the whole program.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return program().Run(ctx, args, stdout, stderr)
}

// execute is what hold and echo do.
func (t *target) execute(ctx context.Context) (outcome, error) {
	if t.fleet.agents > 0 {
		r, err := t.runFleet(ctx, t.sharing())
		return outcome{result: r}, err
	}
	r, err := t.hold(ctx)
	return outcome{result: r}, err
}

// hold prepares and runs a scenario that holds connections.
func (t *target) hold(ctx context.Context) (*result.Result, error) {
	t.announced = true // by the work itself
	return t.watched(func(fp proc.FS, watch scenario.Watch) (*result.Result, error) {
		p, err := scenario.Prepare(ctx, t.Options, fp)
		if err != nil {
			return nil, err
		}
		if !t.quiet {
			announce(t.Stderr, p)
		}
		return scenario.Hold(ctx, p, t.Options, fp, watch)
	})
}

// watched does the work and shows how it goes: on the live line, unless it is
// to be quiet, and on the live page, if there is to be one.
func (t *target) watched(work func(proc.FS, scenario.Watch) (*result.Result, error)) (*result.Result, error) {
	fp, err := proc.Here()
	if err != nil {
		return nil, err
	}
	page, err := t.openPage(fp)
	if err != nil {
		return nil, err
	}
	defer page.close()
	if warning := dash.Exposed("--dash", t.dash); warning != "" {
		_, _ = fmt.Fprintf(t.Stderr, "warning: %s\n", warning)
	}
	watch := func(scenario.Progress) {}
	if !t.quiet {
		live := newLive(t.Stderr)
		defer live.Done()
		watch = func(s scenario.Progress) {
			if !t.announced {
				t.announced = true
				warn(t.Stderr, s.Run)
			}
			p := report.Progress{Phase: s.Phase, Elapsed: s.Elapsed, Established: s.Counts.Established,
				Target: s.Target,
				Failed: s.Counts.Failed, Lost: s.Counts.Lost, Received: s.Counts.Received, Pushed: s.Counts.Pushed,
				Answers:    !s.Run.Plan.Talk.Echoes(),
				MemoryLeft: s.MemoryLeft}
			if stages := s.Run.Plan.Stages; len(stages) > 0 {
				p.Stage, p.Stages, p.Established, p.Target = s.Stage, len(stages), s.Counts.Open(), s.Target
			}
			live.Show(p)
		}
	}
	if also := t.also; also != nil {
		shows := watch
		watch = func(s scenario.Progress) {
			shows(s)
			also(s)
		}
	}
	r, err := work(fp, page.watch(watch))
	page.endPushes(r)
	return r, err
}

// announce says before the run what binds it and what it will take.
func announce(w io.Writer, p *scenario.Prepared) {
	by := ""
	if p.LimitedBy != "" {
		by = fmt.Sprintf(" (decided by: %s)", report.DecidedBy(p.LimitedBy, p.Plan.Total))
	}
	_, _ = fmt.Fprintf(w, "plan: %s connections%s to %s, %s, %s, %s; about %s of memory\n", unit.Commas(p.Plan.Total),
		by,
		p.Plan.Target.HostText(), report.Plural(len(p.Plan.Ports()), "port"),
		report.Plural(max(1, len(p.Plan.Sources)), "source"), report.Plural(p.Plan.Threads, "thread"),
		unit.Bytes(float64(p.PredictedBytes())))
	if len(p.Limits) > 0 {
		l := p.Limits[0]
		_, _ = fmt.Fprintf(w, "tightest limit: %s, %s connections: %s\n", l.Name, unit.Commas(l.Max), l.Why)
	}
	warn(w, p)
}

func warn(w io.Writer, p *scenario.Prepared) {
	for _, warning := range report.Warnings(p.Warnings) {
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
