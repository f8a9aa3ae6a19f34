package main

import (
	"context"
	"fmt"
	"time"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/scenario"
	"github.com/c10m/c10m/internal/unit"
)

// maxDepth bounds the messages under way on one connection.
const maxDepth = 1024

// echoFlags are those of echo.
type echoFlags struct {
	*target
	messages sizes
	depth    int
}

func echoKind() kind {
	return kind{name: "echo", command: echoCommand, run: ofConns, short: (*result.Result).Short,
		gates: scenario.HoldGates(),
		asked: func() asked {
			e := newEcho()
			return asked{e.target, func(ctx context.Context, line []string) (job, error) {
				err := read(ctx, line, e.runs, e.check)
				return job{Run: scenario.ChurnOptions{Options: e.Options}}, err
			}}
		}}
}

// echoCommand is "client echo".
func echoCommand() *cli.Command {
	e := newEcho()
	return e.runs(e.check, e.execute)
}

func newEcho() *echoFlags {
	t := newTarget(cli.Command{Name: "echo", Short: "throughput and latency over connections held",
		Long: `Throughput and latency over connections that are held. Without --rate each sends the
next message as soon as one came back (closed loop: how much can it do?). With it
messages are sent when they are due, and latency counts from then (open loop: a
stall shows in every message that it delayed).`,
		Examples: []string{"client echo --conns 1000 --duration 5s",
			"client echo --rate 20k/s --size 64:1024 --fail-if 'echo.latency.p99>5ms'",
			"client echo --proto ws --conns 100 --depth 16"},
		Status: "0 all came back, and at the rate asked for, 1 not, 130 interrupted"}, plan.DefaultPorts)
	e := &echoFlags{target: t, messages: sizes{64, 64}}
	t.Conns = unit.Count{N: 1000}
	f := t.Flags
	f.Group("Load")
	f.Add(&t.MessageRate, "rate", "N/s|max", "messages per second over all connections")
	f.Add(&e.messages, "size", "SIZE|A:B", "of a message, or a range of sizes")
	f.Add(cli.Int(&e.depth, 1, 1, maxDepth), "depth", "N", "messages under way at once per connection")
	f.Add(cli.Time(&t.Hold, 10*time.Second, 0, maxHold), "duration", "TIME", "how long")
	f.Add(cli.Time(&t.Hold, 10*time.Second, 0, maxHold), "hold", "TIME", "the same as --duration", cli.Rare)
	t.declareTalk()
	t.declareFirst()
	f.Group("Connections")
	f.Add(&t.Conns, "conns", "N|auto", "how many")
	f.Add(cli.Number(&t.Cap, 0, 1, unit.MaxCount), "cap", "N", "the most that auto may take", cli.Unset(""), cli.Rare)
	f.Add(&t.Rate, "connect-rate", "N/s|max", "connects per second before that")
	f.Add(cli.Number(&t.Verify, 0, 0, unit.MaxCount), "verify", "N",
		"connections that echo one message more at the end")
	t.declareClose(plan.CloseRST)
	t.declareEngine()
	f.Group("Connections")
	t.declareStages()
	t.declarePings()
	t.declareFleet()
	f.Group("Report")
	f.Add(cli.Time(&t.Settle, 0, 0, time.Hour), "settle", "TIME", "both ends' time to give back memory", cli.Rare)
	f.Add(cli.Time(&t.Rest, 0, 0, time.Hour), "rest", "TIME", "silent before the close", cli.Rare)
	return e
}

// check converts the flags and refuses what cannot be meant.
func (e *echoFlags) check() error {
	if e.given("duration") && e.given("hold") {
		return fmt.Errorf("--duration and --hold are the same: give one of them")
	}
	if err := e.target.check(); err != nil {
		return err
	}
	e.Size, e.SizeMax, e.Depth = e.messages.first, e.messages.last, e.depth
	return nil
}
