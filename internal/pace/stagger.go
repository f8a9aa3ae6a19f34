package pace

import (
	"math/bits"
	"sort"
	"time"
)

// Stagger is when each of N members sends, once in every interval: spread evenly,
// so that a million members that send every 30 s do not send in one second. It
// keeps nothing: each moment follows from the member, the round and the time since
// the beginning.
//
// The members of an interval have N places in it. With a Jitter the places move
// from round to round, each by less than that share of the interval, so that the
// waits of a member vary by as much either way and the load stays even.
type Stagger struct {
	Interval time.Duration
	N        int64
	Jitter   float64 // 0..1
	// Part of Parts that send in the same interval: their places lie between each
	// other's.
	Part, Parts int64
}

// block is within how many places a member moves.
func (s Stagger) block() int64 { return max(1, int64(s.Jitter*float64(s.N))) }

// turn is by how many places the members of a block of width places are moved in
// a round.
func turn(first, width, round int64) int64 {
	if width < 2 {
		return 0
	}
	return int64(scatter(first, round) % uint64(width))
}

// Place is a member's place in a round, 0..N-1.
func (s Stagger) Place(member, round int64) int64 {
	first, width := s.around(member)
	return first + (member-first+turn(first, width, round))%width
}

// Member is who has a place in a round.
func (s Stagger) Member(place, round int64) int64 {
	first, width := s.around(place)
	return first + (place-first+width-turn(first, width, round))%width
}

// around is the block that a place, or a member, is in.
func (s Stagger) around(at int64) (first, width int64) {
	block := s.block()
	first = at / block * block
	return first, min(block, s.N-first)
}

// At is when a place of a round comes, from the beginning on. Within a round each
// place comes later than the one before it.
func (s Stagger) At(place, round int64) time.Duration {
	parts := max(1, s.Parts)
	// In 128 bits: an hour of nanoseconds times a million members.
	high, low := bits.Mul64(uint64(s.Interval), uint64(place*parts+s.Part))
	in, _ := bits.Div64(high, low, uint64(s.N*parts))
	if s.Jitter > 0 { // within its place, too: few members have wide ones
		width := float64(s.Interval) / float64(s.N*parts) * min(1, s.Jitter*float64(s.N))
		in += uint64(width * float64(scatter(place, ^round)>>11) / (1 << 53))
	}
	return time.Duration(in) + s.Interval*time.Duration(round)
}

// Before is how many places, over all rounds, come before t.
func (s Stagger) Before(t time.Duration) int64 {
	if t <= 0 {
		return 0
	}
	round := int64(t / s.Interval)
	return round*s.N + int64(sort.Search(int(s.N), func(place int) bool { return s.At(int64(place), round) >= t }))
}

// Due is how many sends of a member come before t.
func (s Stagger) Due(member int64, t time.Duration) int64 {
	if t <= 0 {
		return 0
	}
	round := int64(t / s.Interval)
	if s.At(s.Place(member, round), round) < t {
		round++
	}
	return round
}

// scatter is 64 bits that differ from one pair to the next (splitmix64).
func scatter(a, b int64) uint64 {
	z := uint64(a)*0x9E3779B97F4A7C15 + uint64(b)*0xBF58476D1CE4E5B9
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}
