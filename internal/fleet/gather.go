package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
)

// discoverEvery is how often agents are asked who is there.
const discoverEvery = 250 * time.Millisecond

// ErrTooFew is a fleet that did not come together in time.
var ErrTooFew = errors.New("too few agents")

// Gather waits until n agents are there and claims them: whoever answers first.
// One that is restarted takes the place of what it was.
func (l *Lead) Gather(ctx context.Context, n int, wait time.Duration) error {
	inbox, found := l.conn.nc.NewInbox(), make(chan *nats.Msg, 4096)
	sub, err := l.conn.nc.ChanSubscribe(inbox, found)
	if err != nil {
		return fmt.Errorf("look for agents: %w", err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	who, err := micro.ControlSubject(micro.InfoVerb, service, "")
	if err != nil {
		return fmt.Errorf("look for agents: %w", err)
	}
	round := time.NewTicker(discoverEvery)
	defer round.Stop()
	over := time.NewTimer(wait)
	defer over.Stop()
	for {
		_ = l.conn.nc.PublishRequest(who, inbox, nil) // again with the next round
		for asked := true; asked; {
			select {
			case msg := <-found:
				l.meet(ctx, msg.Data, n)
			case <-round.C:
				asked = false
			case <-over.C:
				return l.tooFew(n, wait)
			case <-ctx.Done():
				return ctx.Err()
			}
			if l.complete(n) {
				return nil
			}
		}
		l.dropLost()
	}
}

// complete fixes the order of the members once there are n.
func (l *Lead) complete(n int) bool {
	l.dropLost()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.members) < n {
		return false
	}
	l.order = sorted(l.members)
	seen := map[string]int{}
	for _, m := range l.order {
		m.label = m.name
		if seen[m.name]++; seen[m.name] > 1 {
			m.label = fmt.Sprintf("%s#%d", m.name, seen[m.name])
		}
	}
	return true
}

// dropLost forgets agents that have gone before there was a run.
func (l *Lead) dropLost() {
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.DeleteFunc(l.members, func(_ string, m *member) bool { return m.lost != "" })
}

// meet claims an agent that answered, if it is wanted.
func (l *Lead) meet(ctx context.Context, data []byte, n int) {
	a, err := decodeAbout(data)
	if err != nil {
		return
	}
	l.mu.Lock()
	known, refused, full := l.members[a.ID] != nil, l.refused[a.ID], len(l.members) >= n
	if full && !known {
		l.spare[a.ID] = a.Name
	}
	l.mu.Unlock()
	switch {
	case known || refused || full:
	case a.Wire != Wire:
		l.turnAway(ctx, a)
	default:
		l.claim(ctx, a)
	}
}

// turnAway says to both sides why an agent is not taken.
func (l *Lead) turnAway(ctx context.Context, a about) {
	why := otherVersion(a.Wire, Wire)
	l.mu.Lock()
	l.refused[a.ID] = true
	l.mu.Unlock()
	l.Notice(Notice{Kind: NoticeRefused, Agent: a.Name, Text: why})
	if b, err := json.Marshal(order{Run: l.run, Why: why}); err == nil {
		_, _ = l.request(ctx, agentSubject(a.ID, "refuse"), b, askTime) // it may not understand even that
	}
}

func (l *Lead) claim(ctx context.Context, a about) {
	b, err := json.Marshal(claim{Run: l.run, Lead: l.Name, Wire: Wire})
	if err != nil {
		return
	}
	// Known before it is claimed, so that its first state is heard.
	m := &member{identity: identity{a.ID, a.Name, a.Commit, a.Boot, a.Net}, label: a.Name, heard: time.Now(),
		opened: map[string]bool{}}
	l.mu.Lock()
	l.members[a.ID] = m
	l.mu.Unlock()
	got, err := l.request(ctx, agentSubject(a.ID, "claim"), b, askTime)
	if err == nil && got.Error == "" && got.Busy == "" {
		l.mu.Lock()
		delete(l.busy, a.ID)
		l.changes()
		l.mu.Unlock()
		return
	}
	l.mu.Lock()
	delete(l.members, a.ID)
	said := l.busy[a.ID] != ""
	if got.Busy != "" {
		l.busy[a.ID] = a.Name + ": " + got.Busy
	}
	l.refused[a.ID] = got.Error != ""
	l.mu.Unlock()
	switch {
	case got.Error != "":
		l.Notice(Notice{Kind: NoticeRefused, Agent: a.Name, Text: got.Error})
	case got.Busy != "" && !said:
		l.Notice(Notice{Kind: NoticeBusy, Agent: a.Name, Text: got.Busy})
	}
}

// tooFew says who came and who did not.
func (l *Lead) tooFew(n int, wait time.Duration) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	said := "nobody is there"
	if names := l.names(); len(names) > 0 {
		said = "there: " + strings.Join(names, ", ")
	}
	if len(l.busy) > 0 {
		said += "; " + strings.Join(slices.Sorted(maps.Values(l.busy)), ", ")
	}
	return fmt.Errorf("%w: %d of %d within %v (%s)", ErrTooFew, len(l.members), n, wait, said)
}

// names are the members', in order; the lock is held.
func (l *Lead) names() (names []string) {
	for _, m := range sorted(l.members) {
		names = append(names, m.label)
	}
	return names
}
