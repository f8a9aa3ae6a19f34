package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/unit"
)

// declareStages is for runs whose connections are held.
func (t *target) declareStages() {
	t.Flags.Add(cli.Texts(&t.stages), "stage", "N@RATE|hold=TIME",
		"in place of one ramp and one hold: up or down to N, or hold (repeatable)", cli.Rare)
}

// declarePings is the same for WebSocket pings.
func (t *target) declarePings() {
	f := t.Flags
	f.Group("WebSocket")
	f.Add(cli.TimeOrZero(&t.Ping, 0, "never", 100*time.Millisecond, 30*time.Minute), "ping", "TIME",
		"ping each connection so often, and await the pong", cli.Rare)
	f.Add(cli.TimeOrZero(&t.PingTimeout, 0, "as --ping", 10*time.Millisecond, 30*time.Minute), "ping-timeout", "TIME",
		"without a pong for so long it is lost", cli.Rare)
}

// checkLoad refuses what cannot be meant of how the load moves.
func (t *target) checkLoad() error {
	if t.Jitter > 0 && t.Interval == 0 {
		return fmt.Errorf("--jitter %v: it is a share of --interval, which is not given", t.Jitter)
	}
	if err := t.checkPings(); err != nil {
		return err
	}
	if len(t.stages) == 0 {
		return nil
	}
	for _, name := range []string{"conns", "cap", "rate", "connect-rate", "hold", "duration"} {
		messages := name == "rate" && t.Scenario == "echo"
		if t.given(name) && !messages {
			return fmt.Errorf("--stage and --%s: stages say how many connections, how fast and how long: leave "+
				"out --%s",
				name, name)
		}
	}
	var err error
	if t.Stages, err = plan.Stages(t.stages); err != nil {
		return fmt.Errorf("--stage %w", err)
	}
	sends := t.Scenario == "echo" || t.Interval > 0
	if sends && !slices.ContainsFunc(t.Stages, func(s plan.Stage) bool { return !s.Moves() && s.Conns > 0 }) {
		return errors.New("--stage: messages are sent while connections are held: add a --stage hold=TIME")
	}
	t.Conns, t.Rate, t.Hold = unit.Count{N: plan.Most(t.Stages)}, 0, 0
	return nil
}

func (t *target) checkPings() error {
	switch {
	case t.Ping == 0 && t.PingTimeout > 0:
		return fmt.Errorf("--ping-timeout %v: no pings are sent: give --ping", t.PingTimeout)
	case t.Ping == 0:
		return nil
	case t.Proto == plan.TCP:
		return fmt.Errorf("--ping %v: pings are WebSocket's, and --proto is tcp: use --proto ws, or --keepalive for "+
			"TCP's own probes", t.Ping)
	case t.PingTimeout > t.Ping:
		return fmt.Errorf("--ping-timeout %v: the legal range is 10ms..--ping, which is %v", t.PingTimeout, t.Ping)
	case t.PingTimeout == 0:
		t.PingTimeout = t.Ping
	}
	return nil
}
