package main

import (
	"context"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/fleet"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/scenario"
)

// kinds are the scenarios, in the order of the help. Each has its row beside its
// flags.
func kinds() []kind {
	return []kind{holdKind(), echoKind(), churnKind(), stressKind(), peakKind(), soakKind(), sweepKind(),
		diagnoseKind()}
}

// kind is a scenario as the command line knows it.
type kind struct {
	name    string // of the command, in a plan and in a result
	command func() *cli.Command
	bound   string // what the connections of the plan are, on the live page; "": what was asked for

	// Of a run that another process of this program can do, as a sweep wants it, the
	// fleet, and a network namespace of its own; nil: there is none.
	asked func() asked
	run   func(context.Context, *target, scenario.ChurnOptions) (*result.Result, error)
	short func(*result.Result) bool // it did not do what it was asked to

	// gates are those at which the parts of a fleet's run wait; none: agents do not
	// share such a run, and package result need not add it up.
	gates []string
}

// asked is how the command line of a run is read.
type asked struct {
	*target // with the flags
	read    func(ctx context.Context, line []string) (job, error)
}

// kindNamed is the scenario of that name; one without a name where there is none.
func kindNamed(name string) kind {
	for _, k := range kinds() {
		if k.name == name {
			return k
		}
	}
	return kind{}
}

// anyOf names the scenarios of which something is true, for an error.
func anyOf(is func(kind) bool) string {
	var names []string
	for _, k := range kinds() {
		if is(k) {
			names = append(names, k.name)
		}
	}
	return cli.AnyOf(names)
}

// isJob says whether another process can do such a run.
func (k kind) isJob() bool { return k.asked != nil }

// isShared says whether agents of a fleet share such a run.
func (k kind) isShared() bool { return len(k.gates) > 0 }

// ofUsers is the run of a scenario of users, shown as it goes.
func ofUsers(run func(context.Context, scenario.ChurnOptions, proc.FS, scenario.Watch) (*result.Result, error)) func(
	context.Context, *target, scenario.ChurnOptions) (*result.Result, error) {
	return func(ctx context.Context, t *target, o scenario.ChurnOptions) (*result.Result, error) {
		return t.watched(func(fp proc.FS, watch scenario.Watch) (*result.Result, error) {
			return run(ctx, o, fp, watch)
		})
	}
}

// ofConns is the run of a scenario that holds connections.
func ofConns(ctx context.Context, t *target, _ scenario.ChurnOptions) (*result.Result, error) {
	return t.hold(ctx)
}

// parseJob reads the command line of a run that another process is to do. What else
// is on the line, like the conditions that it must meet, is the command's. The files that
// it names are those that came with it; nil: they are here.
func parseJob(ctx context.Context, line []string, came fleet.Files) (job, *command, error) {
	a := kindNamed(line[0]).asked()
	a.files.came = came
	j, err := a.read(ctx, line)
	return j, a.command, err
}

// flagsOf are the flags of a command whose runs another process can do.
func flagsOf(name string) *cli.Flags { return kindNamed(name).asked().Flags }
