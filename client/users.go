package main

import (
	"errors"
	"time"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/scenario"
)

// users are churn, stress, peak and soak: users and their connections.
type users struct {
	*target
	opt      scenario.ChurnOptions
	messages sizes
	n        int64
	requests int
}

// atATime is what the connections of users are.
const atATime = "at a time"

// mostUsers bounds the users of one run.
const mostUsers = 1_000_000

// newUsers declares what they have in common; the first of the modes is the
// default.
func newUsers(about cli.Command, requests int, modes ...string) *users {
	u := &users{target: newTarget(about, 1), messages: sizes{64, 64}, n: 1}
	f := u.Flags
	f.Group("Load")
	f.Add(cli.OneOf(&u.opt.Mode, modes[0], modes...), "mode", "MODE", listModes(modes))
	f.Add(cli.Int(&u.requests, requests, 1, 1<<30), "requests", "K", "messages of a connection, --mode keepalive")
	f.Add(&u.messages, "size", "SIZE|A:B", "of a message, or a range of sizes")
	u.declareTalk()
	f.Group("Load")
	f.Add(cli.Time(&u.opt.Timeout, 10*time.Second, 10*time.Millisecond, 10*time.Minute), "timeout", "TIME",
		"of one message, connect included", cli.Rare)
	return u
}

// modeText says what a mode is.
var modeText = map[string]string{
	scenario.PerRequest: "per-request: a connection a message",
	scenario.KeepAlive:  "keepalive: for --requests",
	scenario.Kept:       "kept: a connection a user",
	scenario.Pool:       "pool: --pool for all",
}

func listModes(modes []string) (text string) {
	for i, mode := range modes {
		if i > 0 {
			text += ", "
		}
		text += modeText[mode]
	}
	return text
}

// declareUsers is for all but peak, which finds the number.
func (u *users) declareUsers(n int64) {
	u.Flags.Group("Load")
	u.Flags.Add(cli.Number(&u.n, n, 1, mostUsers), "users", "N", "at a time")
}

// settle converts the flags. conns is how many connections there are at a time.
func (u *users) settle(conns int64) error {
	u.Conns.N = conns
	if err := u.target.check(); err != nil {
		return err
	}
	if u.Talk.Expect == plan.ExpectNone {
		return errors.New("--expect none: users wait for an answer to each message; see client echo --rate")
	}
	u.Size, u.SizeMax = u.messages.first, u.messages.last
	u.opt.Options = u.Options
	u.opt.Users, u.opt.Requests = u.n, uint32(u.requests)
	return nil
}
