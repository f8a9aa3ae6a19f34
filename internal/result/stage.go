package result

import "fmt"

// StageKind is what a stage does.
type StageKind string

// The kinds of stages.
const (
	StageUp   StageKind = "up"
	StageDown StageKind = "down"
	StageHold StageKind = "hold"
)

// Stage is what became of one stage of a plan. Memory is that in use at its end.
type Stage struct {
	Name      string    `json:"name"` // its number, from 1
	Kind      StageKind `json:"kind"`
	Asked     int64     `json:"asked"`   // connections open at its end
	Reached   int64     `json:"reached"` // and as many were
	RateAsked float64   `json:"asked_rate,omitempty"`
	Rate      float64   `json:"rate,omitempty"` // opened and closed per second
	Seconds   float64   `json:"seconds"`
	Failed    int64     `json:"failed,omitempty"`
	Lost      int64     `json:"lost,omitempty"`
	Messages  int64     `json:"messages,omitempty"` // that came back
	Memory    *Used     `json:"memory,omitempty"`
}

// Short says whether fewer connections were open at its end than asked for.
func (s Stage) Short() bool { return s.Reached < s.Asked }

// checkLoad says which number of a stage, of the pings or of packets cannot be.
func (r *Result) checkLoad() error {
	if err := r.Pings.check(); err != nil {
		return err
	}
	if err := r.Packets.check(); err != nil {
		return err
	}
	for _, s := range r.Stages {
		for _, n := range []int64{s.Asked, s.Reached, s.Failed, s.Lost, s.Messages} {
			if err := legal("stage "+s.Name, n); err != nil {
				return err
			}
		}
		if s.Seconds < 0 || s.Rate < 0 || s.RateAsked < 0 {
			return fmt.Errorf("stage %s: a number is negative: seconds %g, rate %g of %g",
				s.Name, s.Seconds, s.Rate, s.RateAsked)
		}
	}
	last := 0.0
	for i, p := range r.Course {
		if p.Conns < 0 || p.Conns > maxNumber || p.T < last {
			return fmt.Errorf("course: point %d (%g s, %d connections) cannot be", i, p.T, p.Conns)
		}
		last = p.T
	}
	return nil
}

// mergeStages adds up the stages of parts, which went through them at the same time.
// Memory is a machine's, not a part's.
func mergeStages(a, b []Stage) []Stage {
	for i := range min(len(a), len(b)) {
		to, s := &a[i], b[i]
		to.Asked, to.Reached, to.RateAsked = to.Asked+s.Asked, to.Reached+s.Reached, to.RateAsked+s.RateAsked
		to.Rate, to.Seconds = to.Rate+s.Rate, max(to.Seconds, s.Seconds)
		to.Failed, to.Lost, to.Messages = to.Failed+s.Failed, to.Lost+s.Lost, to.Messages+s.Messages
		to.Memory = nil
	}
	if len(a) < len(b) {
		a = append(a, b[len(a):]...)
	}
	return a
}
