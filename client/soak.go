package main

import (
	"context"
	"fmt"
	"time"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/scenario"
)

// mostLooks bounds the samples of a soak.
const mostLooks = 1_000_000

func soakKind() kind { return kind{name: "soak", command: soakCommand, bound: atATime} }

// soakCommand is "client soak".
func soakCommand() *cli.Command {
	u := newUsers(cli.Command{Name: "soak", Short: "a long run: does the server's memory grow?",
		Long: `A constant load for a long time, over connections that come and go, while the
memory of the server and of the kernel is watched, and the server's fds and
sockets in CLOSE_WAIT. A line through it, with its confidence, says whether there
is a leak, how large, and how large one could be that does not show. A server that
is not ours is watched where it runs on this machine.`,
		Examples: []string{"client soak --duration 8h --json soak.json",
			"client soak --mode per-request --users 20 --duration 30m"},
		Status: "0 no leak, or undecided, 1 a leak, or connections were lost, 130 interrupted: the verdict is of the " +
			"time so far"},
		100, scenario.KeepAlive, scenario.PerRequest, scenario.Kept)
	u.declareUsers(100)
	o := scenario.SoakOptions{}
	f := u.Flags
	f.Add(cli.Time(&u.Hold, 10*time.Minute, time.Second, maxHold), "duration", "TIME",
		"how long; a small leak takes hours to see")
	f.Add(cli.Time(&o.Every, 0, 10*time.Millisecond, maxHold), "every", "TIME", "between two looks",
		cli.Unset("a 300th of it, from 1s"))
	f.Add(cli.Share(&o.WarmUp, 0.2, 0, 0.9), "warm-up", "SHARE", "of the time that is not judged")
	u.declareClose(plan.CloseRST)
	check := func() error {
		switch {
		case o.Every > u.Hold/4:
			return fmt.Errorf("--every %v: the legal range is 10ms..%v, a quarter of --duration", o.Every, u.Hold/4)
		case o.Every != 0 && u.Hold/o.Every > mostLooks:
			return fmt.Errorf("--every %v: the legal range is %v..: at most %d looks", o.Every, u.Hold/mostLooks, mostLooks)
		}
		err := u.settle(u.n)
		o.ChurnOptions = u.opt
		return err
	}
	return u.runs(check, func(ctx context.Context) (outcome, error) {
		r, err := u.watched(func(fp proc.FS, watch scenario.Watch) (*resultOf, error) {
			return scenario.Soak(ctx, o, fp, watch)
		})
		return outcome{result: r, short: r != nil && r.Leak}, err
	})
}
