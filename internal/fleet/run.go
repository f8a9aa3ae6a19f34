package fleet

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/c10m/c10m/internal/plan"
)

// Look asks every agent what it can hold of a plan, by a command line of its own: as
// rooms for plan.Shares. Both are in the order of the members.
func (l *Lead) Look(ctx context.Context, args [][]string) ([]plan.Room, error) {
	members := l.living()
	if err := l.whole(); err != nil {
		return nil, err
	}
	rooms := make([]plan.Room, len(members))
	err := l.each(members, func(m *member) error {
		i := slices.Index(members, m)
		a, err := l.askFor(ctx, m, "look", order{Args: args[i], Sums: l.sums}, lookTime)
		if err == nil {
			err = m.said(a)
		}
		rooms[i] = plan.Room{Agent: m.label, Machine: m.boot, Limits: a.Limits}
		return err
	})
	if err == nil {
		err = l.whole()
	}
	return rooms, first(err)
}

// whole says who is missing before the run has begun.
func (l *Lead) whole() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range l.order {
		switch {
		case m.lost != "":
			return &AgentError{Agent: m.label, Text: m.lost}
		case !l.begun && m.state.Ended:
			return &AgentError{Agent: m.label, Text: m.state.Error, Usage: m.state.Usage}
		}
	}
	return nil
}

// first is the first of several errors: agents that are alike say alike.
func first(err error) error {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		if some := all.Unwrap(); len(some) > 0 {
			return some[0]
		}
	}
	return err
}

// Prepare gives each agent its own command line, in the order of the members, and waits
// until all stand at their first gate.
func (l *Lead) Prepare(ctx context.Context, args [][]string) error {
	members := l.living()
	if err := l.whole(); err != nil {
		return err
	}
	err := l.each(members, func(m *member) error {
		a, err := l.ask(ctx, m, "prepare", order{Args: args[slices.Index(members, m)], Sums: l.sums})
		if err == nil {
			err = m.said(a)
		}
		return err
	})
	if err != nil {
		return first(err)
	}
	_, err = l.Next(ctx)
	return err
}

// stuckAfter is how long nothing may go on before it is said for whom all wait.
const stuckAfter = 30 * time.Second

// Next waits until every agent that goes on stands at the same gate, and says which;
// "" once all have ended. Before the first gate was opened, who is lost ends it all.
func (l *Lead) Next(ctx context.Context) (gate string, err error) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	var seen int64
	since, said := time.Now(), false
	for {
		l.mu.Lock()
		gate, waited, progress := l.stand()
		changed, begun := l.changed, l.begun
		l.mu.Unlock()
		if !begun {
			if err := l.whole(); err != nil {
				return "", err
			}
		}
		if len(waited) == 0 {
			return gate, nil
		}
		if progress != seen {
			seen, since, said = progress, time.Now(), false
		}
		if !said && gate != "" && time.Since(since) > stuckAfter {
			said = true
			l.Notice(Notice{Kind: NoticeWaiting, Agent: waited[0].label,
				Text: fmt.Sprintf("no progress for %v before gate %s", stuckAfter, gate)})
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-changed:
		case <-tick.C:
		}
	}
}

// stand says at which gate the first stand, for whom they wait there, and a number
// that grows while those make progress; the lock is held.
func (l *Lead) stand() (gate string, waited []*member, progress int64) {
	for _, m := range l.order {
		if m.lost != "" || m.done() {
			progress++
			continue
		}
		switch at := m.standing(); {
		case at == "" || l.stopping:
			waited = append(waited, m)
			progress += m.state.Done
		case gate == "" || len(m.opened) < l.passed(gate):
			gate = at
		}
	}
	return gate, waited, progress
}

// passed is how many gates were opened by who stands at this one.
func (l *Lead) passed(gate string) int {
	for _, m := range l.order {
		if m.lost == "" && !m.done() && m.standing() == gate {
			return len(m.opened)
		}
	}
	return 0
}

// Open opens a gate for all who stand at it, at one time: agent k goes k times apart
// later, so that their paces interleave. Clocks are measured anew, because they move.
func (l *Lead) Open(ctx context.Context, gate string, apart time.Duration) error {
	var members []*member
	for _, m := range l.living() {
		l.mu.Lock()
		if m.standing() == gate {
			members = append(members, m)
		}
		l.mu.Unlock()
	}
	_ = l.each(members, func(m *member) error { return l.setClock(ctx, m) })
	if ctx.Err() != nil {
		return ctx.Err()
	}
	l.mu.Lock()
	l.begun = true
	l.mu.Unlock()
	at := l.Now().Add(goAhead)
	_ = l.each(members, func(m *member) error {
		when := at.Add(m.clock.Offset + time.Duration(slices.Index(members, m))*apart)
		a, err := l.ask(ctx, m, "go", order{Gate: gate, At: when.UnixNano()})
		switch {
		case ctx.Err() != nil:
		case err != nil:
			l.lose(m, err.Error())
		case a.Error != "" && !l.ends(ctx, m):
			l.lose(m, a.Error)
		case a.Error != "":
		default:
			l.mu.Lock()
			m.opened[gate] = true
			l.mu.Unlock()
		}
		return err
	})
	return ctx.Err()
}

// ends says whether a member that did not go has ended, which it may say a moment
// later.
func (l *Lead) ends(ctx context.Context, m *member) bool {
	over := time.After(l.Patience)
	for {
		l.mu.Lock()
		done, changed := m.done(), l.changed
		l.mu.Unlock()
		if done {
			return true
		}
		select {
		case <-changed:
		case <-over:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// setClock measures how a member's clock differs from ours.
func (l *Lead) setClock(ctx context.Context, m *member) error {
	subject := agentSubject(m.id, "clock")
	c, err := measureClock(l.Now, func() (time.Time, error) {
		a, err := l.request(ctx, subject, []byte("{}"), askTime/trips)
		return time.Unix(0, a.Now), err
	})
	if err != nil {
		return err // it goes by what was known
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	m.clock = c
	if m.first == nil {
		m.first = &c
	}
	return nil
}

// Stop interrupts the parts of all. Each ends with the result that it has so far. Who
// does not answer until ctx ends is lost.
func (l *Lead) Stop(ctx context.Context, why string) {
	l.mu.Lock()
	l.begun, l.stopping = true, true // that a part has ended is no failure any more
	l.mu.Unlock()
	_ = l.each(l.living(), func(m *member) error {
		_, err := l.ask(ctx, m, "stop", order{Why: why})
		if err != nil {
			l.lose(m, "it does not answer")
		}
		return err
	})
}

// Outcome is what came of one agent.
type Outcome struct {
	Member
	Result []byte // nil: there is none to rely on
	Why    string // there is none
}

// Results fetches what the agents found out, part by part until each is whole.
func (l *Lead) Results(ctx context.Context) []Outcome {
	_ = l.each(l.living(), func(m *member) error {
		b, err := l.fetch(ctx, m)
		l.mu.Lock()
		defer l.mu.Unlock()
		if m.result = b; err != nil {
			m.failed = err.Error()
		}
		return err
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []Outcome
	for _, m := range l.order {
		o := Outcome{Member: m.view(), Result: m.result}
		if o.Result == nil {
			o.Why = m.whyNot()
		}
		all = append(all, o)
	}
	return all
}

// whyNot is why there is no result of it.
func (m *member) whyNot() string {
	switch {
	case m.lost != "":
		return m.lost
	case m.state.Error != "":
		return m.state.Error
	case m.failed != "":
		return "its result did not come: " + m.failed
	}
	return "it has no result"
}

// askForPart gives up on an agent that does not answer for twice the patience: one that
// has ended is not missed any more, and may have gone.
func (l *Lead) askForPart(ctx context.Context, m *member, from int64) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*l.Patience)
	defer cancel()
	return l.ask(ctx, m, "result", order{From: from})
}

// fetch gets the result of one. What was cut off goes on where it was.
func (l *Lead) fetch(ctx context.Context, m *member) ([]byte, error) {
	l.mu.Lock()
	size, sum := m.state.Size, m.state.Sum
	l.mu.Unlock()
	if size == 0 {
		return nil, nil
	}
	var b []byte
	for int64(len(b)) < size {
		a, err := l.askForPart(ctx, m, int64(len(b)))
		if err != nil {
			return nil, err
		}
		if a.Error != "" || a.Size != size || len(a.Part) == 0 {
			return nil, fmt.Errorf("%d of %d bytes came: %s", len(b), size, a.Error)
		}
		b = append(b, a.Part...)
	}
	if sumOf(b) != sum {
		return nil, fmt.Errorf("%d bytes came, and they are not those that it has", size)
	}
	return b, nil
}
