package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/c10m/c10m/internal/unit"
)

const echoUsage = `usage: client echo [flags]

Throughput and latency of messages over connections that are held. Without
--rate each connection sends the next message as soon as one came back (closed
loop: how much can it do?). With --rate messages are sent when they are due,
whatever the server does, and latency counts from then (open loop: how does it
behave at this load? a stall shows in every message that it delayed).

  --rate N/s|max         messages per second over all connections (default max)
  --size BYTES|A:B       of a message, or a range of sizes (default 64)
  --depth N              messages under way at once per connection (default 1)
  --duration D           how long (default 10s); --hold D is the same
  --conns N|auto, --cap N   connections (default 1000), the most auto may take
  --connect-rate N/s|max connects per second before that (default max)
  --verify N             connections that echo one message more at the end
Where to, from where
  --host ADDR, --ports N, --first-port PORT[,PORT] (default 127.0.0.1, 200)
  --proto tcp|ws|tcp,ws  with --path, --header K:V, --subprotocol NAME, --text
  --server-control URL|auto|none   for the server's memory, count and shards
  --sources auto|CIDR, --threads auto|N, --private-fds auto|on|off, --window N
  --connect-timeout D, --close rst|fin
Report
  --json FILE, --html FILE, --csv FILE, --fail-if COND, --quiet
  --dash ADDR:PORT       live page of this run
  --show-failure         the first answer that made a connection fail
  --settle D             both ends' time to give back memory (default 0s)
  --rest D               silent before the close (default 0s)

Exit status: 0 all came back, and at the rate asked for; 1 not; 2 bad usage;
130 interrupted.

Examples
  client echo --conns 1000 --duration 5s
  client echo --rate 20k/s --size 64:1024 --fail-if 'echo.latency.p99>5ms'
  client echo --proto ws --conns 100 --depth 16
`

// maxDepth bounds the messages under way on one connection.
const maxDepth = 1024

// echoFlags are those of echo.
type echoFlags struct {
	*command
	*target
	size  sizes
	depth int
}

func newEcho() *echoFlags {
	e := &echoFlags{command: newCommand("echo", echoUsage), size: sizes{64, 64}}
	e.target = newTarget(e.FlagSet, "echo", 1000)
	c, t := e.command, e.target
	c.Var(&e.size, "size", "")
	c.Var(unit.NewInt(&e.depth, 1), "depth", "")
	c.Var(&t.MessageRate, "rate", "")
	c.Var(&t.Rate, "connect-rate", "")
	c.Var(unit.NewDuration(&t.Hold, 10*time.Second), "duration", "")
	c.Var(unit.NewDuration(&t.Hold, 10*time.Second), "hold", "")
	c.Var(&t.Conns, "conns", "")
	c.Var(&t.raw.cap, "cap", "")
	c.Var(unit.NewInt(&t.raw.verify, 0), "verify", "")
	c.Var(&t.raw.window, "window", "")
	c.StringVar(&t.PrivateFDs, "private-fds", "auto", "")
	c.StringVar(&t.raw.closeMode, "close", "rst", "")
	c.Var(unit.NewDuration(&t.Settle, 0), "settle", "")
	c.Var(unit.NewDuration(&t.Rest, 0), "rest", "")
	return e
}

// check converts the flags and refuses what cannot be meant.
func (e *echoFlags) check(args []string) error {
	t := e.target
	switch {
	case e.given("duration") && e.given("hold"):
		return fmt.Errorf("--duration and --hold are the same: give one of them")
	case e.depth < 1 || e.depth > maxDepth:
		return fmt.Errorf("--depth %d: the legal range is 1..%d", e.depth, maxDepth)
	case t.Rest < 0 || t.Rest > time.Hour:
		return fmt.Errorf("--rest %v: the legal range is 0..1h", t.Rest)
	}
	t.quiet = e.command.quiet
	if err := t.finish(args); err != nil {
		return err
	}
	t.Size, t.SizeMax, t.Depth = e.size.first, e.size.last, e.depth
	return nil
}

// runEcho is the subcommand.
func runEcho(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	e := newEcho()
	return e.command.run(args, stdout, stderr, func() error { return e.check(args) }, func() (outcome, error) {
		r, err := execute(ctx, e.target.flags, stderr)
		return outcome{result: r}, err
	})
}
