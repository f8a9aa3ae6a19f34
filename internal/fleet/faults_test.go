package fleet

import (
	"bytes"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/c10m/c10m/tests/nettest"
)

// fleetOf is a coordinator with its agents at their first gate; the last of them
// joins by way of a proxy.
func fleetOf(t *testing.T, works ...*simulated) (*rig, []*running, *proxy) {
	t.Helper()
	r := newRig(t)
	p := newProxy(t, r.hub.Join.Address)
	var agents []*running
	for i, w := range works {
		join := &r.hub.Join
		if i == len(works)-1 {
			join = p.join(r.hub)
		}
		agents = append(agents, r.agentAt(join, string(rune('a'+i)), w))
	}
	ctx := within(t)
	if err := r.lead.Gather(ctx, len(works), 30*time.Second); err != nil {
		t.Fatal(err)
	}
	if err := r.lead.Prepare(ctx, argsFor(len(works))); err != nil {
		t.Fatal(err)
	}
	return r, agents, p
}

// finish takes a fleet that has begun to its end.
func finish(t *testing.T, l *Lead) []Outcome {
	t.Helper()
	ctx := within(t)
	for {
		gate, err := l.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if gate == "" {
			return l.Results(ctx)
		}
		if err := l.Open(ctx, gate, 0); err != nil {
			t.Fatal(err)
		}
	}
}

func open(t *testing.T, l *Lead, gate string) {
	t.Helper()
	if err := l.Open(within(t), gate, 0); err != nil {
		t.Fatal(err)
	}
}

// TestAgentLost in each phase: known after a while of silence, named, and the others go on.
func TestAgentLost(t *testing.T) {
	for _, how := range []string{"killed", "cut off"} {
		for i, phase := range gates {
			t.Run(how+" in "+phase, func(t *testing.T) {
				t.Parallel()
				slow := &simulated{ramp: time.Hour}
				if how == "killed" {
					slow = &simulated{ramp: 100 * time.Millisecond}
				}
				r, agents, p := fleetOf(t, &simulated{}, &simulated{}, slow)
				for _, gate := range gates[:i] {
					if how == "cut off" {
						break // it is in its first phase for an hour
					}
					open(t, r.lead, gate)
					if next, err := r.lead.Next(within(t)); err != nil || next == gate {
						t.Fatalf("after %s: %q, %v", gate, next, err)
					}
				}
				if how == "killed" {
					agents[2].kill()
				}
				if phase == "ramp" || how == "cut off" {
					open(t, r.lead, "ramp")
				}
				if how == "cut off" {
					p.set(true)
				}
				out := finish(t, r.lead)
				if out[0].Result == nil || out[1].Result == nil {
					t.Errorf("the others have no results: %q, %q", out[0].Why, out[1].Why)
				}
				if out[2].Result != nil || out[2].Lost == "" || !r.noticed(NoticeLost, "c") {
					t.Errorf("the lost one has result %q, lost %q, notices %v", out[2].Result, out[2].Lost, r.notices)
				}
			})
		}
	}
}

// TestBackAgain: cut off for less than that, nobody is lost and nothing is missing.
func TestBackAgain(t *testing.T) {
	t.Parallel()
	r, _, p := fleetOf(t, &simulated{}, &simulated{ramp: 300 * time.Millisecond})
	open(t, r.lead, "ramp")
	p.set(true)
	time.Sleep(500 * time.Millisecond)
	p.set(false)
	for _, o := range finish(t, r.lead) {
		if o.Result == nil || o.Lost != "" {
			t.Errorf("%s: %s", o.Name, o.Why)
		}
	}
}

// TestSlowLink: a second's worth of delay makes nobody lost.
func TestSlowLink(t *testing.T) {
	t.Parallel()
	r, agents, p := fleetOf(t, &simulated{}, &simulated{})
	p.mu.Lock()
	p.delay = 30 * time.Millisecond
	p.mu.Unlock()
	for _, o := range finish(t, r.lead) {
		if o.Result == nil {
			t.Errorf("%s: %s", o.Name, o.Why)
		}
		if o.Name == "b" && o.Within < 15*time.Millisecond {
			t.Errorf("its clock is known within %v over a link of 30 ms each way", o.Within)
		}
	}
	apart := agents[0].work.last().openedAt("ramp").Sub(agents[1].work.last().openedAt("ramp")).Abs()
	if apart > 10*time.Second {
		t.Errorf("the ramps began %v apart", apart)
	}
}

// TestPartDies: the process of one agent ends without a result, as one does that the
// kernel kills for memory. The agent says so at once.
func TestPartDies(t *testing.T) {
	t.Parallel()
	r, _, _ := fleetOf(t, &simulated{}, &simulated{dies: "hold"})
	out := finish(t, r.lead)
	if out[0].Result == nil || out[1].Result != nil || !strings.Contains(out[1].Why, "without a result") {
		t.Errorf("of the one: %q; of the other: %q", out[0].Why, out[1].Why)
	}
}

// TestAgentLeaves in a run, as by Ctrl-C: it says so, and nobody waits for a result that
// it took along.
func TestAgentLeaves(t *testing.T) {
	t.Parallel()
	r, agents, _ := fleetOf(t, &simulated{}, &simulated{ramp: time.Hour})
	open(t, r.lead, "ramp")
	nettest.Await(t, "its ramp", func() bool { return !agents[1].work.last().openedAt("ramp").IsZero() })
	agents[1].leave()
	out := finish(t, r.lead)
	if out[0].Result == nil || out[1].Result != nil || !strings.Contains(out[1].Why, "the agent was ended") {
		t.Errorf("of the one: %q; of the other: %q, %q", out[0].Why, out[1].Result, out[1].Why)
	}
}

// TestInterruptCutOff: one that does not hear of the end keeps nobody from what the
// others have.
func TestInterruptCutOff(t *testing.T) {
	t.Parallel()
	r, _, p := fleetOf(t, &simulated{ramp: time.Hour}, &simulated{ramp: time.Hour}, &simulated{ramp: time.Hour})
	open(t, r.lead, "ramp")
	p.set(true)
	r.lead.Stop(within(t), "interrupted") // until it is missed; the others may be slow to answer
	if gate, err := r.lead.Next(within(t)); gate != "" || err != nil {
		t.Errorf("after the interrupt they stand at gate %q: %v", gate, err)
	}
	out := r.lead.Results(within(t))
	if out[0].Result == nil || out[1].Result == nil || out[2].Lost == "" {
		t.Errorf("the results: %q, %q; the third: %q", out[0].Why, out[1].Why, out[2].Why)
	}
}

// TestSlowAtGate: who waits, and for whom, can be seen.
func TestSlowAtGate(t *testing.T) {
	t.Parallel()
	r, _, _ := fleetOf(t, &simulated{}, &simulated{ramp: time.Second})
	open(t, r.lead, "ramp")
	nettest.Await(t, "a to wait for b", func() bool {
		v := r.lead.View()
		return len(v.Waiting) == 1 && v.Waiting[0] == "b" && v.Members[0].Gate == "hold"
	})
	for _, o := range finish(t, r.lead) {
		if o.Result == nil {
			t.Errorf("%s: %s", o.Name, o.Why)
		}
	}
}

// TestResultCut in the middle: it goes on where it was.
func TestResultCut(t *testing.T) {
	t.Parallel()
	large := make([]byte, 4<<20)
	_, _ = rand.Read(large)
	r, _, p := fleetOf(t, &simulated{}, &simulated{result: large})
	p.mu.Lock()
	p.most = p.bytes + 2<<20
	p.mu.Unlock()
	out := finish(t, r.lead)
	if !bytes.Equal(out[1].Result, large) {
		t.Errorf("%d of %d bytes came: %s", len(out[1].Result), len(large), out[1].Why)
	}
	if p.most != 0 {
		t.Error("nothing was cut")
	}
}

// TestGoTwice: an order that is repeated, or comes when nobody stands there, opens
// nothing twice.
func TestGoTwice(t *testing.T) {
	t.Parallel()
	r, agents, _ := fleetOf(t, &simulated{ramp: 200 * time.Millisecond})
	m := r.lead.living()[0]
	if a, err := r.lead.ask(within(t), m, "go", order{Gate: "close"}); err != nil || a.Error == "" {
		t.Errorf("a gate where it does not stand: %+v, %v", a, err)
	}
	open(t, r.lead, "ramp")
	for range 3 {
		if a, err := r.lead.ask(within(t), m, "go", order{Gate: "ramp"}); err != nil || a.Error != "" {
			t.Errorf("the same again: %+v, %v", a, err)
		}
	}
	finish(t, r.lead)
	if p := agents[0].work.last(); p.times != len(gates) {
		t.Errorf("%d gates were opened, want %d", p.times, len(gates))
	}
}

// TestCoordinatorGone: without a beat an agent ends its part, keeps what it has, and
// serves the next.
func TestCoordinatorGone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	hasty := func(o *AgentOptions) { o.Patience = 2 * time.Second }
	a := r.agent("a", &simulated{ramp: time.Hour}, hasty)
	dead := r.follow(r.hub.Lead, "dead")
	ctx := within(t)
	if err := dead.Gather(ctx, 1, 30*time.Second); err != nil {
		t.Fatal(err)
	}
	if err := dead.Prepare(ctx, argsFor(1)); err != nil {
		t.Fatal(err)
	}
	open(t, dead, "ramp")
	dead.conn.nc.Close() // as SIGKILL does
	nettest.Await(t, "the partial result to be kept",
		func() bool { return string(a.keptBytes()) == `{"interrupted":true}` })
	if err := r.lead.Gather(ctx, 1, 30*time.Second); err != nil {
		t.Fatal(err)
	}
	a.work.mu.Lock()
	a.work.ramp = 0
	a.work.mu.Unlock()
	out, err := r.lead.through(ctx, argsFor(1), nil)
	if err != nil || out[0].Result == nil {
		t.Errorf("the next run: %v, %v", out, err)
	}
}

// TestPausedCoordinator: who was stopped himself calls nobody silent.
func TestPausedCoordinator(t *testing.T) {
	now := time.Now()
	l := &Lead{LeadOptions: LeadOptions{Notice: func(Notice) {}, Patience: lostAfter}, changed: make(chan struct{})}
	m := &member{heard: now.Add(-100 * time.Millisecond)}
	l.members = map[string]*member{"a": m}
	l.findLost(now.Add(5*time.Second), 5*time.Second)
	if m.lost != "" {
		t.Errorf("after a pause of 5 s of the coordinator the agent is %s", m.lost)
	}
	l.findLost(now.Add(10*time.Second), 0)
	if m.lost == "" {
		t.Error("after 5 s of silence the agent is not lost")
	}
}

// existing is a NATS of somebody else, which can be stopped and started again.
func existing(t *testing.T, port int) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, NoSigs: true, NoLog: true,
		NoSystemAccount: true})
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("no NATS")
	}
	return s
}

// TestRestartedNATS: an existing NATS that is back within 5 s costs nothing.
func TestRestartedNATS(t *testing.T) {
	t.Parallel()
	s := existing(t, server.RANDOM_PORT)
	url := s.ClientURL()
	dial := func() (*Conn, error) { return Dial(url, "") }
	r := &rig{t: t}
	r.lead = r.follow(dial, "lead")
	for _, name := range []string{"a", "b", "c"} {
		c, err := dial()
		if err != nil {
			t.Fatal(err)
		}
		a := serve(c, name, &simulated{ramp: time.Second})
		t.Cleanup(a.leave)
	}
	ctx := within(t)
	if err := r.lead.Gather(ctx, 3, 30*time.Second); err != nil {
		t.Fatal(err)
	}
	if err := r.lead.Prepare(ctx, argsFor(3)); err != nil {
		t.Fatal(err)
	}
	open(t, r.lead, "ramp")
	s.Shutdown()
	s.WaitForShutdown()
	time.Sleep(1500 * time.Millisecond) // more than an agent may be silent
	s = existing(t, portOf(t, url))
	t.Cleanup(s.Shutdown)
	for _, o := range finish(t, r.lead) {
		if o.Result == nil {
			t.Errorf("%s: %s", o.Name, o.Why)
		}
	}
}

// TestNATSGoneForGood: the agents end their parts and keep them; the coordinator ends,
// too.
func TestNATSGoneForGood(t *testing.T) {
	t.Parallel()
	s := existing(t, server.RANDOM_PORT)
	dial := func() (*Conn, error) { return Dial(s.ClientURL(), "") }
	r := &rig{t: t}
	r.lead = r.follow(dial, "lead")
	c, err := dial()
	if err != nil {
		t.Fatal(err)
	}
	a := serve(c, "a", &simulated{ramp: time.Hour}, func(o *AgentOptions) { o.Patience = 2 * time.Second })
	t.Cleanup(a.leave)
	if err := r.lead.Gather(within(t), 1, 30*time.Second); err != nil {
		t.Fatal(err)
	}
	if err := r.lead.Prepare(within(t), argsFor(1)); err != nil {
		t.Fatal(err)
	}
	open(t, r.lead, "ramp")
	s.Shutdown()
	nettest.Await(t, "the partial result to be kept", func() bool { return a.keptBytes() != nil })
	nettest.Await(t, "the coordinator to give up", func() bool { return r.noticed(NoticeLost, "a") })
	if out := finish(t, r.lead); out[0].Result != nil || !strings.Contains(out[0].Why, "no connection to NATS") {
		t.Errorf("a result came out of nowhere, %q, or there is another reason: %s", out[0].Result, out[0].Why)
	}
}

// TestForgedMessages: whatever anybody with a connection says, nobody crashes and
// the run goes on.
func TestForgedMessages(t *testing.T) {
	t.Parallel()
	r, _, _ := fleetOf(t, &simulated{ramp: 300 * time.Millisecond}, &simulated{ramp: 300 * time.Millisecond})
	open(t, r.lead, "ramp")
	forger, err := r.hub.Lead() // who may say anything
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(forger.Close)
	large := bytes.Repeat([]byte("x"), maxMessage)
	for _, m := range r.lead.living() {
		for _, what := range []string{"clock", "claim", "refuse", "look", "prepare", "go", "stop", "release", "result",
			"none"} {
			for _, data := range [][]byte{nil, []byte("{"), []byte(`{"run":"old","gate":"hold","at":-1}`),
				[]byte(`{"run":"` + r.lead.run + `","from":-1}`),
				[]byte(`{"run":"` + r.lead.run + `x","why":"forged"}`), []byte(`[1]`), large} {
				_ = forger.nc.Publish(agentSubject(m.id, what), data)
			}
		}
		for _, data := range [][]byte{nil, []byte("null"), []byte(`{"run":"old","seq":99,"ended":true}`),
			[]byte(`{"run":"` + r.lead.run + `","seq":99999,"size":-1}`), large} {
			_ = forger.nc.Publish(stateSubject(r.lead.run, m.id), data)
			_ = forger.nc.Publish(stateSubject(r.lead.run, "nobody"), data)
		}
	}
	_ = forger.nc.Flush()
	for _, o := range finish(t, r.lead) {
		if o.Result == nil {
			t.Errorf("%s: %s", o.Name, o.Why)
		}
	}
}
