package proc

import (
	"testing"
	"time"
)

func TestSamplerPause(t *testing.T) {
	for _, tt := range []struct {
		name  string
		taken int
		cost  time.Duration
		want  time.Duration
	}{
		{"free", 100, 0, 500 * time.Millisecond},
		{"cheap", 100, 2 * time.Millisecond, 500 * time.Millisecond},
		{"1 % of a core", 100, 20 * time.Millisecond, 2 * time.Second},
		{"dear, when there are enough", 100, 300 * time.Millisecond, 30 * time.Second},
		{"dear, when there are not", 3, 300 * time.Millisecond, 2 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := NewSampler()
			s.Taken = make([]Snapshot, tt.taken)
			now := time.Unix(1000, 0)
			if !s.Due(now) {
				t.Error("the first sample is not due")
			}
			s.Add(now, tt.cost, Snapshot{})
			if s.Due(now.Add(tt.want-1)) || !s.Due(now.Add(tt.want)) {
				t.Errorf("next due at %v, want %v later", s.next.Sub(now), tt.want)
			}
		})
	}
}

// TestSamplerKeeps samples for hours of pretended time: what is kept stays
// bounded, begins with the first and is spread evenly over all of it.
func TestSamplerKeeps(t *testing.T) {
	s := NewSampler()
	began := time.Unix(1000, 0)
	now, taken := began, 0
	for ; now.Before(began.Add(3 * time.Hour)); now = now.Add(100 * time.Millisecond) {
		if s.Due(now) {
			s.Add(now, time.Millisecond, Snapshot{T: now.Sub(began).Seconds()})
			taken++
		}
		if len(s.Taken) >= s.Keep {
			t.Fatalf("%d samples kept, want fewer than %d", len(s.Taken), s.Keep)
		}
	}
	if len(s.Taken) < s.Keep/2-1 || s.Taken[0].T != 0 || s.Taken[len(s.Taken)-1].T < 0.95*3*3600 {
		t.Errorf("%d of %d samples kept, from %v s to %v s", len(s.Taken), taken, s.Taken[0].T, s.Taken[len(s.Taken)-1].T)
	}
	step := s.Taken[1].T - s.Taken[0].T
	for i := range s.Taken[1:] {
		if got := s.Taken[i+1].T - s.Taken[i].T; got > 1.1*step || got < 0.9*step {
			t.Errorf("sample %d comes %v s after the one before, want %v s", i+1, got, step)
		}
	}
}
