package fleet

import (
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// Member is an agent of the fleet as it can be shown.
type Member struct {
	ID, Name, Commit, Boot string
	Net                    uint64
	Phase, Gate            string
	Plan, Sample           json.RawMessage
	Ended                  bool
	Error                  string        // of its part
	Lost                   string        // why; "" is alive
	Silent                 time.Duration // since it was last heard
	Offset, Within, Drift  time.Duration // of its clock, how exactly, and how it moved
}

func (m *member) view() Member {
	return Member{ID: m.id, Name: m.label, Commit: m.commit, Boot: m.boot, Net: m.net,
		Phase: m.state.Phase, Gate: m.standing(), Plan: m.state.Plan, Sample: m.state.Sample, Ended: m.state.Ended,
		Error: m.state.Error, Lost: m.lost, Silent: time.Since(m.heard),
		Offset: m.clock.Offset, Within: m.clock.Within, Drift: m.drift()}
}

// View is where a fleet stands.
type View struct {
	Members []Member // in their order
	Waiting []string // for whom those that stand at a gate wait
	Spare   []string // agents that are there and not wanted
}

// View is a copy of this moment.
func (l *Lead) View() (v View) {
	l.mu.Lock()
	defer l.mu.Unlock()
	members := l.order
	if members == nil {
		members = sorted(l.members)
	}
	for _, m := range members {
		v.Members = append(v.Members, m.view())
	}
	if gate, waited, _ := l.stand(); gate != "" {
		for _, m := range waited {
			v.Waiting = append(v.Waiting, m.label)
		}
	}
	v.Spare = slices.Sorted(maps.Values(l.spare))
	return v
}
