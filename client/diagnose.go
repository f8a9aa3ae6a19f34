package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/scenario"
	"github.com/c10m/c10m/internal/unit"
)

const diagnoseUsage = `usage: client diagnose --pid N | --control URL [flags]

Looks at a running server, ours or any other, without touching it, and says what
is saturated, severest first, each with evidence, meaning and cure: processors
by thread and shard, soft interrupts, accept and SYN queues, TCP memory, fds,
local ports, conntrack, memory, locks of the kernel. Root sees more.

  --pid N            a process of this machine, with its children
  --control URL      a server of ours, by its control endpoint
  --duration D       how long to look (default 5s)
  --json FILE        the findings as a result file; - for stdout
  --html FILE        the same as a page
  --fail-if COND     exit 1 if it holds; see client report --help
  --quiet            no text

Exit status: 0 nothing limits; 1 something does; 2 bad usage; 130 interrupted.

Examples
  client diagnose --control http://127.0.0.1:9090
  client diagnose --pid "$(pgrep -o nginx)" --duration 30s
`

// runDiagnose is the subcommand.
func runDiagnose(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o := scenario.DiagnoseOptions{Commit: commit, Command: append([]string{"client", "diagnose"}, args...)}
	c := newCommand("diagnose", diagnoseUsage)
	c.IntVar(&o.PID, "pid", 0, "")
	c.StringVar(&o.Control, "control", "", "")
	c.Var(unit.NewDuration(&o.Duration, 5*time.Second), "duration", "")
	return c.run(args, stdout, stderr, func() error { return checkDiagnose(o, c) }, func() (outcome, error) {
		fp, err := proc.Here()
		if err != nil {
			return outcome{}, err
		}
		r, err := scenario.Diagnose(ctx, o, fp)
		if err != nil {
			return outcome{}, err
		}
		return outcome{result: r, brief: true, short: len(r.Findings) > 0 && limits(r.Findings[0])}, nil
	})
}

func checkDiagnose(o scenario.DiagnoseOptions, c *command) error {
	pid := c.given("pid")
	switch {
	case c.csv != "":
		return fmt.Errorf("--csv %s: a diagnosis has no series: --json has all of it", c.csv)
	case pid == (o.Control != ""):
		return fmt.Errorf("--pid N or --control URL: one of them is needed, and not both")
	case pid && (o.PID < 1 || o.PID > 1<<22):
		return fmt.Errorf("--pid %d: the legal range is 1..%d", o.PID, 1<<22)
	case o.Duration < 100*time.Millisecond || o.Duration > time.Hour:
		return fmt.Errorf("--duration %v: the legal range is 100ms..1h", o.Duration)
	}
	if u, err := url.Parse(o.Control); o.Control != "" && (err != nil || u.Scheme != "http" || u.Host == "") {
		return fmt.Errorf("--control %q: want a URL like http://127.0.0.1:9090", o.Control)
	}
	return nil
}
