package plan

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/c10m/c10m/internal/unit"
)

// Whole is what several agents are to do together.
type Whole struct {
	Conns       unit.Count // or users; auto: all that they hold
	Cap         int64      // the most that auto may take; 0: no cap
	Rate        unit.Rate  // connects per second
	MessageRate unit.Rate
	Verify      int64
	Stages      []Stage
}

// Room is what one agent holds.
type Room struct {
	Agent   string
	Machine string  // its boot id: agents of one machine share what that has; "": not known
	Limits  []Limit // in any order; none: without bound
}

// Share is one agent's part of a Whole. First is the number of its first connection
// among those of all.
type Share struct {
	First       int64
	Conns       int64
	Rate        unit.Rate
	MessageRate unit.Rate
	Verify      int64
	Stages      []Stage
}

// Shares divides a run among agents: as many connections for each, less for an agent
// that holds less, and of everything else as much as of the connections. What cannot
// be held is refused, with the tightest agent and what helps there.
func Shares(w Whole, rooms []Room) ([]Share, error) {
	if len(rooms) == 0 {
		return nil, fmt.Errorf("no agent is there to share the run")
	}
	caps, tightest := capsOf(rooms)
	n, err := w.total(rooms, caps, tightest)
	if err != nil {
		return nil, err
	}
	conns := make([]int64, len(rooms))
	for k := range conns {
		conns[k] = Deal(k, n, caps)
	}
	verify := inProportion(min(w.Verify, n), conns)
	shares, first := make([]Share, len(rooms)), int64(0)
	for k := range shares {
		part := unit.Rate(float64(conns[k]) / float64(n))
		shares[k] = Share{First: first, Conns: conns[k], Rate: w.Rate * part, MessageRate: w.MessageRate * part,
			Verify: verify[k]}
		first += conns[k]
		if shares[k].Stages, err = stagesOf(w.Stages, k, conns, part); err != nil {
			return nil, err
		}
	}
	return shares, nil
}

// stagesOf are agent k's part of each stage.
func stagesOf(all []Stage, k int, conns []int64, part unit.Rate) (own []Stage, err error) {
	at := int64(0)
	for _, s := range all {
		one := Stage{Conns: Deal(k, s.Conns, conns), Rate: s.Rate * part, Hold: s.Hold}
		if s.Moves() && one.Conns == at {
			return nil, fmt.Errorf("stage %s moves too few connections for %d agents to share", s.String(), len(conns))
		}
		at, own = one.Conns, append(own, one)
	}
	return own, nil
}

// Apart is how much later than the one before it each agent begins, so that events at
// a rate that they share come one by one, and not in bursts of one for each agent.
func Apart(rate unit.Rate) time.Duration {
	if rate <= 0 {
		return 0
	}
	return time.Duration(float64(time.Second) / float64(rate))
}

// capsOf is how many connections each agent holds beside the others, and which limit
// says so. A machine's own limits are shared by the agents on it.
func capsOf(rooms []Room) (caps []int64, tightest []Limit) {
	on := map[string]int64{}
	for _, r := range rooms {
		on[r.Machine]++
	}
	for _, r := range rooms {
		least := Limit{Max: math.MaxInt64}
		for _, l := range r.Limits {
			if l.Name == limitServer {
				continue
			}
			if n := on[r.Machine]; n > 1 && r.Machine != "" && l.ofMachine() {
				l.Max /= n
				l.Why += fmt.Sprintf(", shared by %d agents", n)
			}
			if l.Max < least.Max {
				least = l
			}
		}
		caps, tightest = append(caps, least.Max), append(tightest, least)
	}
	return caps, tightest
}

// total is how many connections there will be.
func (w Whole) total(rooms []Room, caps []int64, tightest []Limit) (int64, error) {
	sum := int64(0)
	for _, c := range caps {
		sum = addSaturated(sum, c)
	}
	server, bounded := serverLimit(rooms)
	n := w.Conns.N
	if w.Conns.Auto {
		n = sum
		if bounded {
			n = min(n, server.Max)
		}
		if w.Cap > 0 {
			n = min(n, w.Cap)
		}
	}
	k := slices.Index(caps, slices.Min(caps))
	switch {
	case n == math.MaxInt64:
		return 0, fmt.Errorf("--conns auto: no agent says what it holds: give a number")
	case bounded && n > server.Max:
		return 0, fmt.Errorf("--conns %d: the server takes %s: %s; %s", n, unit.Commas(server.Max), server.Why,
			server.Cure)
	case n > sum || caps[k] < 1:
		l := tightest[k]
		return 0, fmt.Errorf("--conns %s: %d agents hold %s; the tightest is %s with %s: %s: %s; %s",
			w.Conns.String(), len(rooms), unit.Commas(sum), rooms[k].Agent, unit.Commas(l.Max), l.Name, l.Why, l.Cure)
	case n < int64(len(rooms)):
		return 0, fmt.Errorf("--conns %d: %d agents want at least one each", n, len(rooms))
	}
	return n, nil
}

// serverLimit is what the server takes of all agents together, by whoever asked it.
func serverLimit(rooms []Room) (least Limit, bounded bool) {
	for _, r := range rooms {
		for _, l := range r.Limits {
			if l.Name == limitServer && (!bounded || l.Max < least.Max) {
				least, bounded = l, true
			}
		}
	}
	return least, bounded
}

// inProportion divides n by weights, which are not all 0: each gets what it is due,
// rounded down, and those with the largest remainders one more.
func inProportion(n int64, weights []int64) []int64 {
	sum := 0.0
	for _, w := range weights {
		sum += float64(w)
	}
	parts, order := make([]int64, len(weights)), make([]int, len(weights))
	rest, left := make([]float64, len(weights)), n
	for k, w := range weights {
		due := float64(n) * float64(w) / sum
		parts[k], order[k] = int64(due), k
		rest[k] = due - float64(parts[k])
		left -= parts[k]
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(rest[b], rest[a]) })
	for i := int64(0); i < left; i++ {
		parts[order[int(i)%len(order)]]++
	}
	return parts
}

func addSaturated(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
