package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/plan"
)

// simulated is a client that opens nothing: its parts go through the gates.
type simulated struct {
	room    int64 // connections
	lookErr error
	result  []byte // of each part; nil: {"part":args}
	hangs   string // the gate that it never gets to
	dies    string // after this gate it ends without a result

	mu              sync.Mutex
	ramp            time.Duration // of the next part, between two gates
	parts           []*simulatedPart
	looked, started Files // of the last
}

func (w *simulated) Look(_ context.Context, _ []string, files Files) ([]plan.Limit, error) {
	w.mu.Lock()
	w.looked = files
	w.mu.Unlock()
	if w.lookErr != nil {
		return nil, w.lookErr
	}
	return []plan.Limit{{Name: "memory", Max: w.room}}, nil
}

func (w *simulated) Start(args []string, files Files) (Part, error) {
	if slices.Contains(args, "--refuse") {
		return nil, fmt.Errorf("%w: --refuse is not allowed here", ErrUsage)
	}
	p := &simulatedPart{events: make(chan Event, 16), gates: make(chan string, 8), stop: make(chan struct{}),
		opened: map[string]time.Time{}}
	w.mu.Lock()
	w.parts, w.started = append(w.parts, p), files
	ramp := w.ramp
	w.mu.Unlock()
	go w.play(p, args, ramp)
	return p, nil
}

func (w *simulated) last() *simulatedPart {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.parts) == 0 {
		return nil
	}
	return w.parts[len(w.parts)-1]
}

type simulatedPart struct {
	events chan Event
	gates  chan string
	stop   chan struct{}
	once   sync.Once

	mu     sync.Mutex
	opened map[string]time.Time
	times  int // gates were opened
}

func (p *simulatedPart) Events() <-chan Event { return p.events }

func (p *simulatedPart) Open(gate string) {
	p.mu.Lock()
	p.opened[gate] = time.Now()
	p.times++
	p.mu.Unlock()
	p.gates <- gate
}

func (p *simulatedPart) Stop() { p.once.Do(func() { close(p.stop) }) }

func (p *simulatedPart) openedAt(gate string) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.opened[gate]
}

var gates = []string{"ramp", "hold", "close"}

func (w *simulated) play(p *simulatedPart, args []string, ramp time.Duration) {
	defer close(p.events)
	result := w.result
	if result == nil {
		result, _ = json.Marshal(map[string]any{"part": args})
	}
	p.events <- Event{Phase: "prepare", Plan: json.RawMessage(`{"conns":10}`)}
	for i, gate := range gates {
		if w.hangs == gate {
			<-p.stop
			p.events <- Event{Result: []byte(`{"interrupted":true}`)}
			return
		}
		p.events <- Event{Gate: gate, Done: int64(i)}
		select {
		case <-p.gates:
		case <-p.stop:
			p.events <- Event{Result: []byte(`{"interrupted":true}`)}
			return
		}
		if w.dies == gate {
			return
		}
		p.events <- Event{Phase: gate, Sample: json.RawMessage(`{"open":10}`), Done: int64(i)}
		select {
		case <-time.After(ramp):
		case <-p.stop:
			p.events <- Event{Result: []byte(`{"interrupted":true}`)}
			return
		}
	}
	p.events <- Event{Result: result}
}

// rig is a hub with a coordinator and agents, each in its own goroutine.
type rig struct {
	t    testing.TB
	hub  *Hub
	lead *Lead

	mu      sync.Mutex
	notices []Notice
	refused []string
}

func newRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{t: t}
	var err error
	r.hub, err = StartHub(HubOptions{Listen: "127.0.0.1:0", Refused: func(why string) {
		r.mu.Lock()
		r.refused = append(r.refused, why)
		r.mu.Unlock()
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.hub.Stop)
	r.lead = r.follow(r.hub.Lead, "lead")
	return r
}

// follow is a further coordinator.
func (r *rig) follow(dial func() (*Conn, error), name string) *Lead {
	r.t.Helper()
	c, err := dial()
	if err != nil {
		r.t.Fatal(err)
	}
	l, err := Follow(c, LeadOptions{Name: name, Notice: r.notice, Patience: 1200 * time.Millisecond})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { l.Close(); c.Close() })
	return l
}

func (r *rig) notice(n Notice) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notices = append(r.notices, n)
}

// noticed says whether there was a notice of that kind.
func (r *rig) noticed(kind, agent string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.notices,
		func(n Notice) bool { return n.Kind == kind && (agent == "" || n.Agent == agent) })
}

// running is an agent.
type running struct {
	conn *Conn
	work *simulated
	end  context.CancelFunc
	err  chan error

	mu   sync.Mutex
	said []string
	kept []byte
}

// agent starts one.
func (r *rig) agent(name string, work *simulated, change ...func(*AgentOptions)) *running {
	r.t.Helper()
	return r.agentAt(&r.hub.Join, name, work, change...)
}

func (r *rig) agentAt(join *Join, name string, work *simulated, change ...func(*AgentOptions)) *running {
	r.t.Helper()
	c, err := join.Enter()
	if err != nil {
		r.t.Fatal(err)
	}
	a := serve(c, name, work, change...)
	r.t.Cleanup(a.leave)
	return a
}

func serve(c *Conn, name string, work *simulated, change ...func(*AgentOptions)) *running {
	if work.room == 0 {
		work.room = 1000
	}
	ctx, cancel := context.WithCancel(context.Background())
	a := &running{conn: c, work: work, end: cancel, err: make(chan error, 1)}
	o := AgentOptions{Name: name, Commit: "test", Work: work, Say: func(line string) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.said = append(a.said, line)
	}, Keep: func(_ string, result []byte) (string, error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.kept = result
		return "kept.json", nil
	}}
	for _, c := range change {
		c(&o)
	}
	go func() { a.err <- Serve(ctx, c, o) }()
	return a
}

// leave ends it as Ctrl-C does.
func (a *running) leave() {
	a.end()
	select {
	case err := <-a.err:
		a.err <- err
	case <-time.After(10 * time.Second):
	}
	a.conn.nc.Close()
}

// kill ends it as SIGKILL does: without a word.
func (a *running) kill() { a.conn.nc.Close() }

func (a *running) keptBytes() []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.kept
}

// through takes a fleet through its gates.
func (l *Lead) through(ctx context.Context, args [][]string, at func(gate string)) ([]Outcome, error) {
	if err := l.Prepare(ctx, args); err != nil {
		return nil, err
	}
	for {
		gate, err := l.Next(ctx)
		if err != nil {
			return nil, err
		}
		if gate == "" {
			return l.Results(ctx), nil
		}
		if at != nil {
			at(gate)
		}
		if err := l.Open(ctx, gate, 0); err != nil {
			return nil, err
		}
	}
}

func argsFor(n int) (args [][]string) {
	for i := range n {
		args = append(args, []string{"hold", "--conns", fmt.Sprint(i + 1)})
	}
	return args
}

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// proxy is TCP between an agent and its hub, which a test can cut and delay.
type proxy struct {
	l  net.Listener
	to string

	mu    sync.Mutex
	conns []net.Conn
	cut   bool
	delay time.Duration
	bytes int64 // towards the coordinator
	most  int64 // once so many bytes have passed, cut all and refuse for a moment; 0: never
}

func newProxy(t testing.TB, to string) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{l: l, to: to}
	t.Cleanup(func() { _ = l.Close(); p.set(true) })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.relay(c)
		}
	}()
	return p
}

// set cuts every connection and refuses new ones, or lets them again.
func (p *proxy) set(cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cut = cut; cut {
		for _, c := range p.conns {
			_ = c.Close()
		}
		p.conns = nil
	}
}

func (p *proxy) relay(c net.Conn) {
	s, err := net.Dial("tcp", p.to)
	p.mu.Lock()
	if err != nil || p.cut {
		p.mu.Unlock()
		_ = c.Close()
		if err == nil {
			_ = s.Close()
		}
		return
	}
	p.conns = append(p.conns, c, s)
	p.mu.Unlock()
	go p.pump(c, s, false)
	p.pump(s, c, true)
}

func (p *proxy) pump(to, from net.Conn, up bool) {
	b := make([]byte, 16<<10)
	for {
		n, err := from.Read(b)
		p.mu.Lock()
		wait := p.delay
		if up {
			p.bytes += int64(n)
		}
		full := up && p.most > 0 && p.bytes > p.most
		if full {
			p.most = 0
		}
		p.mu.Unlock()
		if full {
			p.set(true)
			time.AfterFunc(100*time.Millisecond, func() { p.set(false) })
			return
		}
		time.Sleep(wait)
		if n > 0 {
			if _, werr := to.Write(b[:n]); werr != nil {
				err = werr
			}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				_ = from.Close()
			}
			_ = to.Close()
			return
		}
	}
}

// join is the hub's, by way of the proxy.
func (p *proxy) join(h *Hub) *Join {
	j := h.Join
	j.Address = p.l.Addr().String()
	return &j
}
