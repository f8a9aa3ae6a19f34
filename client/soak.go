package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/scenario"
	"github.com/c10m/c10m/internal/unit"
)

const soakUsage = `usage: client soak [flags]

A constant load for a long time, over connections that come and go, while the
memory of the server and of the kernel is watched, and the server's fds and
sockets in CLOSE_WAIT. A line through it, with its confidence, says whether
there is a leak, how large, and how large one could be that does not show.

  --duration D           how long (default 10m; a small leak takes hours to see)
  --users N              at a time (default 100)
  --mode keepalive|per-request|kept   --requests K (100) messages a connection
                         (default), a connection for each, or one for all
  --size BYTES|A:B, --timeout D, --close rst|fin    (64, 10s, rst); --timeout is
                         of one message, connect included
  --every D              between two looks (default: a 300th of the time, 1s at
                         least)
  --warm-up SHARE        of the time that is not judged (default 20%)
Where to, from where (default 127.0.0.1 port 10000)
  --host ADDR, --ports N, --first-port PORT, --proto tcp|ws, --path, --header,
  --subprotocol, --text, --server-control URL|auto|none, --sources auto|CIDR,
  --threads auto|N, --connect-timeout D; --show-failure: the first bad answer
  A server that is not ours is watched where it runs on this machine.
Report
  --json FILE, --html FILE, --csv FILE, --fail-if COND, --quiet
  --dash ADDR:PORT       live page of this run

Exit status: 0 no leak, or undecided; 1 a leak, or connections were lost; 2 bad
usage; 130 interrupted: the verdict is of the time so far.

Examples
  client soak --duration 8h --json soak.json
  client soak --mode per-request --users 20 --duration 30m
`

// mostLooks bounds the samples of a soak.
const mostLooks = 1_000_000

// runSoak is the subcommand.
func runSoak(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	u := newUsers("soak", soakUsage, 100, scenario.KeepAlive, scenario.PerRequest, scenario.Kept)
	u.closes("rst")
	u.requests = 100
	o := scenario.SoakOptions{}
	u.Var(&u.n, "users", "")
	u.Var(unit.NewDuration(&u.Hold, 10*time.Minute), "duration", "")
	u.Var(unit.NewDuration(&o.Every, 0), "every", "")
	u.Var(unit.NewShare(&o.WarmUp, 0.2), "warm-up", "")
	check := func() error {
		switch {
		case u.Hold < time.Second:
			return fmt.Errorf("--duration %v: the legal range is 1s..1000h", u.Hold)
		case o.Every != 0 && (o.Every < 10*time.Millisecond || o.Every > u.Hold/4):
			return fmt.Errorf("--every %v: the legal range is 10ms..%v, a quarter of --duration", o.Every, u.Hold/4)
		case o.Every != 0 && u.Hold/o.Every > mostLooks:
			return fmt.Errorf("--every %v: the legal range is %v..: at most %d looks", o.Every, u.Hold/mostLooks, mostLooks)
		case !(o.WarmUp >= 0 && o.WarmUp <= 0.9): // as is NaN
			return fmt.Errorf("--warm-up %g: the legal range is 0..0.9", o.WarmUp)
		}
		err := u.settle(args, u.n)
		o.ChurnOptions = u.opt
		return err
	}
	return u.run(args, stdout, stderr, check, func() (outcome, error) {
		r, err := u.watched(stderr, func(fp proc.FS, watch scenario.Watch) (*resultOf, error) {
			return scenario.Soak(ctx, o, fp, watch)
		})
		return outcome{result: r, short: r != nil && r.Leak}, err
	})
}
