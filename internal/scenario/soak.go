package scenario

import (
	"context"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/c10m/c10m/internal/loadgen"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/stat"
	"github.com/c10m/c10m/internal/sys"
)

// SoakOptions are a constant load for a long time.
type SoakOptions struct {
	ChurnOptions
	Every  time.Duration // between two samples of memory
	WarmUp float64       // the share of the time that is not judged: heaps and caches fill
}

const (
	// soakBlocks is how many means are made of the samples before a slope is fitted: a
	// heap grows and shrinks with each garbage collection, so samples within one cycle
	// are not independent.
	soakBlocks = 20
	// soakSeries is how many of the samples are kept with the result.
	soakSeries = 200
	// soakWorkers is how many workers a sample is kept of one by one; of more, only what
	// they have together.
	soakWorkers = 16
	// loadHeld is the share of tries that may fail in a run that is judged: how a
	// server behaves without its load is another question.
	loadHeld = 0.01
	// notableShare is how much a server must have grown, relative to what it has, to
	// be called leaking, and notableBytes the least in bytes: less is normal variation
	// of a heap.
	notableShare = 0.02
	notableBytes = 2 << 20
	// notableFDs is the same for file descriptors and sockets.
	notableFDs = 20
)

// soakSample is one sample; NaN is what is not known.
type soakSample struct {
	t              float64               // seconds
	server, kernel float64               // memory, bytes
	fds            float64               // that the server's processes hold
	closeWait      float64               // sockets of the server that the client has closed and the server has not
	workers        []result.WorkerMemory // of a server that replaces them
}

// Soak keeps up a load and watches whether memory grows with time, for which there
// is no reason.
func Soak(ctx context.Context, o SoakOptions, fp proc.FS, watch Watch) (*result.Result, error) {
	m := newMemoryWatch(ctx, o.Options, fp)
	if o.Every == 0 {
		o.Every = max(time.Second, o.Hold/300)
	}
	began := time.Now()
	var all []soakSample
	stop := every(o.Every, func() {
		if t := time.Since(began); t <= o.Hold { // what is given back at the end is no trend
			all = append(all, m.sample(ctx, t.Seconds()))
		}
	})
	var counts atomic.Pointer[loadgen.Counts] // as of when progress was last told
	counts.Store(&loadgen.Counts{})
	recycled, stopRecycled := watchRecyclings(ctx, m, o.Hold, func() loadgen.Counts { return *counts.Load() })
	c, seen, pieces, err := runChurn(ctx, o.ChurnOptions, fp, func(p Progress) {
		counts.Store(&p.Counts)
		watch(p)
	})
	stopRecycled()
	stop()
	if err != nil {
		return nil, err
	}
	r := c.res
	settleFindings(seen, r, c.Plan.Local, pieces)
	r.Soak = soakOutcome(r, &o, all, recycled)
	r.Leak = r.Soak.LoadHeld && soakLeaks(r.Soak)
	r.Warnings = append(c.Warnings, m.warnings...)
	return r, nil
}

// sample takes one sample. Kernel memory is that of the slab caches that sockets
// live in; if only the machine's total could be read, it is not known.
func (m *memoryWatch) sample(ctx context.Context, t float64) soakSample {
	s := soakSample{t: t, server: math.NaN(), kernel: math.NaN(), fds: math.NaN(), closeWait: math.NaN()}
	if r := m.report(ctx); r != nil && r.Memory != nil {
		s.server = float64(r.Memory.Grown())
		if m.recycles {
			s.workers = m.workers(r)
		}
	}
	if k, err := m.fp.Kernel(); err == nil && k.Method == proc.MethodSlab {
		s.kernel = float64(k.Bytes)
	}
	for i, pid := range m.pids {
		f, err := m.fp.FDs(pid)
		if err != nil || f.Open < 0 {
			s.fds = math.NaN()
			break
		}
		if i == 0 {
			s.fds = 0
		}
		s.fds += float64(f.Open)
	}
	n := 0.0
	err := sys.TCPSockets(func(i sys.SockInfo) bool {
		if m.ports.has(i.Local) {
			n++
		}
		return true
	}, sys.CloseWait)
	if err == nil && m.sameNet {
		s.closeWait = n
	}
	return s
}

// soakOutcome judges every series of a soak; recycled is nil for a server that
// replaces no workers.
func soakOutcome(r *result.Result, o *SoakOptions, all []soakSample, recycled *recyclings) *result.Soak {
	s := &result.Soak{LoadHeld: r.Conns.Established >= r.Plan.Conns && r.Echo.Received > 0 &&
		r.ErrorShare(o.Users) < loadHeld}
	s.Server = recycled.judge(all, o.WarmUp)
	s.Recycled = recycled.outcome(all, r.Heat, judgedFrom(all, o.WarmUp))
	s.Kernel = judge(all, o.WarmUp, notableBytes, func(s soakSample) float64 { return s.kernel })
	s.FDs = judge(all, o.WarmUp, notableFDs, func(s soakSample) float64 { return s.fds })
	s.CloseWait = judge(all, o.WarmUp, notableFDs, func(s soakSample) float64 { return s.closeWait })
	if g := s.Kernel; g != nil && g.Seconds < 2*timeWaitFor && g.Verdict == result.Leaks {
		// It may be the first TIME_WAIT sockets: only after timeWaitFor do as many
		// end as begin.
		g.Verdict = result.Undecided
	}
	conns := 0.0 // a second
	if r.Conns.Established > r.Plan.Conns && r.Echo.Seconds > 0 {
		conns = float64(r.Conns.Established) / r.Echo.Seconds
	}
	for _, g := range []*result.Growth{s.Server, s.Kernel, s.FDs, s.CloseWait} {
		if g != nil {
			g.PerTransaction, g.PerConn = perEvent(g.PerHour, r.Echo.Rate), perEvent(g.PerHour, conns)
		}
	}
	if g := s.Server; g != nil {
		s.GrowthBytesPerHour, s.GrowthLow, s.GrowthHigh = &g.PerHour, &g.Low, &g.High
	}
	s.Series = soakSeriesOf(all)
	return s
}

// perEvent turns growth per hour into growth per event, at so many events a
// second.
func perEvent(perHour, rate float64) *float64 {
	if rate <= 0 {
		return nil
	}
	each := perHour / 3600 / rate
	return &each
}

// soakLeaks says whether anything that a soak looks at leaks.
func soakLeaks(s *result.Soak) bool {
	return slices.ContainsFunc([]*result.Growth{s.Server, s.Kernel, s.FDs, s.CloseWait}, func(g *result.Growth) bool {
		return g != nil && g.Verdict == result.Leaks
	})
}

// judge fits a line to the samples after the warm-up, and another to the second
// half of them: growth that slows down is a heap finding its size, and a leak goes
// on at its rate. The second line is much less certain than the first, so it must
// be well below it for the growth to count as settled; the figures are then those
// of the second half. Growth below least, or below notableShare, may be normal
// variation of a heap: too little to tell. Fewer samples than blocks never make a
// leak. Nil if too few are known for a line.
func judge(all []soakSample, warmUp, least float64, of func(soakSample) float64) *result.Growth {
	return judgeFrom(all, judgedFrom(all, warmUp), soakBlocks, least, of)
}

// judgedFrom is when the warm-up is over.
func judgedFrom(all []soakSample, warmUp float64) float64 {
	if len(all) == 0 {
		return 0
	}
	return all[len(all)-1].t * warmUp
}

// judgeFrom is judge from a time on; enough is how many samples a leak must show in.
func judgeFrom(all []soakSample, from float64, enough int, least float64, of func(soakSample) float64) *result.Growth {
	var xs, ys []float64
	for _, s := range all {
		if y := of(s); s.t >= from && !math.IsNaN(y) {
			xs, ys = append(xs, s.t), append(ys, y)
		}
	}
	bx, by := stat.Blocks(xs, ys, soakBlocks)
	b, low, high, ok := stat.Slope(bx, by)
	if !ok {
		return nil
	}
	const hour = 3600
	few := len(xs) < enough
	g := &result.Growth{Verdict: result.Flat, PerHour: b * hour, Low: low * hour, High: high * hour,
		Last: by[len(by)-1], Seconds: xs[len(xs)-1] - xs[0]}
	if low <= 0 {
		return g
	}
	if grew := b * g.Seconds; grew < least || grew < notableShare*g.Last {
		g.Verdict = result.TooLittle
		return g
	}
	half := len(bx) / 2
	late, lateLow, lateHigh, ok := stat.Slope(bx[half:], by[half:])
	switch {
	case ok && lateHigh < b/2:
		g.Verdict, g.PerHour, g.Low, g.High, g.Seconds = result.Settled, late*hour, lateLow*hour, lateHigh*hour,
			bx[len(bx)-1]-bx[half]
	case !few && (!ok || lateLow > 0 && late > b/2):
		g.Verdict = result.Leaks
	default:
		g.Verdict = result.Undecided
	}
	return g
}

// soakSeriesOf are the samples, thinned evenly for a long run.
func soakSeriesOf(all []soakSample) (series []result.SoakSample) {
	known := func(v float64) *float64 {
		if math.IsNaN(v) {
			return nil
		}
		return &v
	}
	n := min(len(all), soakSeries)
	for i := range n {
		s := all[i*(len(all)-1)/max(1, n-1)]
		if len(s.workers) > soakWorkers {
			s.workers = nil
		}
		series = append(series, result.SoakSample{T: s.t, Server: known(s.server), Kernel: known(s.kernel),
			FDs: known(s.fds), CloseWait: known(s.closeWait), Workers: s.workers})
	}
	return series
}
