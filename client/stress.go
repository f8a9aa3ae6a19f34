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

const stressUsage = `usage: client stress [flags]

A fixed amount of work: so many users, each so many messages one after the
other. Response times, errors by cause, throughput, and the memory of the server
at the start and at the end.

  --users N              at a time (default 100)
  --loops N              messages of each user (default 100)
  --size BYTES|A:B       of a message, or a range of sizes (default 64)
  --mode kept|keepalive|per-request   one connection for all messages of a user
                         (default), for --requests K (10), or for each
  --timeout D            of one message, connect included (default 10s)
  --limit D              end after so long in any case (default 10m)
  --close fin|rst        how connections end; rst leaves no TIME_WAIT
Where to, from where (default 127.0.0.1 port 10000)
  --host ADDR, --ports N, --first-port PORT, --proto tcp|ws, --path, --header,
  --subprotocol, --text, --server-control URL|auto|none, --sources auto|CIDR,
  --threads auto|N, --connect-timeout D; --show-failure: the first bad answer
Report
  --json FILE, --html FILE, --csv FILE, --fail-if COND, --quiet
  --dash ADDR:PORT       live page of this run

Exit status: 0 all messages came back; 1 some failed; 2 bad usage;
130 interrupted.

Examples
  client stress --users 300 --loops 1000
  client stress --users 50 --loops 200 --mode per-request --close rst
  client stress --fail-if 'echo.latency.p99>50ms' --fail-if 'conns.failed>0'
`

// stressFlags are those of stress.
type stressFlags struct {
	*users
	loops unit.Count
}

func newStress() *stressFlags {
	s := &stressFlags{users: newUsers("stress", stressUsage, 100, scenario.Kept, scenario.KeepAlive, scenario.PerRequest), loops: unit.Count{N: 100}}
	s.closes("fin")
	s.Var(&s.n, "users", "")
	s.Var(&s.loops, "loops", "")
	s.Var(unit.NewDuration(&s.Hold, 10*time.Minute), "limit", "")
	return s
}

// check converts the flags and refuses what cannot be meant.
func (s *stressFlags) check(args []string) error {
	switch {
	case s.loops.Auto:
		return fmt.Errorf("--loops auto: it must be a number, 1 or more")
	case s.Hold < 100*time.Millisecond:
		return fmt.Errorf("--limit %v: the legal range is 100ms..1000h", s.Hold)
	}
	err := s.settle(args, s.n)
	s.opt.Loops = s.loops.N
	return err
}

// runStress is the subcommand.
func runStress(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	s := newStress()
	return s.run(args, stdout, stderr, func() error { return s.check(args) }, func() (outcome, error) {
		r, err := s.watched(stderr, func(fp proc.FS, watch scenario.Watch) (*resultOf, error) {
			return scenario.Stress(ctx, s.opt, fp, watch)
		})
		return outcome{result: r, short: r != nil && failedToDo(r)}, err
	})
}
