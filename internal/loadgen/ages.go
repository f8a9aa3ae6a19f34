package loadgen

import (
	"math/bits"
	"time"
)

// Ages is a coarse histogram of durations with logarithmic rows: eight to each
// doubling, so a row is at most an eighth as wide as its lower bound. The zero
// value is ready.
type Ages struct {
	Unknown int64 // of runs longer than the clock of a connection counts
	// First and Last are when the first and the last of them were lost.
	First, Last time.Time
	rows        [ageRows]int64
	least       [ageRows]uint32 // of the row, milliseconds
	most        [ageRows]uint32
}

const (
	ageShift = 3                               // rows to a doubling, as a power of two
	ageRows  = (32 - ageShift + 1) << ageShift // of 32 bits of milliseconds
)

// ageRow is the row of an age: the position of its highest bit, and the three
// bits that follow.
func ageRow(ms uint32) int {
	if ms < 1<<ageShift {
		return int(ms)
	}
	shift := bits.Len32(ms) - 1 - ageShift
	return (shift+1)<<ageShift + int(ms>>shift) - 1<<ageShift
}

// put counts one age.
func (a *Ages) put(ms uint32) {
	row := ageRow(ms)
	if a.rows[row] == 0 || ms < a.least[row] {
		a.least[row] = ms
	}
	a.most[row] = max(a.most[row], ms)
	a.rows[row]++
}

// add merges another histogram.
func (a *Ages) add(b *Ages) {
	a.Unknown += b.Unknown
	if a.First.IsZero() || !b.First.IsZero() && b.First.Before(a.First) {
		a.First = b.First
	}
	if b.Last.After(a.Last) {
		a.Last = b.Last
	}
	for row, n := range b.rows {
		if n == 0 {
			continue
		}
		if a.rows[row] == 0 || b.least[row] < a.least[row] {
			a.least[row] = b.least[row]
		}
		a.most[row] = max(a.most[row], b.most[row])
		a.rows[row] += n
	}
}

// Count is how many ages were counted, the unknown ones too.
func (a *Ages) Count() int64 {
	n := a.Unknown
	for _, in := range a.rows {
		n += in
	}
	return n
}

// Common is the narrowest span that holds the given share of all ages, 0..1, as
// a ratio of its ends. Ages are counted in milliseconds. ok is false if there
// were none, or too many are unknown.
func (a *Ages) Common(share float64) (from, to time.Duration, ok bool) {
	want := max(1, int64(share*float64(a.Count())+0.5))
	narrowest := 0.0
	for first := range a.rows {
		n := int64(0)
		for last := first; last < ageRows && a.rows[first] > 0; last++ {
			if n += a.rows[last]; n < want {
				continue
			}
			if ratio := float64(a.most[last]+1) / float64(a.least[first]+1); !ok || ratio < narrowest {
				narrowest, ok = ratio, true
				from = time.Duration(a.least[first]) * time.Millisecond
				to = time.Duration(a.most[last]) * time.Millisecond
			}
			break
		}
	}
	return from, to, ok
}

// lost counts the age of a connection that its peer, or the network, ended: the
// time since its last message began, or since its connect. The clock of a
// connection wraps around every 71 minutes; once the thread is older, the age is
// unknown.
func (a *Ages) lost(now uint64, since uint32) {
	if a.Last = time.Now(); a.First.IsZero() {
		a.First = a.Last
	}
	if now > 1<<32-1 {
		a.Unknown++
		return
	}
	a.put((uint32(now) - since) / 1000)
}
