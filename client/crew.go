package main

import (
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/c10m/c10m/internal/dash"
	"github.com/c10m/c10m/internal/loadgen"
	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/scenario"
)

// crew is where a fleet stands at a moment.
type crew struct {
	Phase   string
	Proto   string
	Elapsed time.Duration
	Target  int64
	Agents  []crewman
}

// crewman is one agent of it.
type crewman struct {
	Name  string
	State string // its phase, the gate that it waits at, or that it is lost
	Lost  bool
	Event *scenario.Event // what it has said last; nil: nothing yet
}

// last is what an agent has said last. What one held that is lost is lost with it.
func (a *crewman) last() scenario.Event {
	if a.Event == nil {
		return scenario.Event{}
	}
	e := *a.Event
	if a.Lost {
		e.Conns.Lost += e.Open
		e.Conns.Errors = e.Conns.Errors.Plus(result.ErrorCounts{result.AgentLost: e.Open})
		e.Open = 0
	}
	return e
}

// sum adds up what all agents have said. The memory left is that of the tightest.
func (c *crew) sum() scenario.Event {
	sum := scenario.Event{Phase: c.Phase, Elapsed: c.Elapsed}
	for i := range c.Agents {
		e := c.Agents[i].last()
		n, more := &sum.Conns, e.Conns
		n.Attempted, n.Established = n.Attempted+more.Attempted, n.Established+more.Established
		n.Failed, n.Lost, n.Reconnected = n.Failed+more.Failed, n.Lost+more.Lost, n.Reconnected+more.Reconnected
		n.Errors = n.Errors.Plus(more.Errors)
		sum.Open, sum.Sent, sum.Received = sum.Open+e.Open, sum.Sent+e.Sent, sum.Received+e.Received
		sum.Missing += e.Missing
		sum.Mismatched, sum.Bytes, sum.CPU = sum.Mismatched+e.Mismatched, sum.Bytes+e.Bytes, sum.CPU+e.CPU
		if e.MemoryLeft > 0 && (sum.MemoryLeft == 0 || e.MemoryLeft < sum.MemoryLeft) {
			sum.MemoryLeft = e.MemoryLeft
		}
	}
	return sum
}

// progress is the live line of a fleet.
func (c *crew) progress() report.Progress {
	e := c.sum()
	return report.Progress{Phase: e.Phase, Elapsed: e.Elapsed, Established: e.Conns.Established,
		Target: max(c.Target, e.Conns.Attempted), Failed: e.Conns.Failed, Lost: e.Conns.Lost, Received: e.Received,
		MemoryLeft: e.MemoryLeft}
}

// merged adds up one histogram of all agents; what one has sent broken is left out.
func (c *crew) merged(of func(*scenario.Event) *result.Latency) *result.Histogram {
	sum := result.NewHistogram()
	for i := range c.Agents {
		e := c.Agents[i].last()
		if l := of(&e); l != nil {
			if h, err := l.Histogram(); err == nil {
				sum.Merge(h)
			}
		}
	}
	return sum
}

// sample is the live page of a fleet: its agents are its shards.
func (c *crew) sample() dash.Sample {
	e := c.sum()
	connect := c.merged(func(e *scenario.Event) *result.Latency { return e.Connect })
	upgrade := c.merged(func(e *scenario.Event) *result.Latency { return e.Handshake })
	echo := c.merged(func(e *scenario.Event) *result.Latency { return e.Echo })
	n := e.Conns
	s := dash.Sample{Phase: c.Phase, Open: e.Open, Opened: n.Established, Messages: e.Received, Bytes: e.Bytes,
		Errors: n.Errors,
		Run: &dash.Run{Elapsed: c.Elapsed.Seconds(), Attempted: n.Attempted, Failed: n.Failed, Lost: n.Lost,
			Restored: n.Reconnected, Sent: e.Sent, Mismatched: e.Mismatched, Missing: e.Missing,
			Connect: connect.Quantiles(), Echo: echo.Quantiles(),
			By: []dash.Proto{{Name: c.Proto, Open: e.Open, Attempted: n.Attempted, Established: n.Established,
				Failed: n.Failed, Lost: n.Lost, Restored: n.Reconnected, Sent: e.Sent, Received: e.Received,
				Mismatched: e.Mismatched, Missing: e.Missing, BytesReceived: e.Bytes, Connect: connect, Echo: echo}}}}
	if upgrade.Count() > 0 {
		s.Run.By[0].Upgrade = upgrade
	}
	for i := range c.Agents {
		one, a := &c.Agents[i], c.Agents[i].last()
		s.Shards = append(s.Shards, dash.Shard{Name: one.Name, Number: i, State: one.State, ID: i + 1,
			Open: a.Open, Opened: a.Conns.Established, CPU: a.CPU.Seconds()})
	}
	return s
}

// serveFleet shows a fleet on the page; look says where it stands.
func (p *page) serveFleet(title string, most int64, look func() crew) {
	if p == nil {
		return
	}
	p.show(dash.End{
		Meta: dash.Meta{Role: dash.Client, Commit: build.Commit, PID: os.Getpid(), CPUs: runtime.NumCPU(), Max: most,
			Bound: "asked for", Shard: dash.Agent, Title: fmt.Sprintf("a fleet: %s", title)},
		Look: func(bool) (dash.Sample, error) {
			c := look()
			return c.sample(), nil
		},
		Causes: append(loadgen.Causes(), result.AgentLost),
	})
}
