package main

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/scenario"
)

func diagnoseKind() kind { return kind{name: "diagnose", command: diagnoseCommand} }

// diagnoseCommand is "client diagnose".
func diagnoseCommand() *cli.Command {
	c := newCommand(cli.Command{Name: "diagnose", Short: "what limits a running server, ours or another",
		Long: `Looks at a running server, ours or any other, without touching it, and says what is
saturated, severest first, each with evidence, meaning and cure: processors by
thread and shard, soft interrupts, accept and SYN queues, TCP memory, fds, local
ports, conntrack, memory, locks of the kernel; and whom it talks to itself: new
connections a second by destination, calls there that block its loop. Root sees more.`,
		Examples: []string{"client diagnose --control http://127.0.0.1:9090",
			`client diagnose --pid "$(pgrep -o nginx)" --duration 30s`},
		Status: "0 nothing limits, 1 something does, 130 interrupted"})
	o := scenario.DiagnoseOptions{Commit: build.Commit}
	f := c.Flags
	f.Add(cli.Int(&o.PID, 0, 1, mostPID), "pid", "N", "a process of this machine, with its children", cli.Unset(""))
	f.Add(cli.Int(&o.PID, 0, 1, mostPID), "server-pid", "N", "the same as --pid", cli.Unset(""), cli.Rare)
	f.Add(cli.Text(&o.Control, ""), "control", "URL", "a server of ours, by its control endpoint")
	f.Add(cli.Time(&o.Duration, 5*time.Second, 100*time.Millisecond, time.Hour), "duration", "TIME", "how long to look")
	check := func() error {
		o.Command = c.Line
		if c.csv != "" {
			return fmt.Errorf("--csv %s: a diagnosis has no series: --json has all of it", c.csv)
		}
		if c.given("pid") && c.given("server-pid") {
			return fmt.Errorf("--pid and --server-pid are the same: give one of them")
		}
		if (o.PID > 0) == (o.Control != "") {
			return fmt.Errorf("--pid N or --control URL: one of them is needed, and not both")
		}
		if u, err := url.Parse(o.Control); o.Control != "" && (err != nil || u.Scheme != "http" || u.Host == "") {
			return fmt.Errorf("--control %q: want a URL like http://127.0.0.1:9090", o.Control)
		}
		return nil
	}
	return c.runs(check, func(ctx context.Context) (outcome, error) {
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
