package main

import (
	"fmt"
	"time"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/scenario"
)

// users are the flags of stress, peak and soak: users and their connections.
type users struct {
	*command
	*target
	opt      scenario.ChurnOptions
	size     sizes
	n        plan.Count
	requests int
}

func newUsers(name, usage, mode string, n int64) *users {
	u := &users{command: newCommand(name, usage), size: sizes{64, 64}, n: plan.Count{N: n}}
	u.target = newTarget(u.FlagSet, name, 1)
	u.raw.ports = 1
	fs := u.FlagSet
	fs.StringVar(&u.opt.Mode, "mode", mode, "")
	fs.IntVar(&u.requests, "requests", 10, "")
	fs.StringVar(&u.raw.closeMode, "close", "fin", "")
	fs.Var(&u.size, "size", "")
	fs.DurationVar(&u.opt.Timeout, "timeout", 10*time.Second, "")
	return u
}

// most bounds the users of one run.
const mostUsers = 1_000_000

// settle converts the flags and refuses what cannot be meant.
func (u *users) settle(args []string) error {
	o := &u.opt
	switch {
	case o.Mode != scenario.PerRequest && o.Mode != scenario.KeepAlive && o.Mode != scenario.Kept:
		return fmt.Errorf("--mode %q: the legal values are kept, keepalive, per-request", o.Mode)
	case u.requests < 1 || u.requests > 1<<30:
		return fmt.Errorf("--requests %d: the legal range is 1..%d", u.requests, 1<<30)
	case u.n.Auto || u.n.N > mostUsers:
		return fmt.Errorf("--users %s: the legal range is 1..%d", u.n.String(), mostUsers)
	case o.Timeout < 10*time.Millisecond || o.Timeout > 10*time.Minute:
		return fmt.Errorf("--timeout %v: the legal range is 10ms..10m", o.Timeout)
	}
	u.Conns = u.n
	u.target.quiet = u.command.quiet
	if err := u.finish(args); err != nil {
		return err
	}
	u.Size, u.SizeMax = u.size.first, u.size.last
	o.Options = u.Options
	o.Users, o.Requests = u.n.N, uint32(u.requests)
	return nil
}
