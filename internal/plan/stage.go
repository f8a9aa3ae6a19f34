package plan

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/c10m/c10m/internal/unit"
)

// Stage is one step of a load that moves: a way up or down to a number of
// connections, or a time in which what is open is held.
type Stage struct {
	Conns int64         `json:"conns"`          // how many are to be open at its end
	Rate  unit.Rate     `json:"rate,omitempty"` // opened or closed per second; absent: as fast as possible
	Hold  time.Duration `json:"hold,omitempty"` // absent: a way up or down
}

// maxStages bounds a list that somebody wrote with a loop.
const maxStages = 1000

// MaxHold is the longest time that a run, or a stage of one, may hold.
const MaxHold = 1000 * time.Hour

// stageForms are what a stage may look like, for errors.
const stageForms = "want N@RATE, like 100k@5k/s or 0@max, or hold=TIME, like hold=2m"

// Moves says whether connections are opened or closed in the stage.
func (s Stage) Moves() bool { return s.Hold == 0 }

// String writes a stage as ParseStage reads it.
func (s Stage) String() string {
	if !s.Moves() {
		hold := unit.Duration(s.Hold)
		return "hold=" + hold.String()
	}
	return fmt.Sprintf("%d@%s", s.Conns, s.Rate.String())
}

// ParseStage reads a stage: N@RATE or hold=TIME. How many are open in a hold is
// said by the stage before it: see Stages.
func ParseStage(text string) (s Stage, err error) {
	if hold, is := strings.CutPrefix(text, "hold="); is {
		s.Hold, err = unit.ParseDuration(hold)
		if err == nil && (s.Hold < time.Millisecond || s.Hold > MaxHold) {
			err = fmt.Errorf("%q: the legal range is 1ms..1000h", hold)
		}
		return s, err
	}
	conns, rate, is := strings.Cut(text, "@")
	if !is {
		return s, errors.New(stageForms)
	}
	if s.Conns, err = unit.ParseCount(conns); err != nil {
		return s, fmt.Errorf("%w; %s", err, stageForms)
	}
	if err = s.Rate.Set(rate); err != nil {
		return s, err
	}
	return s, nil
}

// Stages reads a list of stages, and says in each hold how many connections it
// holds. A list that opens nothing is refused, and one that begins with a hold; a way
// to as many as are open is taken, as a small share of a way may come to that.
func Stages(texts []string) (list []Stage, err error) {
	if len(texts) > maxStages {
		return nil, fmt.Errorf("%d stages: the legal range is 1..%d", len(texts), maxStages)
	}
	at := int64(0)
	for i, text := range texts {
		s, err := ParseStage(text)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%q: %w", text, err)
		case i == 0 && !s.Moves():
			return nil, fmt.Errorf("%q: nothing is open yet: begin with N@RATE", text)
		case s.Moves():
			at = s.Conns
		}
		s.Conns = at
		list = append(list, s)
	}
	if len(list) > 0 && Most(list) == 0 {
		return nil, fmt.Errorf("%q: nothing is ever opened: give a stage N@RATE with an N above 0", texts[0])
	}
	return list, nil
}

// Most is the most connections of all stages.
func Most(stages []Stage) (n int64) {
	for _, s := range stages {
		n = max(n, s.Conns)
	}
	return n
}

// Deal is what part k gets of n things that are dealt one by one to parts in turn,
// where a part that has its size is passed over. As n grows by one, exactly one
// part gets one more; dealt to the end, each has its size.
func Deal(k int, n int64, sizes []int64) int64 {
	level := int64(0) // of every part that is not full
	for {
		parts, next := int64(0), int64(math.MaxInt64)
		for _, size := range sizes {
			if size > level {
				parts++
				next = min(next, size)
			}
		}
		if parts == 0 || sizes[k] <= level {
			return min(sizes[k], level)
		}
		if rounds := n / parts; rounds < next-level {
			return level + rounds + min(1, max(0, n%parts-before(k, level, sizes)))
		}
		n -= parts * (next - level)
		level = next
	}
}

// before is how many parts get something before part k does, of those that are not
// full at a level.
func before(k int, level int64, sizes []int64) (n int64) {
	for _, size := range sizes[:k] {
		if size > level {
			n++
		}
	}
	return n
}

// splitStages gives each part its share of each stage's connections, and of its
// rate.
func (p *Plan) splitStages(parts []Plan) {
	sizes := make([]int64, len(parts))
	for k := range parts {
		sizes[k] = parts[k].Conns
	}
	for k := range parts {
		parts[k].Stages = slices.Clone(p.Stages)
		for i, s := range p.Stages {
			parts[k].Stages[i].Conns = Deal(k, s.Conns, sizes)
			parts[k].Stages[i].Rate = s.Rate / unit.Rate(len(parts))
		}
	}
}
