package proc

import "time"

// Sampler decides when to take the next sample of a ramp: no more often than
// Every, and so seldom that sampling takes at most Share of one core. It keeps
// fewer than Keep samples by dropping every second one when full.
type Sampler struct {
	Every time.Duration
	Share float64 // 0..1
	Keep  int
	Taken []Snapshot
	next  time.Time
}

const (
	// maxPause keeps a ramp on a busy machine, where a sample takes long by the
	// clock because it has to wait, from going unseen; until enough samples make
	// a fit.
	maxPause = 2 * time.Second
	// sampleEvery is the least time between two samples, as long as few are kept.
	sampleEvery = 500 * time.Millisecond
	enough      = 16
)

// NewSampler samples twice a second at most, at 1 % of a core, 240 samples kept.
func NewSampler() *Sampler { return &Sampler{Every: sampleEvery, Share: 0.01, Keep: 240} }

// Due says whether it is time for a sample.
func (s *Sampler) Due(now time.Time) bool { return !now.Before(s.next) }

// Add keeps a sample that took cost to take.
func (s *Sampler) Add(now time.Time, cost time.Duration, snap Snapshot) {
	pause := time.Duration(float64(cost) / s.Share)
	if len(s.Taken) < enough {
		pause = min(pause, maxPause)
	}
	s.next = now.Add(max(s.Every, pause))
	s.Taken = append(s.Taken, snap)
	if len(s.Taken) < s.Keep {
		return
	}
	half := s.Taken[:0]
	for i := 0; i < len(s.Taken); i += 2 {
		half = append(half, s.Taken[i])
	}
	clear(s.Taken[len(half):]) // or what they point to is kept as well
	s.Taken = half
	s.Every *= 2
}
