package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/scenario"
)

// untils is a flag that may be given several times.
type untils []scenario.Until

func (u *untils) String() string { return "" }

// Type names the kind of value.
func (*untils) Type() string { return "condition" }

// Set reads conditions, parted by commas.
func (u *untils) Set(text string) error {
	for _, one := range strings.Split(text, ",") {
		c, err := scenario.ParseUntil(one)
		if err != nil {
			return worded(err)
		}
		*u = append(*u, c)
	}
	return nil
}

func peakKind() kind { return kind{name: "peak", command: peakCommand, bound: atATime} }

// peakCommand is "client peak".
func peakCommand() *cli.Command {
	u := newUsers(cli.Command{Name: "peak", Short: "how many users can it carry, and what breaks first",
		Takes: takesTargets + " [--until COND [COND]...]",
		Long: `The users rise in steps until a condition is met; then the highest number that
meets none is narrowed down by halving. A step that breaks is tried twice. Says
what broke first, from evidence of the machine. COND is errors>SHARE,
p50|p90|p99|p999|max>TIME or rate<N.`,
		Examples: []string{"client peak --until 'p99>20ms' --each 5s",
			"client peak --from 100 --max 5000 --until 'errors>0.1%' 'p99>500ms'"},
		Status: "0 a number was found, 1 the first step breaks already"},
		10, scenario.Kept, scenario.KeepAlive, scenario.PerRequest)
	var conditions untils
	o := scenario.PeakOptions{}
	u.about.Accepts = func(string) bool { return true } // conditions are among them
	f := u.Flags
	f.Group("Steps")
	f.Add(&conditions, "until", "COND", "what ends it (repeatable)", cli.Unset("errors>0.1% p99>500ms"))
	f.Add(cli.Number(&o.From, 10, 1, mostUsers), "from", "N", "users of the first step")
	f.Add(cli.Number(&o.Max, 100_000, 1, mostUsers), "max", "N", "users of the last step")
	f.Add(cli.Float(&o.Factor, 2, 1.01, 1000), "factor", "X", "how much each step is larger")
	f.Add(cli.Share(&o.Precision, 0.05, 0, 1), "precision", "SHARE", "of the answer")
	f.Add(cli.Time(&u.Hold, 3*time.Second, 100*time.Millisecond, time.Hour), "each", "TIME", "how long a step is")
	u.declareClose(plan.CloseRST)
	check := func() error {
		for _, more := range u.Args { // --until A B
			if isTarget(more) {
				continue
			}
			if !u.given("until") {
				return fmt.Errorf("unexpected argument %q; see client peak --help", more)
			}
			if err := conditions.Set(more); err != nil {
				return fmt.Errorf("--until %w", err)
			}
		}
		if len(conditions) == 0 {
			_ = conditions.Set("errors>0.1%,p99>500ms")
		}
		if o.From > o.Max {
			return fmt.Errorf("--from %d --max %d: --from may be no more than --max", o.From, o.Max)
		}
		err := u.settle(u.n)
		o.ChurnOptions, o.Until, u.most = u.opt, conditions, o.Max
		return err
	}
	return u.runs(check, func(ctx context.Context) (outcome, error) {
		r, err := u.watched(func(fp proc.FS, watch scenario.Watch) (*resultOf, error) {
			return scenario.Peak(ctx, o, fp, watch)
		})
		return outcome{result: r, brief: true, short: r != nil && r.Behind}, err
	})
}
