package fleet

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// LeadOptions are who a coordinator is, and whom it tells what it notices.
type LeadOptions struct {
	Name, Commit string
	Notice       func(Notice)
	Now          func() time.Time // nil: time.Now
	Patience     time.Duration    // with a silent agent; 0: lostAfter
}

// Notice is something that a coordinator sees and goes on.
type Notice struct {
	Kind  string // see below
	Agent string
	Text  string
}

// The kinds of notices.
const (
	NoticeRefused = "refused" // an agent that is not taken
	NoticeBusy    = "busy"    // one that works for somebody else
	NoticeGone    = "gone"    // one that was taken and went, before the run
	NoticeLost    = "lost"    // one that was lost in the run
	NoticeWaiting = "waiting" // nothing goes on for a while: for whom everybody waits
)

// Lead is a coordinator: one run of a fleet.
type Lead struct {
	LeadOptions
	conn   *Conn
	run    string
	states *nats.Subscription
	sums   map[string]string // of the files that agents were given
	stop   chan struct{}
	once   sync.Once
	idle   sync.WaitGroup // the watch

	mu       sync.Mutex
	members  map[string]*member // by id
	order    []*member          // once gathered
	spare    map[string]string  // agents that are there and not taken: name by id
	refused  map[string]bool
	busy     map[string]string // by id: who is, and with what
	stopping bool              // no gate is passed any more, all are to end
	begun    bool              // the first gate was opened: who is lost now is lost in the run
	changed  chan struct{}     // something has; closed and made anew
}

// Follow makes a coordinator of a connection, which stays the caller's.
func Follow(c *Conn, o LeadOptions) (*Lead, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Patience == 0 {
		o.Patience = lostAfter
	}
	if o.Notice == nil {
		o.Notice = func(Notice) {}
	}
	l := &Lead{LeadOptions: o, conn: c, run: rand.Text(), stop: make(chan struct{}), members: map[string]*member{},
		spare: map[string]string{}, refused: map[string]bool{}, busy: map[string]string{}, changed: make(chan struct{})}
	var err error
	if l.states, err = c.nc.Subscribe(stateSubject(l.run, "*"), l.hear); err != nil {
		return nil, fmt.Errorf("listen to agents: %w", err)
	}
	l.idle.Add(1)
	go l.watch()
	return l, nil
}

// Close lets every agent go and ends the watch. A run that goes on is interrupted.
func (l *Lead) Close() { l.once.Do(l.close) }

func (l *Lead) close() {
	b, err := json.Marshal(order{Run: l.run})
	if err == nil {
		_ = l.each(l.living(), func(m *member) error { // once: who does not hear it misses the beat
			_, err := l.request(context.Background(), agentSubject(m.id, "release"), b, askTime/4)
			return err
		})
	}
	close(l.stop)
	l.idle.Wait()
	_ = l.states.Unsubscribe()
}

// hear takes a state; what is forged, old or of another run changes nothing.
func (l *Lead) hear(msg *nats.Msg) {
	s, err := decodeState(msg.Data)
	if err != nil || s.Run != l.run {
		return
	}
	id := msg.Subject[strings.LastIndexByte(msg.Subject, '.')+1:]
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.members[id]
	if m == nil || s.Seq <= m.state.Seq {
		return
	}
	m.heard, m.state = time.Now(), s
	l.changes()
}

// changes wakes who waits; the lock is held.
func (l *Lead) changes() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// watch sends the beat and finds who is silent.
func (l *Lead) watch() {
	defer l.idle.Done()
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	last := time.Now()
	apart := last // when there was a connection last
	for {
		select {
		case <-l.stop:
			return
		case <-tick.C:
		}
		_ = l.conn.nc.Publish(beatSubject(l.run), nil) // the next one says the same
		now := time.Now()
		// Where we were stopped ourselves, or have no connection, nobody was silent.
		paused := now.Sub(last) - beatEvery
		if l.conn.Connected() {
			apart = now
		} else {
			paused = now.Sub(last)
		}
		last = now
		if now.Sub(apart) > cutOffAfter*l.Patience {
			for _, m := range l.living() {
				l.cutOff(m)
			}
			continue
		}
		l.findLost(now, max(0, paused))
	}
}

// cutOffAfter is how many times its patience a coordinator may be without NATS: after
// 15 s its agents have ended their parts.
const cutOffAfter = 5

// cutOff loses a member whose end nobody will hear of.
func (l *Lead) cutOff(m *member) {
	l.mu.Lock()
	done := m.done()
	l.mu.Unlock()
	if !done {
		l.lose(m, fmt.Sprintf("no connection to NATS for %v", cutOffAfter*l.Patience))
	}
}

func (l *Lead) findLost(now time.Time, paused time.Duration) {
	var notices []Notice
	l.mu.Lock()
	for _, m := range l.members {
		if paused > beatEvery/2 {
			m.heard = m.heard.Add(paused)
		}
		if m.lost == "" && !m.done() && now.Sub(m.heard) > l.Patience {
			m.lost = fmt.Sprintf("silent for %v", l.Patience)
			notices = append(notices, l.missing(m))
		}
	}
	l.mu.Unlock()
	for _, n := range notices {
		l.Notice(n)
	}
}

// missing is what to say of one that was just lost; the lock is held.
func (l *Lead) missing(m *member) Notice {
	l.changes()
	kind := NoticeGone
	if l.begun {
		kind = NoticeLost
	}
	return Notice{Kind: kind, Agent: m.label, Text: m.lost}
}

// lose is for a member that does not do what it was asked.
func (l *Lead) lose(m *member, why string) {
	l.mu.Lock()
	if m.lost != "" {
		l.mu.Unlock()
		return
	}
	m.lost = why
	n := l.missing(m)
	l.mu.Unlock()
	l.Notice(n)
}

// living are the members that are not lost, in their order.
func (l *Lead) living() (all []*member) {
	l.mu.Lock()
	defer l.mu.Unlock()
	from := l.order
	if from == nil {
		from = sorted(l.members)
	}
	for _, m := range from {
		if m.lost == "" {
			all = append(all, m)
		}
	}
	return all
}

func sorted(members map[string]*member) []*member {
	return slices.SortedFunc(maps.Values(members), func(a, b *member) int {
		return strings.Compare(a.name+"\x00"+a.id, b.name+"\x00"+b.id)
	})
}

// each does the same for several at once, and joins what fails.
func (l *Lead) each(members []*member, do func(*member) error) error {
	errs := make([]error, len(members))
	var all sync.WaitGroup
	for i, m := range members {
		all.Go(func() { errs[i] = do(m) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// ask gives a member an order, again until it answers, is lost, or ctx ends.
func (l *Lead) ask(ctx context.Context, m *member, what string, o order) (answer, error) {
	return l.askFor(ctx, m, what, o, askTime)
}

func (l *Lead) askFor(ctx context.Context, m *member, what string, o order, patience time.Duration) (answer, error) {
	o.Run = l.run
	b, err := json.Marshal(o)
	if err != nil {
		return answer{}, err
	}
	for {
		a, err := l.request(ctx, agentSubject(m.id, what), b, patience)
		if err == nil || errors.Is(err, errForm) {
			return a, err
		}
		l.mu.Lock()
		lost, known := m.lost, l.members[m.id] == m
		l.mu.Unlock()
		if lost != "" || !known {
			return a, fmt.Errorf("agent %s: %s", m.label, lost)
		}
		select {
		case <-ctx.Done():
			return a, ctx.Err()
		case <-time.After(beatEvery / 5):
		}
	}
}

// request is one question.
func (l *Lead) request(ctx context.Context, subject string, b []byte, patience time.Duration) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	msg, err := l.conn.nc.RequestWithContext(ctx, subject, b)
	if err != nil {
		return answer{}, err
	}
	return decodeAnswer(msg.Data)
}

// AgentError is what an agent says against a plan.
type AgentError struct {
	Agent, Text string
	Usage       bool
}

func (e *AgentError) Error() string { return fmt.Sprintf("agent %s: %s", e.Agent, e.Text) }

// Is says that a plan that cannot work is bad usage.
func (e *AgentError) Is(target error) bool { return target == ErrUsage && e.Usage }

// said is the error of an answer; nil of one without.
func (m *member) said(a answer) error {
	if a.Error == "" {
		return nil
	}
	return &AgentError{Agent: m.label, Text: a.Error, Usage: a.Usage}
}
