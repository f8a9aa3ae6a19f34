package loadgen

import (
	"maps"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/c10m/c10m/internal/result"
)

// broadcasts recognizes messages that a server sends to many connections: the same
// bytes, received by several. All threads share it, without a lock where one has been
// recognized, and it takes the same memory however many connections and messages
// there are.
//
// A message that is seen for the first time is only noted: its hash, and when. That
// costs one word, so a server that tells each connection something else makes no
// garbage. If another connection has the same, it is a broadcast, and every further
// arrival is one addition.
//
// Content may come again: "tick", each second. A connection that had it already, has
// the next one, and opens it if nobody has; it remembers the last two contents that it
// had. One that remembers nothing (it is new, or had much else meanwhile) belongs to
// the newest, unless that is older than half of the time between the last two. If the
// same content comes again before all have had it, nobody can tell the two apart: who is
// late counts for the newer one.
type broadcasts struct {
	seen [1 << 15]atomic.Uint64        // the tag of a content, and the clock when it was first had
	cast [1 << 14]atomic.Pointer[cast] // by content

	epoch time.Time // of the clock that all threads have in common

	mu      sync.Mutex
	reached map[int64]int64   // how many broadcasts reached so many connections
	whole   *result.Histogram // from a broadcast's first arrival to its last
}

// cast is one broadcast. Its clocks are that of all threads, in microseconds.
type cast struct {
	content uint64
	turn    uint32 // of this content: 0 is the first
	first   uint32
	period  uint32 // since the turn before; 0: there was none
	last    atomic.Uint32
	reached atomic.Int64 // connections
}

const (
	// castOver is how long nobody has had a broadcast for it to be over: its place may
	// be taken by another, and the same content is another broadcast.
	castOver = 5_000_000
	// mostReaches bounds the different numbers of connections that are kept apart.
	mostReaches = 1 << 12
)

func newBroadcasts() *broadcasts {
	return &broadcasts{epoch: time.Now(), reached: map[int64]int64{}, whole: result.NewHistogram()}
}

// heard counts that a connection has a message. If others had it before, it returns
// how long after the first of them, in microseconds. had is what the connection
// remembers.
func (b *broadcasts) heard(had *[2]uint32, content uint64, now uint32) (after uint32, ok bool) {
	content = (content ^ content>>32) * 0xD6E8FEB86659FD93 // FNV leaves the high bits of short messages alike
	content ^= content >> 32
	tag := uint32(content>>32) | 1<<31 // far from 0
	at := &b.cast[content%uint64(len(b.cast))]
	for {
		c := at.Load()
		if c == nil || c.content != content {
			return b.sight(at, c, had, content, tag, now)
		}
		mine := turnOf(had, tag, c.turn)
		if !c.isNext(mine, now) {
			remember(had, mine, tag, c.turn)
			c.reached.Add(1)
			if c.last.Load() != now {
				c.last.Store(now)
			}
			return later(now, c.first), true
		}
		next := &cast{content: content, turn: c.turn + 1, first: now, period: max(1, later(now, c.first))}
		next.last.Store(now)
		next.reached.Store(1)
		if at.CompareAndSwap(c, next) {
			b.retire(c)
			remember(had, mine, tag, next.turn)
			return 0, false
		}
	}
}

// neverHad is the turn that a connection had which remembers none of a content.
const neverHad = math.MaxUint32

// turnOf is which turn of a content, up to the newest, a connection had last.
func turnOf(had *[2]uint32, tag, newest uint32) uint32 {
	for _, h := range had {
		if h-tag <= newest {
			return h - tag
		}
	}
	return neverHad
}

// remember notes that a connection has a turn of a content, before which it had
// another, and forgets the older of the two contents that it remembers if this is a
// third.
func remember(had *[2]uint32, before, tag, turn uint32) {
	if before == neverHad || had[0] != tag+before {
		had[1] = had[0]
	}
	had[0] = tag + turn
}

// isNext says whether a connection whose last turn of the content was had opens the
// next one.
func (c *cast) isNext(had, now uint32) bool {
	switch {
	case had == c.turn:
		return true
	case c.turn > 0 && had == c.turn-1: // late, however late
		return false
	case c.period > 0:
		return later(now, c.first) > c.period/2
	}
	return later(now, c.last.Load()) > castOver
}

// sight notes a content that is not known as a broadcast: it is one if another
// connection had it before. was is what has its place.
func (b *broadcasts) sight(at *atomic.Pointer[cast], was *cast, had *[2]uint32, content uint64,
	tag, now uint32) (uint32, bool) {
	mine := turnOf(had, tag, 0)
	remember(had, mine, tag, 0)
	first, ok := b.note(content, tag, now, mine == 0)
	if !ok {
		return 0, false
	}
	if was != nil && later(now, was.last.Load()) <= castOver {
		return 0, false // two broadcasts want one place: this one is not told of
	}
	c := &cast{content: content, first: first}
	c.last.Store(now)
	c.reached.Store(2)
	if !at.CompareAndSwap(was, c) {
		if c = at.Load(); c.content != content {
			return 0, false
		}
		c.reached.Add(1)
		return later(now, c.first), true
	}
	b.retire(was)
	return later(now, first), true
}

// note remembers when a content was had, and returns when another connection had it
// before. again: it is this one that had it.
func (b *broadcasts) note(content uint64, tag, now uint32, again bool) (first uint32, ok bool) {
	noted := &b.seen[content%uint64(len(b.seen))]
	for {
		before := noted.Load()
		first = uint32(before)
		if uint32(before>>32) == tag && !again && later(now, first) <= castOver {
			return first, true
		}
		if noted.CompareAndSwap(before, uint64(tag)<<32|uint64(now)) {
			return 0, false
		}
	}
}

// later is how much later now is; threads may read their clocks in another order.
func later(now, then uint32) uint32 {
	if d := now - then; int32(d) >= 0 {
		return d
	}
	return 0
}

// retire keeps what came of a broadcast that is over; c may be nil. One that only one
// connection had was none.
func (b *broadcasts) retire(c *cast) {
	if c == nil || c.reached.Load() < 2 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	n := c.reached.Load()
	if _, known := b.reached[n]; known || len(b.reached) < mostReaches {
		b.reached[n]++
	}
	b.whole.Record(int64(later(c.last.Load(), c.first)) * 1000)
}

// FanOut is what came of the broadcasts.
type FanOut struct {
	Broadcasts           int64
	Fewest, Median, Most int64             // connections that one reached
	Whole                *result.Histogram // from its first arrival to its last
}

// sum is what came of all broadcasts, those that are not over included; nil without
// any. Nobody may hear any more.
func (b *broadcasts) sum() *FanOut {
	for i := range b.cast {
		b.retire(b.cast[i].Swap(nil))
	}
	f := &FanOut{Whole: b.whole}
	reaches := slices.Sorted(maps.Keys(b.reached))
	for _, n := range b.reached {
		f.Broadcasts += n
	}
	if f.Broadcasts == 0 {
		return nil
	}
	f.Fewest, f.Most = reaches[0], reaches[len(reaches)-1]
	for i, left := 0, (f.Broadcasts+1)/2; left > 0; i++ {
		f.Median = reaches[i]
		left -= b.reached[reaches[i]]
	}
	return f
}
