package pace

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// Nobody sends with everybody: in each hundredth of an interval there are a
// hundredth of the sends, over all parts, whatever the jitter; and each member
// waits as long as it should.
func TestStagger(t *testing.T) {
	const interval = 30 * time.Second
	for _, tt := range []struct {
		n, parts int64
		jitter   float64
	}{{1000, 1, 0}, {1000, 3, 0}, {1000, 3, 0.2}, {1000, 1, 1}, {7, 2, 0.5}, {1, 1, 0.2}, {1, 1, 0}, {3, 5, 0.01},
		{999, 1, 0.3}} {
		t.Run(fmt.Sprint(tt), func(t *testing.T) {
			var sent []time.Duration
			for part := range tt.parts {
				s := Stagger{Interval: interval, N: tt.n, Jitter: tt.jitter, Part: part, Parts: tt.parts}
				last := time.Duration(-1)
				moved := false
				for round := range int64(10) {
					for place := range tt.n {
						at := s.At(place, round)
						member := s.Member(place, round)
						if at <= last || at < interval*time.Duration(round) || at >= interval*time.Duration(round+1) {
							t.Fatalf("place %d of round %d comes at %v, the one before at %v", place, round, at, last)
						}
						if member < 0 || member >= tt.n || s.Place(member, round) != place {
							t.Fatalf("place %d of round %d is of member %d, whose place is %d", place, round, member,
								s.Place(member, round))
						}
						if due := s.Due(member, at); due != round || s.Due(member, at+1) != round+1 {
							t.Fatalf("member %d: %d due before %v, want %d", member, due, at, round)
						}
						if before := s.Before(at); before != round*tt.n+place || s.Before(at+1) != before+1 {
							t.Fatalf("%d places come before place %d of round %d", before, place, round)
						}
						last, sent = at, append(sent, at)
					}
				}
				for member := range tt.n {
					for round := range int64(9) {
						wait := s.At(s.Place(member, round+1), round+1) - s.At(s.Place(member, round), round)
						slack := time.Duration(tt.jitter * float64(interval))
						if off := wait - interval; off.Abs() > slack {
							t.Fatalf("member %d waits %v, want %v and %v more or less", member, wait, interval, slack)
						} else if off.Abs() > slack/20 {
							moved = true
						}
					}
				}
				if moved != (tt.jitter > 0) {
					t.Errorf("jitter %v: do the waits differ? %v", tt.jitter, moved)
				}
			}
			slices.Sort(sent)
			for i := range sent {
				window, _ := slices.BinarySearch(sent, sent[i]+interval/100)
				if most := 1 + tt.parts + (tt.n*tt.parts+99)/100; int64(window-i) > most {
					t.Fatalf("%d sends within a hundredth of the interval after %v, want %d at most", window-i, sent[i],
						most)
				}
			}
		})
	}
}

// A million members for a thousand hours: nothing overflows.
func TestStaggerIsWide(t *testing.T) {
	s := Stagger{Interval: time.Hour, N: 1 << 24, Part: 4095, Parts: 4096}
	if at := s.At(s.N-1, 1000); at <= 1000*time.Hour || at >= 1001*time.Hour {
		t.Errorf("the last place comes at %v", at)
	}
	if s.Due(0, 0) != 0 || s.Due(0, -time.Second) != 0 {
		t.Error("something is due before the beginning")
	}
}
