package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/scenario"
	"github.com/c10m/c10m/internal/unit"
)

const peakUsage = `usage: client peak [flags]

How many users can it carry? They rise in steps until a condition is met; then
the highest number that meets none is narrowed down by halving. A step that
breaks is tried twice. Says what broke first, from evidence of the machine.

  --until COND [COND]    errors>SHARE, p50|p90|p99|p999|max>TIME, rate<N
                         (default 'errors>0.1%' 'p99>500ms')
  --from N, --max N      users of the first and of the last step (10, 100k)
  --factor X             how much each step is larger (default 2)
  --precision SHARE      of the answer (default 5%)
  --each D               how long a step is (default 3s)
  --mode kept|keepalive|per-request   one connection for all messages of a user
                         (default), for --requests K (10), or for each
  --size BYTES|A:B, --timeout D, --close fin|rst    (64, 10s, rst); --timeout is
                         of one message, connect included
Where to, from where (default 127.0.0.1 port 10000)
  --host ADDR, --ports N, --first-port PORT, --proto tcp|ws, --path, --header,
  --subprotocol, --text, --server-control URL|auto|none, --sources auto|CIDR,
  --threads auto|N, --connect-timeout D; --show-failure: the first bad answer
Report
  --json FILE, --html FILE, --csv FILE, --fail-if COND, --quiet
  --dash ADDR:PORT       live page of this run

Exit status: 0 a number was found; 1 the first step breaks already; 2 bad usage.

Examples
  client peak --until 'p99>20ms' --each 5s
  client peak --from 100 --max 5000 --until 'errors>0.1%' 'p99>500ms'
`

// untils is a flag that may be given several times.
type untils []scenario.Until

func (u *untils) String() string { return "" }

func (u *untils) Set(text string) error {
	for _, one := range strings.Split(text, ",") {
		c, err := scenario.ParseUntil(one)
		if err != nil {
			return err
		}
		*u = append(*u, c)
	}
	return nil
}

// listed lets a flag be followed by several values: --until A B.
func listed(args []string, flag string) (all []string) {
	in := false
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case strings.TrimLeft(a, "-") == flag && strings.HasPrefix(a, "-"):
			in = true
			all = append(all, a)
			if i++; i < len(args) {
				all = append(all, args[i])
			}
			continue
		case in && !strings.HasPrefix(a, "-"):
			all = append(all, "--"+flag, a)
			continue
		}
		in = false
		all = append(all, a)
	}
	return all
}

// runPeak is the subcommand.
func runPeak(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	u := newUsers("peak", peakUsage, 1, scenario.Kept, scenario.KeepAlive, scenario.PerRequest)
	u.closes("rst")
	var conditions untils
	from, most := unit.Count{N: 10}, unit.Count{N: 100_000}
	o := scenario.PeakOptions{}
	u.Var(&conditions, "until", "")
	u.Var(&from, "from", "")
	u.Var(&most, "max", "")
	u.Float64Var(&o.Factor, "factor", 2, "")
	u.Var(unit.NewShare(&o.Precision, 0.05), "precision", "")
	u.Var(unit.NewDuration(&u.Hold, 3*time.Second), "each", "")
	check := func() error {
		if len(conditions) == 0 {
			_ = conditions.Set("errors>0.1%,p99>500ms")
		}
		switch {
		case from.Auto || most.Auto || most.N > mostUsers || from.N > most.N:
			return fmt.Errorf("--from %s --max %s: the legal range is 1..%d, and --from no more than --max", from.String(), most.String(), mostUsers)
		case !(o.Factor >= 1.01 && o.Factor <= 1000): // as is NaN
			return fmt.Errorf("--factor %g: the legal range is 1.01..1000", o.Factor)
		case !(o.Precision >= 0 && o.Precision <= 1):
			return fmt.Errorf("--precision %g: the legal range is 0..1", o.Precision)
		case u.Hold < 100*time.Millisecond || u.Hold > time.Hour:
			return fmt.Errorf("--each %v: the legal range is 100ms..1h", u.Hold)
		}
		err := u.settle(args, u.n)
		o.ChurnOptions, o.From, o.Max, o.Until, u.most = u.opt, from.N, most.N, conditions, most.N
		return err
	}
	return u.run(listed(args, "until"), stdout, stderr, check, func() (outcome, error) {
		r, err := u.watched(stderr, func(fp proc.FS, watch scenario.Watch) (*resultOf, error) {
			return scenario.Peak(ctx, o, fp, watch)
		})
		return outcome{result: r, brief: true, short: r != nil && r.Behind}, err
	})
}
