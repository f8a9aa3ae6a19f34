package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/c10m/c10m/internal/scenario"
	"github.com/c10m/c10m/internal/unit"
)

// users are the flags of churn, stress, peak and soak: users and their connections.
type users struct {
	*command
	*target
	opt      scenario.ChurnOptions
	size     sizes
	n        unit.Count
	requests int
	modes    []string
}

// newUsers registers them; the first of the modes is the default.
func newUsers(name, usage string, n int64, modes ...string) *users {
	u := &users{command: newCommand(name, usage), size: sizes{64, 64}, n: unit.Count{N: n}, modes: modes}
	u.target = newTarget(u.FlagSet, name, 1)
	u.raw.ports = unit.PortCount{N: 1}
	fs := u.FlagSet
	fs.StringVar(&u.opt.Mode, "mode", modes[0], "")
	fs.Var(unit.NewInt(&u.requests, 10), "requests", "")
	fs.Var(&u.size, "size", "")
	fs.Var(unit.NewDuration(&u.opt.Timeout, 10*time.Second), "timeout", "")
	return u
}

// closes registers how connections end.
func (u *users) closes(mode string) { u.StringVar(&u.raw.closeMode, "close", mode, "") }

// mostUsers bounds the users of one run.
const mostUsers = 1_000_000

// settle converts the flags and refuses what cannot be meant. conns is how many
// connections there are at a time.
func (u *users) settle(args []string, conns unit.Count) error {
	o := &u.opt
	switch {
	case !slices.Contains(u.modes, o.Mode):
		return fmt.Errorf("--mode %q: the legal values are %s", o.Mode, strings.Join(u.modes, ", "))
	case u.requests < 1 || u.requests > 1<<30:
		return fmt.Errorf("--requests %d: the legal range is 1..%d", u.requests, 1<<30)
	case u.n.Auto || u.n.N > mostUsers:
		return fmt.Errorf("--users %s: the legal range is 1..%d", u.n.String(), mostUsers)
	case o.Timeout < 10*time.Millisecond || o.Timeout > 10*time.Minute:
		return fmt.Errorf("--timeout %v: the legal range is 10ms..10m", o.Timeout)
	}
	u.Conns = conns
	u.target.quiet = u.command.quiet
	if err := u.finish(args); err != nil {
		return err
	}
	u.Size, u.SizeMax = u.size.first, u.size.last
	o.Options = u.Options
	o.Users, o.Requests = u.n.N, uint32(u.requests)
	return nil
}
