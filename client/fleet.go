package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/fleet"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/scenario"
	"github.com/c10m/c10m/internal/unit"
)

// joinFile is what the coordinator leaves for agents where it was started.
const joinFile = "c10m.join"

// maxAgents bounds a fleet. A hundred take 4.4 % of a core of the hub's machine.
const maxAgents = 10_000

// fleetFlags are those of a run that agents share.
type fleetFlags struct {
	agents              int64 // 0: there is no fleet
	listen, nats, creds string
}

// declareFleet is what the runs that agents can share have.
func (t *target) declareFleet() {
	f, o := t.Flags, &t.fleet
	f.Group("Fleet: many machines, one run")
	f.Add(cli.Number(&o.agents, 0, 1, maxAgents), "fleet", "N", "share it among N agents (client agent)",
		cli.Unset("no"), cli.Rare)
	f.Add(cli.Text(&o.listen, fleet.DefaultListen), "listen", "ADDR:PORT", "where agents connect; writes "+joinFile,
		cli.Rare)
	f.Add(cli.Text(&o.nats, ""), "nats", "URL", "an existing NATS instead", cli.Rare)
	f.Add(cli.Text(&o.creds, ""), "creds", "FILE", "credentials for it", cli.Rare)
}

// checkFleet refuses what has no meaning.
func (t *target) checkFleet() error {
	o := &t.fleet
	for _, flag := range []string{"listen", "nats", "creds"} {
		if t.given(flag) && o.agents == 0 {
			return fmt.Errorf("--%s: it is for a fleet: want --fleet N", flag)
		}
	}
	switch {
	case o.agents == 0:
		return nil
	case o.nats != "" && t.given("listen"):
		return errors.New("--listen and --nats: want one of them: a NATS of our own or one that is there")
	case o.nats == "" && o.creds != "":
		return fmt.Errorf("--creds %s: they are for --nats", o.creds)
	}
	return checkNATS(o.nats, o.creds)
}

// gatherTime is how long agents may take to come, without --wait.
const gatherTime = 5 * time.Minute

// captain is the coordinator of one run.
type captain struct {
	*target
	share  sharing
	late   context.Context // for what is still done after an interrupt
	lead   *fleet.Lead
	server *scenario.ServerWatch
	began  time.Time
	page   *page
	live   *report.Live // nil: quiet

	mu       sync.Mutex
	phase    string
	total    int64
	turned   string // who was refused last, and why
	warnings []result.Warning
}

// lateTime is how long after an interrupt the agents may take to end and to say what
// they have.
const lateTime = 1900 * time.Millisecond

// Of that, how long they may take to answer that they end, and to end; the rest is for
// what those have that did.
const (
	answerTime = time.Second
	endingTime = 1500 * time.Millisecond
)

// runFleet has agents do the run, and gives the one result of all.
func (t *target) runFleet(ctx context.Context, s sharing) (*result.Result, error) {
	fp, err := proc.Here()
	if err != nil {
		return nil, err
	}
	if s.sources, err = t.dealSources(); err != nil {
		return nil, err
	}
	s.args = forAgents(t.Scenario, t.Line, t.Flags)
	if t.dash != "" {
		s.args = append(s.args, "--"+liveHistograms)
	}
	c := &captain{target: t, share: s, phase: "gather", began: time.Now()}
	late, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(lateTime, stop) })()
	c.late = late
	if c.page, err = t.openPage(fp); err != nil {
		return nil, err
	}
	defer c.page.close()
	conn, leave, err := c.hub()
	if err != nil {
		return nil, err
	}
	defer leave()
	host, _ := os.Hostname()
	c.lead, err = fleet.Follow(conn, fleet.LeadOptions{Name: fmt.Sprintf("%s (pid %d)", host, os.Getpid()),
		Commit: build.Commit, Notice: c.notice})
	if err != nil {
		return nil, err
	}
	defer c.lead.Close()
	if !t.quiet {
		c.live = newLive(t.Stderr)
		defer c.live.Done()
	}
	shown := make(chan struct{})
	go c.show(shown)
	defer close(shown)
	r, err := c.run(ctx, fp)
	if err != nil && ctx.Err() != nil && r == nil {
		return nil, scenario.ErrInterrupted
	}
	return r, c.ours(err)
}

// ours are the errors of a fleet with the exit status of any run.
func (c *captain) ours(err error) error {
	if errors.Is(err, fleet.ErrUsage) {
		return fmt.Errorf("%w: %v", scenario.ErrUsage, err)
	}
	return err
}

// hub is the connection to NATS: to one of our own, or to one that is there.
func (c *captain) hub() (*fleet.Conn, func(), error) {
	o := &c.fleet
	if o.nats != "" {
		conn, err := fleet.Dial(o.nats, o.creds)
		if err != nil {
			return nil, nil, fmt.Errorf("--nats: %w", err)
		}
		c.say("fleet: waiting for %s at %s\n", report.Plural(int(o.agents), "agent"), redacted(o.nats))
		return conn, conn.Close, nil
	}
	h, err := fleet.StartHub(fleet.HubOptions{Listen: o.listen, Refused: c.refused})
	if err != nil {
		return nil, nil, cli.Usage("--listen %w", err)
	}
	conn, err := h.Lead()
	if err != nil {
		h.Stop()
		return nil, nil, err
	}
	if err := h.Join.Write(joinFile); err != nil {
		conn.Close()
		h.Stop()
		return nil, nil, fmt.Errorf("write join file: %w", err)
	}
	c.say("fleet: waiting for %s at %s: client agent --join %s\n", report.Plural(int(o.agents), "agent"),
		h.Join.Address, joinFile)
	return conn, func() {
		if now, err := fleet.ReadJoin(joinFile); err == nil && now.Token == h.Join.Token { // not another coordinator's
			_ = os.Remove(joinFile)
		}
		conn.Close()
		h.Stop()
	}, nil
}

// refused is told of agents that the hub does not let in. Each tries twice.
func (c *captain) refused(why string) {
	c.mu.Lock()
	known := c.turned == why
	c.turned = why
	c.mu.Unlock()
	if !known {
		c.say("fleet: refused %s\n", why)
	}
}

// redacted is a URL without its password.
func redacted(text string) string {
	if at := strings.LastIndexByte(text, '@'); at >= 0 {
		scheme, _, _ := strings.Cut(text, "://")
		return scheme + "://..." + text[at:]
	}
	return text
}

// notice is told by the fleet what it sees on the way.
func (c *captain) notice(n fleet.Notice) {
	c.say("fleet: %s: %s\n", n.Agent, plan.OneLine(n.Text))
	if n.Kind == fleet.NoticeWaiting {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.warnings = append(c.warnings, result.Warn("fleet_waited").Word("agent", n.Agent).Word("what", n.Text))
	}
}

// run is all of it: who is there, what they hold, the shares, the gates, the results.
func (c *captain) run(ctx context.Context, fp proc.FS) (*result.Result, error) {
	if err := c.lead.Gather(ctx, int(c.fleet.agents), cmp.Or(c.Wait, gatherTime)); err != nil {
		return nil, err
	}
	gathered := time.Now()
	c.setPhase("look")
	shares, err := c.divide(ctx, fp)
	if err != nil {
		return nil, err
	}
	c.setPhase("prepare")
	if err := c.lead.Prepare(ctx, shares); err != nil {
		return nil, err
	}
	c.page.serveFleet(fmt.Sprintf("%s of %s by %s", c.Scenario, c.Proto, report.Plural(int(c.fleet.agents), "agent")),
		c.total, c.crew)
	c.say("plan: %s connections by %s to %s\n", unit.Commas(c.total), report.Plural(int(c.fleet.agents), "agent"),
		c.Target.HostText())
	c.server.Ramp(ctx)
	if ctx.Err() != nil {
		return nil, scenario.ErrInterrupted
	}
	c.say("fleet: preflight took %s\n", unit.Time(time.Since(gathered)))
	c.passGates(ctx)
	if ctx.Err() != nil {
		c.stop()
	}
	c.setPhase("results")
	r, err := c.merge(ctx)
	c.page.endPushes(r)
	return r, err
}

// stop has all end. One that does not keeps nobody from what the others have.
func (c *captain) stop() {
	answering, cancel := context.WithTimeout(c.late, answerTime)
	defer cancel()
	ending, cancel := context.WithTimeout(c.late, endingTime)
	defer cancel()
	c.lead.Stop(answering, "interrupted")
	_, _ = c.lead.Next(ending)
}

// divide asks what everybody holds, and gives everybody a share.
func (c *captain) divide(ctx context.Context, fp proc.FS) ([][]string, error) {
	server, err := scenario.WatchServer(ctx, c.Options, fp)
	if err != nil {
		return nil, err
	}
	c.server = server
	if err := c.lead.Send(ctx, c.files.read); err != nil {
		return nil, err
	}
	own := make([][]string, c.fleet.agents)
	for k := range own {
		own[k] = c.share.of(k)
	}
	rooms, err := c.lead.Look(ctx, own)
	if err != nil {
		return nil, err
	}
	for k, p := range c.share.sources {
		c.say("fleet: %s has the source addresses %s\n", rooms[k].Agent, p.Prefix)
	}
	if l, ok := c.server.Limit(); ok {
		rooms[0].Limits = append(rooms[0].Limits, l)
	}
	shares, err := plan.Shares(c.share.whole, rooms)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", scenario.ErrUsage, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range shares {
		c.total += s.Conns
	}
	return c.share.lines(shares)
}

// passGates takes the fleet through its gates, and what is measured at the server's
// with them. It ends early when ctx does.
func (c *captain) passGates(ctx context.Context) {
	for {
		gate, err := c.lead.Next(ctx)
		if err != nil || gate == "" {
			break
		}
		apart := time.Duration(0)
		switch gate {
		case scenario.GateRamp:
			apart = plan.Apart(c.share.whole.Rate)
		case scenario.GateHold:
			apart = plan.Apart(c.share.whole.MessageRate)
			now := c.crew()
			c.server.Held(ctx, now.sum().Open)
		}
		if c.lead.Open(ctx, gate, min(apart, maxApart)) != nil {
			break
		}
		if gate == scenario.GateRamp {
			c.setPhase(gate) // and then the agents' own
		}
	}
	if ctx.Err() == nil {
		c.server.Closed(ctx)
	}
}

// maxApart bounds how much later one agent goes than the one before: at one
// connection a second, a fleet of ten is not to wait for ten seconds.
const maxApart = 100 * time.Millisecond

func (c *captain) setPhase(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.phase = name
}

// crew is where the fleet stands.
func (c *captain) crew() crew {
	v := c.lead.View()
	c.mu.Lock()
	defer c.mu.Unlock()
	now := crew{Phase: phaseOf(c.phase, v), Proto: c.Proto, Elapsed: time.Since(c.began), Target: c.total}
	if len(v.Waiting) > 0 {
		now.Phase += ", waits for " + some(v.Waiting)
	}
	if c.phase == "gather" {
		now.Phase = fmt.Sprintf("gather %d/%d", len(v.Members), c.fleet.agents)
		if len(v.Members) > 0 {
			var names []string
			for _, m := range v.Members {
				names = append(names, m.Name)
			}
			now.Phase += ": " + some(names)
		}
	}
	for _, m := range v.Members {
		now.Agents = append(now.Agents, crewman{Name: m.Name, State: stateOf(m), Lost: m.Lost != "",
			Event: sampleOf(m)})
	}
	return now
}

// phaseOf is that of the agents, once they are in a phase of the run.
func phaseOf(ours string, v fleet.View) string {
	if ours != scenario.GateRamp {
		return ours
	}
	for _, m := range v.Members {
		if m.Lost == "" && !m.Ended {
			return m.Phase
		}
	}
	return ours
}

// some are the first of many names.
func some(names []string) string {
	const most = 3
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

func stateOf(m fleet.Member) string {
	switch {
	case m.Lost != "":
		return "lost: " + m.Lost
	case m.Gate != "":
		return "at gate " + m.Gate
	}
	return m.Phase
}

// sampleOf is what an agent has said last; nil: nothing, or nothing that can be.
func sampleOf(m fleet.Member) *scenario.Event {
	e := &scenario.Event{}
	if len(m.Sample) == 0 || json.Unmarshal(m.Sample, e) != nil || e.Check() != nil {
		return nil
	}
	e.Phase = plan.OneLine(e.Phase)
	return e
}

// show is the live line.
func (c *captain) show(done <-chan struct{}) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			if c.live != nil {
				now := c.crew()
				c.live.Show(now.progress())
			}
		}
	}
}

// merge makes one result of what all agents have.
func (c *captain) merge(ctx context.Context) (*result.Result, error) {
	ended := time.Now()
	outcomes := c.lead.Results(c.late)
	var parts []*result.Result
	for i, o := range outcomes {
		parts = append(parts, c.partOf(ctx, i, o))
	}
	r, err := result.MergeFleet(c.server.Boot(), parts...)
	if err != nil {
		return nil, err
	}
	c.say("fleet: the results of %s came and were added up in %s\n", report.Plural(len(outcomes), "agent"),
		unit.Time(time.Since(ended)))
	c.server.Fill(r)
	r.Command, r.Interrupt = c.Line, r.Interrupt || ctx.Err() != nil
	c.mu.Lock()
	defer c.mu.Unlock()
	r.Warnings = append(r.Warnings, c.warnings...)
	for _, o := range outcomes {
		if o.Drift.Abs() > mostDrift {
			r.Warnings = append(r.Warnings,
				result.Warn("fleet_clock").Word("agent", o.Name).Number("drift_seconds", o.Drift.Seconds()))
		}
		if o.Commit != build.Commit {
			r.Warnings = append(r.Warnings, result.Warn("fleet_commit").Word("agent", o.Name).Word("commit", o.Commit))
		}
	}
	return r, nil
}

// mostDrift is how much a clock may move during a run before it is said: NTP slews
// by at most 0.5 ms a second.
const mostDrift = 50 * time.Millisecond

// partOf is what an agent has. Of one that has nothing to rely on, or that ended by
// itself, it is what was known of it last: its load was not what was asked for.
func (c *captain) partOf(ctx context.Context, i int, o fleet.Outcome) *result.Result {
	if o.Result != nil && o.Error == "" {
		r, err := result.Read(bytes.NewReader(o.Result))
		switch {
		case err != nil:
			o.Why = err.Error()
		case r.Scenario != c.Scenario || r.Proto != c.Proto:
			o.Why = "its result is of another run"
		case r.Interrupt && ctx.Err() == nil:
			o.Why = "its run was interrupted there"
		default:
			r.OfAgent(o.Name, o.Offset)
			return r
		}
	}
	o.Why = cmp.Or(o.Error, o.Why)
	c.say("fleet: %s is lost: %s\n", o.Name, plan.OneLine(o.Why))
	p := result.Plan{Asked: c.Asked, Conns: c.share.conns[i]}
	part := unit.Rate(float64(p.Conns) / float64(max(1, c.total)))
	p.Rate, p.MessageRate = p.Rate*part, p.MessageRate*part
	last, phase := result.Conns{}, o.Phase
	var echo *result.Echo
	if e := sampleOf(o.Member); e != nil {
		last, echo, phase = e.Conns, e.Messages(), e.Phase
		if e.Plan.Conns > 0 {
			p = e.Plan
		}
	}
	return result.LostAgent(c.Scenario, c.Proto, p, o.Name, o.Boot, last, echo, phase)
}
