package main

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/dash"
	"github.com/c10m/c10m/internal/loadgen"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/internal/scenario"
	"github.com/c10m/c10m/internal/sys"
)

// page is the run's own live page (--dash); nil if there is none. Its sockets
// are in the process's fd table alone: a thread that takes a table of its own
// closes its copies (sys.PrivateFDTable), so viewers see the end at once.
type page struct {
	socket net.Listener // nil: there are only pushes
	stop   func()
	pushes *pushes // nil: there are none
	fp     proc.FS
	most   int64 // connections, where the plan of the first run does not say

	mu     sync.Mutex         // also: Progress.Live is for one at a time
	latest *scenario.Progress // nil until there is a run
	before counted            // by the runs before this one: peak's steps, sweep's variants
}

// counted is what the curves are rates of: it goes on growing from run to run.
type counted struct{ opened, messages, bytes int64 }

func (c *counted) add(t *loadgen.Tally) {
	c.opened += t.Established
	c.messages += t.Received + t.Pushed
	c.bytes += t.Bytes + t.PushedBytes
}

// openPage takes the address before anything else begins, so that a bad one is
// said at once.
func openPage(addr string, most int64, fp proc.FS) (*page, error) {
	if addr == "" {
		return nil, nil
	}
	if _, err := netip.ParseAddrPort(addr); err != nil {
		return nil, cli.Usage("--dash %q is not ADDRESS:PORT, like 127.0.0.1:9091", addr)
	}
	l, err := dash.Listen(addr)
	if err != nil {
		return nil, cli.Usage("--dash %s: %v", addr, err)
	}
	return &page{socket: l, stop: func() { _ = l.Close() }, fp: fp, most: most}, nil
}

func (p *page) close() {
	if p != nil {
		p.stop()
	}
}

// watch is told how the run goes, and tells next. The first it is told opens the
// page to viewers.
func (p *page) watch(next scenario.Watch) scenario.Watch {
	if p == nil {
		return next
	}
	return func(s scenario.Progress) {
		if p.turn(&s) {
			p.serve(&s.Run.Plan)
		}
		next(s)
	}
}

// turn takes note of where the run stands, and says whether it is the first time.
func (p *page) turn(s *scenario.Progress) (first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	old := p.latest
	if old != nil && old.Run != s.Run {
		live := old.Live()
		p.before.add(&live.Tally)
	}
	p.latest = s
	return old == nil
}

func (p *page) serve(pl *plan.Plan) {
	p.show(dash.End{
		Meta: dash.Meta{Role: dash.Client, Commit: build.Commit, PID: os.Getpid(), CPUs: runtime.NumCPU(),
			Max: max(p.most, pl.Total), Bound: cmp.Or(kindNamed(pl.Scenario).bound, "asked for"), Shard: "thread",
			Title: fmt.Sprintf("%s of %s to %s on %s", pl.Scenario, pl.Proto, report.Plural(len(pl.Ports()), "port"),
				pl.Target.HostText())},
		Look:   p.look,
		Causes: loadgen.Causes(),
	})
}

// serverTime bounds how long the server may take to tell its memory.
const serverTime = 500 * time.Millisecond

// look is the run at this moment.
func (p *page) look(memory bool) (dash.Sample, error) {
	s := dash.Sample{Run: &dash.Run{}, Net: dash.LookAtNet(p.fp)}
	p.mu.Lock()
	now := *p.latest
	fillSample(&s, now, p.before)
	p.mu.Unlock()
	if !memory {
		return s, nil
	}
	s.Net.CountListening()
	m, err := dash.LookAtMemory(p.fp)
	if err != nil {
		return s, err
	}
	s.Memory = m
	if me, err := p.fp.Resident(p.fp.Self()); err == nil {
		m.Client = &me.Anon
	}
	ctx, cancel := context.WithTimeout(context.Background(), serverTime)
	defer cancel()
	if server := now.Run.ServerMemory(ctx); server != nil {
		m.Server = &server.PSS
	}
	return s, nil
}

// fillSample adds what the engine's threads have counted.
func fillSample(s *dash.Sample, now scenario.Progress, all counted) {
	live := now.Live()
	t := live.Tally
	all.add(&t)
	s.Phase, s.Open, s.Opened, s.Messages, s.Bytes, s.Errors = now.Phase, t.Open(), all.opened, all.messages, all.bytes,
		t.Errors
	*s.Run = dash.Run{Elapsed: now.Elapsed.Seconds(), Attempted: t.Attempted, Failed: t.Failed, Lost: t.Lost,
		Restored: t.Reconnected, Sent: t.Sent,
		Mismatched: t.Mismatched, Missing: t.Missing, Connect: t.Connect.Quantiles(), Echo: t.Echo.Quantiles()}
	for _, i := range loadgen.Protocols(&now.Run.Plan.Target) {
		by := t.By[i]
		s.Run.By = append(s.Run.By, dash.Proto{Name: loadgen.ProtocolNames[i], Open: by.Open(), Attempted: by.Attempted,
			Established: by.Established, Failed: by.Failed,
			Lost: by.Lost, Restored: by.Reconnected, Sent: by.Sent, Received: by.Received, Mismatched: by.Mismatched,
			Missing: by.Missing, BytesReceived: by.Bytes, Pushed: by.Pushed,
			Connect: by.Connect, Upgrade: by.Upgrade, Echo: by.Echo})
	}
	for i, thread := range live.Threads {
		sh := dash.Shard{Number: i, ID: thread.ID, Open: thread.Counts.Open(), Opened: thread.Counts.Established}
		if used, err := sys.ThreadCPU(thread.ID); err == nil { // otherwise it has not begun, or has ended
			sh.CPU = used.Seconds()
		}
		s.Shards = append(s.Shards, sh)
	}
}
