package scenario

import (
	"math"
	"testing"

	"github.com/c10m/c10m/internal/loadgen"
	"github.com/c10m/c10m/internal/result"
)

// shards is a server's report of its workers: number, process id, connections.
func shards(leaving int, all ...[3]int64) *result.ServerReport {
	r := &result.ServerReport{RecycleAfter: 1000}
	for _, w := range all {
		s := result.Shard{Number: int(w[0]), PID: int(w[1]), Open: w[2], State: "ready"}
		if s.PID == leaving {
			s.State = result.Leaving
		}
		r.Shards = append(r.Shards, s)
	}
	return r
}

// Two recyclings, the second under way at the end: when each began and ended, what the
// worker had, what was lost meanwhile, and what both processes had in memory.
func TestRecyclings(t *testing.T) {
	var now loadgen.Counts
	w := &recyclings{counts: func() loadgen.Counts { return now }}
	two, three := [][3]int64{{0, 70, 9}, {1, 71, 11}}, [][3]int64{{0, 70, 9}, {1, 71, 11}, {2, 72, 0}}
	w.look(1, shards(0, two...))
	w.look(2, shards(0, three...)) // a successor, before anybody leaves
	now = loadgen.Counts{Lost: 5, Failed: 1}
	w.look(3, shards(70, three...))
	now = loadgen.Counts{Lost: 7, Failed: 1}
	w.look(4, shards(70, [3]int64{0, 70, 1}, three[1], three[2]))
	w.look(5, shards(0, three[1], three[2]))
	now = loadgen.Counts{Lost: 9, Failed: 9} // of no recycling
	w.look(6, shards(0, three[1], three[2], [3]int64{0, 73, 0}))
	w.look(7, shards(71, three[1], three[2], [3]int64{0, 73, 0}))

	heat := &result.Heat{Seconds: 2, Bounds: []int64{1000, 2000}, Counts: [][]int64{{100, 0, 0}, {0, 100, 0},
		{50, 50, 0}, {100, 0, 0}}}
	sample := func(t float64, all ...result.WorkerMemory) soakSample {
		return soakSample{t: t, server: math.NaN(), workers: all}
	}
	r := w.outcome([]soakSample{sample(2, result.WorkerMemory{Worker: 0, PID: 70, Bytes: 300}),
		sample(3, result.WorkerMemory{Worker: 0, PID: 70, Bytes: 400}, result.WorkerMemory{Worker: 2, PID: 72, Bytes: 100}),
		sample(6, result.WorkerMemory{Worker: 2, PID: 72, Bytes: 150})}, heat, 0)
	if r == nil || r.Count != 1 || r.Lost != 2 || r.Failed != 0 || len(r.List) != 1 {
		t.Fatalf("%+v, want one that lost 2", r)
	}
	one := r.List[0]
	if one.PID != 70 || one.T != 3 || one.Seconds != 2 || one.Conns != 9 || *one.Before != 400 || *one.After != 100 {
		t.Errorf("%+v", one)
	}
	if *r.P99 != 2000 || *r.RestP99 != 1000 || *one.P99 != 2000 {
		t.Errorf("p99 %d meanwhile and %d else, want 2000 and 1000", *r.P99, *r.RestP99)
	}
	if (&recyclings{}).outcome(nil, nil, 0) != nil {
		t.Error("an outcome of none")
	}
}

// saw is the memory of a server whose workers grow by 5 MiB until one is replaced, at
// first and then every so many seconds, for 600 s; what is left after each grows by so
// much a second.
func saw(first, every, left float64) (*recyclings, []soakSample) {
	w := &recyclings{}
	var all []soakSample
	for at := first; at < 600; at += every {
		w.list = append(w.list, recycling{Recycling: result.Recycling{T: at - 1, Seconds: 1}})
	}
	for i := range 600 {
		at := float64(i)
		all = append(all, soakSample{t: at, server: 20<<20 + left*at + 5*(1<<20)*math.Mod(at-first+every, every)/every})
	}
	return w, all
}

// A saw-tooth is no leak, however its last tooth is cut off; what rises from one trough
// to the next is; and of few recyclings nothing is said.
func TestSawToothIsNoLeak(t *testing.T) {
	for _, tt := range []struct {
		name               string
		first, every, left float64
		want               result.GrowthVerdict
	}{
		{"many teeth", 20, 20, 0, result.Flat},
		{"some", 97, 97, 0, result.Flat},
		{"most of one", 125, 500, 0, result.Undecided},
		{"what recycling leaves grows", 20, 20, 100 << 10, result.Leaks},
		{"that, and too few teeth to tell", 97, 97, 100 << 10, result.Undecided},
	} {
		w, all := saw(tt.first, tt.every, tt.left)
		g := w.judge(all, 0.2)
		if g == nil || g.Verdict != tt.want {
			t.Errorf("%s: %+v, want %s", tt.name, g, tt.want)
		}
	}
	// Without a look at the recyclings the cut saw is taken for a leak.
	_, all := saw(125, 500, 0)
	if g := judge(all, 0.2, notableBytes, func(s soakSample) float64 { return s.server }); g.Verdict != result.Leaks {
		t.Errorf("%+v", g)
	}
	w, all := saw(20, 20, 0)
	r := w.outcome(all, nil, judgedFrom(all, 0.2))
	if r.Troughs != 24 || *r.Trough != 20<<20 || *r.Peak < 24.7*(1<<20) || *r.Peak > 25<<20 {
		t.Errorf("%d troughs at %.0f, peaks at %.0f; want 24, 20 MiB and nearly 25", r.Troughs, *r.Trough, *r.Peak)
	}
}
