package shard

import (
	"slices"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/echo"
)

// TestTooFull: another worker is started before the workers are full, judged by how fast
// they fill and how long a start takes; but not for a high rate alone.
func TestTooFull(t *testing.T) {
	const limit = 10_000
	for _, tt := range []struct {
		name string
		open int64
		rate float64
		took time.Duration
		want bool
	}{
		{"empty", 0, 0, time.Second, false},
		{"below four fifths, and nobody comes", 15_999, 0, time.Second, false},
		{"four fifths", 16_000, 0, time.Second, true},
		{"four fifths when it accepts", 11_000, 50_000, 100 * time.Millisecond, true},
		{"not yet", 10_900, 50_000, 100 * time.Millisecond, false},
		{"a start takes longer", 8_000, 50_000, 160 * time.Millisecond, true},
		{"half of what there is may be reckoned with, no more", 5_999, 1e9, time.Minute, false},
		{"that half", 6_000, 1e9, time.Minute, true},
		{"how long a start takes is not known", 15_999, 1e9, 0, false},
	} {
		page := newPage(t, 4)
		s := Supervisor{Page: page, Limit: limit, Most: 4, members: make([]member, 4), startTook: tt.took}
		for i := range 2 {
			page.states[i].exists.Store(1)
			page.Slots[i].State.Store(int32(echo.Ready))
		}
		if got := s.tooFull(tt.open, tt.rate); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

// TestPace: the rate follows a ramp at once, and goes down by halves.
func TestPace(t *testing.T) {
	var p pace
	at := time.Unix(1, 0)
	for i, tt := range []struct {
		after time.Duration
		open  int64
		want  float64
	}{
		{0, 100, 0},
		{100 * time.Millisecond, 1_100, 10_000},
		{time.Millisecond, 5_000, 10_000}, // too soon to say
		{99 * time.Millisecond, 5_100, 40_000},
		{100 * time.Millisecond, 5_100, 20_000},
		{100 * time.Millisecond, 0, 10_000}, // all have left
		{100 * time.Millisecond, 5_000, 50_000},
	} {
		at = at.Add(tt.after)
		if got := p.measure(at, tt.open); int64(got+0.5) != int64(tt.want) {
			t.Errorf("%d: %v a second, want %v", i, got, tt.want)
		}
	}
}

// TestByRoom: a full worker is the last to be told to attach the program.
func TestByRoom(t *testing.T) {
	page := newPage(t, 4)
	s := Supervisor{Page: page, Limit: 100, members: make([]member, 4)}
	for i, open := range []int64{100, 0, 50, 10} {
		page.states[i].exists.Store(1)
		page.Slots[i].State.Store(int32(echo.Ready))
		page.Slots[i].Open.Store(open)
	}
	page.Slots[1].State.Store(int32(echo.Starting))
	if got := s.byRoom(); !slices.Equal(got, []int{3, 2, 0}) {
		t.Errorf("%v", got)
	}
}
