package loadgen

import (
	"sync"
	"testing"
)

// arrival is that a connection has a message.
type arrival struct {
	conn int
	says uint64
	at   uint32 // microseconds
}

// TestBroadcasts: what many connections have in common is found, be it something else
// each time or always the same, and whoever comes late.
func TestBroadcasts(t *testing.T) {
	const conns = 100
	const ms = 1000
	everybody := func(says uint64, at, apart uint32) (all []arrival) {
		for i := range conns {
			all = append(all, arrival{i, says, at + uint32(i)*apart})
		}
		return all
	}
	join := func(lists ...[]arrival) (all []arrival) {
		for _, l := range lists {
			all = append(all, l...)
		}
		return all
	}
	for _, tt := range []struct {
		name         string
		arrivals     []arrival
		broadcasts   int64
		fewest, most int64
		longest      int64 // of the whole, microseconds
	}{
		{"one", everybody(1, 0, 10), 1, conns, conns, 990},
		{"others", join(everybody(1, 0, 10), everybody(2, ms, 20)), 2, conns, conns, 1980},
		{"the same each second", join(everybody(1, 0, 10), everybody(1, 1000*ms, 10), everybody(1, 2000*ms, 10)), 3,
			conns, conns, 990},
		{"the same with something else between",
			join(everybody(1, 0, 10), everybody(2, 500*ms, 10), everybody(1, 1000*ms, 10), everybody(2, 1500*ms, 10)),
			4, conns, conns, 990},
		{"each something else", func() (all []arrival) {
			for i := range 10_000 {
				all = append(all, arrival{i % conns, uint64(i), uint32(i)})
			}
			return all
		}(), 0, 0, 0, 0},
		{"one repeats itself", []arrival{{1, 7, 0}, {1, 7, ms}, {1, 7, 2 * ms}}, 0, 0, 0, 0},
		{"again after long", join(everybody(1, 0, 10), everybody(2, ms, 0), everybody(3, ms, 0), everybody(4, ms, 0),
			everybody(5, ms, 0),
			everybody(1, 60_000*ms, 10)), 6, conns, conns, 990},
		{"who comes first and is new opens the next", join(everybody(1, 0, 10), everybody(1, 1000*ms, 10),
			[]arrival{{conns, 1, 2000 * ms}}, everybody(1, 2000*ms, 10)), 3, conns, conns + 1, 990},
		{"late", join(everybody(1, 0, 10), everybody(1, 1000*ms, 10)[:conns-1], []arrival{{conns - 1, 1, 1900 * ms}},
			everybody(1, 2000*ms, 10)),
			3, conns, conns, 900 * ms},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBroadcasts()
			had := make([][2]uint32, conns+1)
			for _, a := range tt.arrivals {
				b.heard(&had[a.conn], (a.says+1)*0x9E3779B97F4A7C15, a.at)
			}
			got := b.sum()
			if tt.broadcasts == 0 {
				if got != nil {
					t.Errorf("%+v, want none", *got)
				}
				return
			}
			if got == nil {
				t.Fatal("found none")
			}
			if got.Broadcasts != tt.broadcasts || got.Fewest != tt.fewest || got.Most != tt.most ||
				got.Median != conns {
				t.Errorf("%+v", *got)
			}
			if longest := got.Whole.Quantiles().Max; longest != tt.longest*1000 {
				t.Errorf("the longest took %d ns, want %d us", longest, tt.longest)
			}
		})
	}
}

// Threads that hear the same at once lose nothing of it.
func TestBroadcastsOfThreads(t *testing.T) {
	const threads, conns, turns = 8, 500, 20
	b := newBroadcasts()
	var all sync.WaitGroup
	had := make([][2]uint32, threads*conns)
	for turn := range uint64(turns) {
		for n := range threads {
			all.Go(func() {
				for i := range conns {
					b.heard(&had[n*conns+i], turn<<20+7, uint32(turn*1000))
				}
			})
		}
		all.Wait()
	}
	if got := b.sum(); got == nil || got.Broadcasts != turns || got.Fewest != threads*conns ||
		got.Most != threads*conns {
		t.Errorf("%+v", got)
	}
}

func BenchmarkBroadcasts(b *testing.B) {
	casts := newBroadcasts()
	had := make([][2]uint32, 1000)
	for i := range b.N {
		casts.heard(&had[i%1000], uint64(i/1000)*0x9E3779B97F4A7C15, uint32(i))
	}
}
