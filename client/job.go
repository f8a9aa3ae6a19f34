package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/scenario"
	"github.com/c10m/c10m/internal/sys"
)

// job is one run that another process of this program does, with options that
// were read and checked here: in a network namespace of its own, or only apart, as
// a sweep wants each of its runs.
type job struct {
	Run      scenario.ChurnOptions // of hold and echo the embedded Options alone
	Net      bool                  // in a network namespace of its own
	Settings settings              // of that namespace
	Server   *ownServer            // started for the run; nil: there is one
	Quiet    bool
	Look     bool // say what this machine holds, and run nothing
	Gated    bool // wait at each gate until it is opened
	// Tells: say where the run stands, five times a second and at each gate, with
	// Histograms or without.
	Tells, Histograms bool
}

// ownServer is a server that a run has for itself.
type ownServer struct {
	Command string // "": ours
	Flags   []string
}

// answer is what became of a job.
type answer struct {
	Result *result.Result `json:",omitempty"`
	Limits []plan.Limit   `json:",omitempty"` // of a Look
	Short  bool           // it fell short, or was interrupted
	Error  string         `json:",omitempty"`
	Kind   errorKind      `json:",omitempty"`
}

// errorKind is which of the errors that callers tell apart an error is.
type errorKind string

var errorKinds = map[errorKind]error{"usage": cli.ErrUsage, "interrupted": scenario.ErrInterrupted}

// kindOf is the kind of an error; "" of any other.
func kindOf(err error) errorKind {
	if errors.Is(err, scenario.ErrUsage) {
		return "usage"
	}
	for kind, is := range errorKinds {
		if errors.Is(err, is) {
			return kind
		}
	}
	return ""
}

// wordedError is an error in the words of a report, or of another process, and the
// same to errors.Is.
type wordedError struct {
	text string
	kind error
}

func (e *wordedError) Error() string { return e.text }
func (e *wordedError) Unwrap() error { return e.kind }

const (
	// jobCommand is what a process is called with that does a job. It takes no
	// flags: the job comes through a pipe.
	jobCommand = "run-job"
	// The fds that it inherits after stdin, stdout and stderr.
	jobFD    = 3 // the job; ends when the process that gave it does
	answerFD = 4
)

// do has another process do it. What that process shows on the way goes to
// stderr.
func (j *job) do(ctx context.Context, stderr io.Writer) (r *result.Result, short bool, err error) {
	c, err := j.start(stderr)
	if err != nil {
		return nil, false, err
	}
	stop := context.AfterFunc(ctx, c.Stop)
	defer stop()
	a, err := c.wait()
	switch {
	case errors.Is(err, errNoAnswer) && ctx.Err() != nil: // before it could listen to signals
		return nil, false, scenario.ErrInterrupted
	case err != nil:
		return nil, false, err
	}
	return a.Result, a.Short, a.Result.Check()
}

// lastLine is the end of what a process said, for whoever must find out why.
func lastLine(said string) string {
	lines := strings.Split(strings.TrimSpace(said), "\n")
	if last := lines[len(lines)-1]; last != "" {
		return ": " + last
	}
	return ""
}

// serveJob is the process that does a job.
func serveJob() int {
	syscall.CloseOnExec(jobFD) // a server that it starts must not hold them
	syscall.CloseOnExec(answerFD)
	ctx, stop := signal.NotifyContext(context.Background(), sys.EndSignals()...)
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	from, to := os.NewFile(jobFD, "job"), os.NewFile(answerFD, "answer")
	var j job
	in := json.NewDecoder(from)
	if err := in.Decode(&j); err != nil {
		_, _ = fmt.Fprintf(os.Stderr, "client: %s is for this program's own use: read job: %v\n", jobCommand, err)
		return cli.BadUsage
	}
	tells := newTeller(to, j.Tells, j.Histograms)
	if j.Gated {
		j.Run.Gate = tells.gate
	}
	go func() {
		for {
			var gate string
			if in.Decode(&gate) != nil { // the end of who gave the job
				cancel()
				return
			}
			tells.open(gate)
		}
	}()
	var a answer
	var err error
	if j.Look {
		a.Limits, err = j.look(ctx)
	} else {
		a.Result, a.Short, err = j.run(ctx, os.Stderr, tells.watch)
	}
	if err != nil {
		a = answer{Error: report.Error(err), Kind: kindOf(err)}
	}
	if err := tells.end(a); err != nil {
		_, _ = fmt.Fprintf(os.Stderr, "client: write answer: %v\n", err)
		return cli.Short
	}
	return cli.Done
}

// look says what bounds such a run here.
func (j *job) look(ctx context.Context) ([]plan.Limit, error) {
	fp, err := proc.Here()
	if err != nil {
		return nil, err
	}
	return scenario.Look(ctx, j.Run.Options, fp)
}

// run does it here: in the namespace that this process is in, with the settings
// and the server that it wants.
func (j *job) run(ctx context.Context, stderr io.Writer, also scenario.Watch) (r *result.Result, short bool,
	err error) {
	if j.Net {
		if err := j.Settings.settle(); err != nil {
			return nil, false, err
		}
	}
	o := &j.Run.Options
	if j.Server != nil {
		server, err := startOwn(ctx, o, j.Server.Command, j.Server.Flags...)
		if err != nil {
			return nil, false, err
		}
		defer server.Stop()
		defer func() {
			if dead := server.Alive(); err != nil && dead != nil {
				err = fmt.Errorf("%w; %w", err, dead)
			}
		}()
	}
	t := &target{command: &command{Call: &cli.Call{Stderr: stderr}, outputs: outputs{quiet: j.Quiet}}, Options: *o,
		also: also}
	k := kindNamed(o.Scenario)
	if !k.isJob() {
		return nil, false, cli.Usage("%q is no scenario of another process", o.Scenario)
	}
	if r, err = k.run(ctx, t, j.Run); err != nil {
		return nil, false, err
	}
	return r, r.Interrupt || k.short(r), nil
}

// with is a copy that has further settings.
func (j job) with(more settings) job {
	j.Settings = maps.Clone(j.Settings)
	if j.Settings == nil {
		j.Settings = settings{}
	}
	maps.Copy(j.Settings, more)
	return j
}
