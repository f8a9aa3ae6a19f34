package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/c10m/c10m/internal/plan"
)

// ErrUsage marks a plan that cannot work as it was asked for: exit status 2.
var ErrUsage = errors.New("bad usage")

// Work is what an agent does with the plans that it is given.
type Work interface {
	// Look says what bounds a plan on this machine, tightest first, and opens no connection but
	// to see whether the server is there.
	Look(ctx context.Context, args []string, files Files) ([]plan.Limit, error)
	// Start prepares a plan in another process, which waits at its first gate.
	Start(args []string, files Files) (Part, error)
}

// Files are the contents of files that a command line names, by names that client and
// agent have agreed on: they come from the coordinator's machine, and some are secrets.
type Files map[string]string

// Part is a run of this agent's share, in another process.
type Part interface {
	Events() <-chan Event // closed when the process has ended
	Open(gate string)
	Stop() // interrupts it: it closes what it has opened and says what it has so far
}

// Event is what a Part says of itself.
type Event struct {
	Phase  string
	Gate   string // it waits there
	Done   int64  // grows while there is progress
	Plan   json.RawMessage
	Sample json.RawMessage
	Result json.RawMessage // the last
	Err    error           // instead of a result
}

// AgentOptions are who an agent is and what it does.
type AgentOptions struct {
	Name, Commit string
	Boot         string // boot id
	Net          uint64 // inode of the network namespace
	Work         Work
	Say          func(line string)                               // for whoever looks at the agent
	Keep         func(run string, result []byte) (string, error) // a result that nobody fetched, to a file
	Now          func() time.Time                                // nil: time.Now
	Patience     time.Duration                                   // without a beat; 0: orphanAfter
}

// agent serves one run after the other.
type agent struct {
	AgentOptions
	conn *Conn
	id   string
	ctx  context.Context

	mu  sync.Mutex
	job *stint // nil: none was ever claimed, or it was released
}

// Serve is an agent until ctx ends or the connection is over for good, which is an
// error that says why.
func Serve(ctx context.Context, c *Conn, o AgentOptions) error {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Patience == 0 {
		o.Patience = orphanAfter
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	a := &agent{AgentOptions: o, conn: c, ctx: ctx}
	service, err := micro.AddService(c.nc, micro.Config{Name: service, Version: fmt.Sprintf("%d.0.0", Wire),
		Description: "an agent of a c10m fleet", QueueGroupDisabled: true,
		Metadata: map[string]string{"name": o.Name, "commit": o.Commit, "wire": strconv.Itoa(Wire), "boot": o.Boot,
			"net": strconv.FormatUint(o.Net, 10)}})
	if err != nil {
		return fmt.Errorf("be found as an agent: %w", err)
	}
	defer func() { _ = service.Stop() }()
	a.id = service.Info().ID
	for what, handle := range map[string]func(micro.Request){"clock": a.clock, "claim": a.claim, "refuse": a.refuse,
		"file": a.ordered(a.file), "look": a.ordered(a.look), "prepare": a.ordered(a.prepare), "go": a.ordered(a.open),
		"stop": a.ordered(a.stop), "release": a.ordered(a.release), "result": a.ordered(a.result)} {
		at := micro.WithEndpointSubject(agentSubject(a.id, what))
		if err := service.AddEndpoint(what, micro.HandlerFunc(handle), at); err != nil {
			return fmt.Errorf("serve %s: %w", what, err)
		}
	}
	select {
	case <-ctx.Done():
		a.leave()
		return nil
	case <-c.closed:
		a.leave()
		return c.why()
	}
}

// leave ends what runs, and says so to the coordinator if it can.
func (a *agent) leave() {
	if j := a.current(""); j != nil {
		j.end("the agent was ended")
	}
}

// current is the run that the agent is claimed for, if it is this one; "" is any.
func (a *agent) current(run string) *stint {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.job == nil || run != "" && a.job.run != run {
		return nil
	}
	return a.job
}

func reply(r micro.Request, m answer) {
	b, err := json.Marshal(m)
	if err == nil {
		_ = r.Respond(b) // who asked asks again
	}
}

func refusal(err error) answer { return answer{Error: plain(err), Usage: errors.Is(err, ErrUsage)} }

// plain is an error without the word by which bad usage is marked.
func plain(err error) string { return strings.TrimPrefix(err.Error(), ErrUsage.Error()+": ") }

func (a *agent) clock(r micro.Request) { reply(r, answer{Now: a.Now().UnixNano()}) }

// refuse is told by a coordinator that does not want this agent.
func (a *agent) refuse(r micro.Request) {
	o, err := decodeOrder(r.Data())
	if err != nil {
		reply(r, refusal(err))
		return
	}
	a.Say("refused by a coordinator: " + o.Why)
	reply(r, answer{})
}

// claim takes the agent for a run; who comes second is told whose it is. The same
// claim may come again.
func (a *agent) claim(r micro.Request) {
	c, err := decodeClaim(r.Data())
	switch {
	case err != nil:
		reply(r, refusal(err))
		return
	case c.Wire != Wire:
		reply(r, answer{Error: otherVersion(Wire, c.Wire)})
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.job != nil && a.job.run != c.Run && !a.job.over() {
		reply(r, answer{Busy: "busy with a run of " + a.job.lead})
		return
	}
	if a.job == nil || a.job.run != c.Run {
		j, err := newStint(a, c)
		if err != nil {
			reply(r, refusal(err))
			return
		}
		a.job = j
	}
	reply(r, answer{})
}

// errOldRun is an order for a run that the agent is not claimed for.
var errOldRun = errors.New("an order of another run")

// ordered is a handler of orders of the run that the agent is claimed for.
func (a *agent) ordered(do func(*stint, order, micro.Request)) func(micro.Request) {
	return func(r micro.Request) {
		o, err := decodeOrder(r.Data())
		if err != nil {
			reply(r, refusal(err))
			return
		}
		j := a.current(o.Run)
		if j == nil || o.Run == "" {
			reply(r, refusal(errOldRun))
			return
		}
		do(j, o, r)
	}
}

// lookTime bounds what an agent does to say what it can hold; it may wait for a server
// that is starting.
const lookTime = 2 * time.Minute

func (a *agent) look(j *stint, o order, r micro.Request) {
	go func() { // the next order does not wait for it
		ctx, cancel := context.WithTimeout(a.ctx, lookTime)
		defer cancel()
		files, err := j.given(o.Sums)
		if err != nil {
			reply(r, refusal(err))
			return
		}
		limits, err := a.Work.Look(ctx, o.Args, files)
		if err != nil {
			reply(r, refusal(err))
			return
		}
		reply(r, answer{Limits: limits})
	}()
}

func (a *agent) prepare(j *stint, o order, r micro.Request) {
	if err := j.start(o); err != nil {
		reply(r, refusal(err))
		return
	}
	reply(r, answer{})
}

func (a *agent) open(j *stint, o order, r micro.Request) {
	if err := j.open(o.Gate, delay(time.Unix(0, o.At), a.Now())); err != nil {
		reply(r, refusal(err))
		return
	}
	reply(r, answer{})
}

func (a *agent) stop(j *stint, o order, r micro.Request) {
	j.interrupt(o.Why)
	reply(r, answer{})
}

func (a *agent) release(j *stint, _ order, r micro.Request) {
	j.interrupt("")
	j.quit()
	a.mu.Lock()
	if a.job == j && j.idle() {
		a.job = nil
	}
	a.mu.Unlock()
	reply(r, answer{})
}

func (a *agent) file(j *stint, o order, r micro.Request) {
	there, err := j.take(o)
	if err != nil {
		reply(r, refusal(err))
		return
	}
	reply(r, answer{Size: there})
}

func (a *agent) result(j *stint, o order, r micro.Request) {
	m := j.part(o.From)
	reply(r, m)
}

// send says where a run stands.
func (a *agent) send(s State) {
	b, err := json.Marshal(s)
	if err == nil && len(b) > maxMessage {
		s.Sample, s.Plan = nil, nil
		b, err = json.Marshal(s)
	}
	if err == nil {
		_ = a.conn.nc.PublishMsg(&nats.Msg{Subject: stateSubject(s.Run, a.id), Data: b}) // the next one says it again
	}
}
