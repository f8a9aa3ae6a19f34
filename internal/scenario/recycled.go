package scenario

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/c10m/c10m/internal/loadgen"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/stat"
)

const (
	// recyclingEvery is how often a server that replaces workers is asked for their
	// states: its counts alone, which cost it nothing. A worker takes a second and more
	// to leave.
	recyclingEvery = 250 * time.Millisecond
	// recyclingsKept is how many are kept one by one.
	recyclingsKept = 200
	// leastTroughs is how many pieces between recyclings a leak must show in: of fewer,
	// the second half alone has too few for a line.
	leastTroughs = 8
)

// recyclings watches a server replace its workers, one at a time.
type recyclings struct {
	counts func() loadgen.Counts // the client's
	list   []recycling
	under  *recycling     // the one under way; nil: none
	before loadgen.Counts // when it began
	seen   map[int]bool   // process ids of workers
	newest int            // the one that was seen last
}

// recycling is one of them, and who takes the place.
type recycling struct {
	result.Recycling
	successor int // its process id
}

func (r *recycling) end() float64 { return r.T + r.Seconds }

// watchRecyclings looks for so long, or until the returned func is called. Nil for a
// server that replaces nobody.
func watchRecyclings(ctx context.Context, m *memoryWatch, long time.Duration, counts func() loadgen.Counts) (
	w *recyclings, stop func()) {
	if !m.recycles {
		return nil, func() {}
	}
	w = &recyclings{counts: counts}
	began := time.Now()
	return w, every(recyclingEvery, func() {
		r, err := m.control.counts(ctx)
		if t := time.Since(began); err == nil && t <= long {
			w.look(t.Seconds(), r)
		}
	})
}

// look takes in what the server says of its workers, t seconds in.
func (w *recyclings) look(t float64, r *result.ServerReport) {
	if w.seen == nil {
		w.seen = map[int]bool{}
	}
	there := false
	for _, s := range r.Shards {
		if s.PID != 0 && !w.seen[s.PID] {
			w.seen[s.PID], w.newest = true, s.PID
		}
		there = there || w.under != nil && s.PID == w.under.PID
	}
	if w.under != nil && !there {
		now, one := w.counts(), w.under
		one.Seconds, one.successor = t-one.T, w.newest
		one.Lost, one.Failed = now.Lost-w.before.Lost, now.Failed-w.before.Failed
		w.list, w.under = append(w.list, *one), nil
	}
	for _, s := range r.Shards {
		if s.State == result.Leaving && w.under == nil {
			w.under = &recycling{Recycling: result.Recycling{Worker: s.Number, PID: s.PID, T: t, Conns: s.Open}}
			w.before = w.counts()
		}
	}
}

// outcome is what they came to; nil if there were none.
func (w *recyclings) outcome(all []soakSample, heat *result.Heat, from float64) *result.Recycled {
	if w == nil || len(w.list) == 0 {
		return nil
	}
	r := &result.Recycled{Count: int64(len(w.list))}
	for i := range w.list {
		one := &w.list[i]
		r.Lost, r.Failed = r.Lost+one.Lost, r.Failed+one.Failed
		one.P99 = p99Of(heat, func(a, b float64) bool { return one.T < b && a < one.end() })
		one.Before, one.After = lastOf(all, one.PID), firstOf(all, one.successor)
		if len(r.List) < recyclingsKept {
			r.List = append(r.List, one.Recycling)
		}
	}
	meanwhile := func(a, b float64) bool {
		return slices.ContainsFunc(w.list, func(one recycling) bool { return one.T < b && a < one.end() })
	}
	r.P99 = p99Of(heat, meanwhile)
	r.RestP99 = p99Of(heat, func(a, b float64) bool { return !meanwhile(a, b) })
	var low, high []float64
	for _, p := range w.pieces(all, from) {
		low, high = append(low, p.low.server), append(high, p.high)
	}
	if r.Troughs = len(low); r.Troughs > 0 {
		trough, peak := stat.Median(low), stat.Median(high)
		r.Trough, r.Peak = &trough, &peak
	}
	return r
}

// piece is the time from the end of one recycling to that of the next.
type piece struct {
	low  soakSample // with the least memory
	high float64    // the most
}

// pieces are those of the samples from a time on. What comes before the first
// recycling is the way up from nothing, and none.
func (w *recyclings) pieces(all []soakSample, from float64) (list []piece) {
	ends := []float64{}
	for _, one := range w.list {
		if one.end() >= from {
			ends = append(ends, one.end())
		}
	}
	at := -1
	for _, s := range all {
		if math.IsNaN(s.server) {
			continue
		}
		begun := at
		for at+1 < len(ends) && ends[at+1] <= s.t {
			at++
		}
		switch {
		case at < 0:
		case at != begun:
			list = append(list, piece{s, s.server})
		default:
			p := &list[len(list)-1]
			if p.high = max(p.high, s.server); s.server < p.low.server {
				p.low = s
			}
		}
	}
	return list
}

// judge is what the server's memory does from one recycling to the next. Growth
// between two is what recycling gives back: only what is left after each can be a
// leak. With too few of them nothing that grows can be told from the way up to the
// next.
func (w *recyclings) judge(all []soakSample, warmUp float64) *result.Growth {
	of := func(s soakSample) float64 { return s.server }
	if w == nil || len(w.list) == 0 {
		return judge(all, warmUp, notableBytes, of)
	}
	var lows []soakSample
	for _, p := range w.pieces(all, judgedFrom(all, warmUp)) {
		lows = append(lows, p.low)
	}
	if g := judgeFrom(lows, 0, leastTroughs, notableBytes, of); g != nil {
		return g
	}
	g := judge(all, warmUp, notableBytes, of)
	if g != nil && g.Verdict != result.Flat {
		g.Verdict = result.Undecided
	}
	return g
}

// p99Of is below what 99 % of the answers were in the pieces of time that are wanted;
// nil if there were none.
func p99Of(h *result.Heat, wanted func(from, to float64) bool) *int64 {
	if h == nil || len(h.Bounds) == 0 {
		return nil
	}
	sum := result.Heat{Seconds: h.Seconds, Bounds: h.Bounds, Counts: [][]int64{make([]int64, len(h.Bounds)+1)}}
	for i, column := range h.Counts {
		if !wanted(float64(i)*h.Seconds, float64(i+1)*h.Seconds) {
			continue
		}
		for row, n := range column {
			sum.Counts[0][row] += n
		}
	}
	p99 := sum.Quantile(0, 0.99)
	if p99 == 0 {
		return nil
	}
	return &p99
}

// lastOf and firstOf are the memory of a process when it was last, or first, seen;
// nil: never.
func lastOf(all []soakSample, pid int) *float64 {
	for _, s := range slices.Backward(all) {
		if v := s.worker(pid); v != nil {
			return v
		}
	}
	return nil
}

func firstOf(all []soakSample, pid int) *float64 {
	for _, s := range all {
		if v := s.worker(pid); v != nil {
			return v
		}
	}
	return nil
}

// worker is the memory of a worker by its process id; nil if it was not there.
func (s soakSample) worker(pid int) *float64 {
	for _, w := range s.workers {
		if w.PID == pid {
			return &w.Bytes
		}
	}
	return nil
}
