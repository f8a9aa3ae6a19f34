package main

import (
	"context"
	"time"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/scenario"
	"github.com/c10m/c10m/internal/unit"
)

func stressKind() kind {
	return kind{name: "stress", command: stressCommand, bound: atATime, run: ofUsers(scenario.Stress),
		short: scenario.StressFailed, gates: scenario.ChurnGates(),
		asked: func() asked {
			u := newStress()
			return asked{u.target, func(ctx context.Context, line []string) (job, error) {
				err := read(ctx, line, u.runs, func() error { return u.settle(u.n) })
				return job{Run: u.opt}, err
			}}
		}}
}

// stressCommand is "client stress".
func stressCommand() *cli.Command {
	u := newStress()
	return u.runs(func() error { return u.settle(u.n) }, func(ctx context.Context) (outcome, error) {
		if u.fleet.agents > 0 {
			r, err := u.runFleet(ctx, u.sharing(0))
			return outcome{result: r, short: r != nil && scenario.StressFailed(r)}, err
		}
		r, err := ofUsers(scenario.Stress)(ctx, u.target, u.opt)
		return outcome{result: r, short: r != nil && scenario.StressFailed(r)}, err
	})
}

func newStress() *users {
	u := newUsers(cli.Command{Name: "stress", Short: "so many users, so many messages each",
		Long: `A fixed amount of work: so many users, each so many messages one after the other.
Response times, errors by cause, throughput, and the memory of the server at the
start and at the end.`,
		Examples: []string{"client stress --users 300 --loops 1000",
			"client stress --users 50 --loops 200 --mode per-request --close rst",
			"client stress --fail-if 'echo.latency.p99>50ms' --fail-if 'conns.failed>0'"},
		Status: "0 all messages came back, 1 some failed, 130 interrupted"},
		10, scenario.Kept, scenario.KeepAlive, scenario.PerRequest)
	u.declareUsers(100)
	f := u.Flags
	f.Add(cli.Number(&u.opt.Loops, 100, 1, unit.MaxCount), "loops", "N", "messages of each user")
	f.Add(cli.Time(&u.Hold, 10*time.Minute, 100*time.Millisecond, maxHold), "limit", "TIME",
		"end after so long in any case")
	u.declareClose(plan.CloseFIN)
	u.declareFleet()
	return u
}
