package scenario

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/stat"
	"github.com/c10m/c10m/internal/sys"
)

// SoakOptions are a constant load for a long time.
type SoakOptions struct {
	ChurnOptions
	Every  time.Duration // between two looks at memory; 0: a 300th of the time, at least 1 s
	WarmUp float64       // the share of the time that is not judged: heaps and caches fill
}

const (
	// soakBlocks is how many means are taken of the samples before a slope is
	// fitted: a heap breathes, and samples within one breath are not independent.
	soakBlocks = 20
	// soakSeries is how many of the samples are kept with the result.
	soakSeries = 200
	// loadHeld is the share of tries that may fail in a run that is judged: what
	// happens to a server without its load is another question.
	loadHeld = 0.01
	// ofNote is how much a server must have grown by, of what it has, to be
	// called leaking, and ofNoteBytes at least: less is a breath of its heap.
	ofNote      = 0.02
	ofNoteBytes = 2 << 20
	// ofNoteFDs is the same for file descriptors and sockets.
	ofNoteFDs = 20
)

// soakSample is what there is at one moment; NaN is what is not known.
type soakSample struct {
	t              float64 // seconds
	server, kernel float64 // memory, bytes
	fds            float64 // that the server's processes hold
	closeWait      float64 // sockets of the server that the client has closed, and the server has not
}

// Soak keeps a load up and watches whether memory grows with time, which it has
// no reason to.
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
	c, seen, pieces, err := runChurn(ctx, o.ChurnOptions, fp, watch)
	stop()
	if err != nil {
		return nil, err
	}
	r := c.res
	settleFindings(seen, r, c.Plan.Local, pieces)
	r.Soak = soakOutcome(r, &o, all)
	r.Leak = r.Soak.LoadHeld && soakLeaks(r.Soak)
	r.Warnings = append(c.Warnings, m.warnings...)
	return r, nil
}

// sample looks once. Kernel memory is that of the caches that sockets live in;
// where only all of the machine's memory could be had, it is not known.
func (m *memoryWatch) sample(ctx context.Context, t float64) soakSample {
	s := soakSample{t: t, server: math.NaN(), kernel: math.NaN(), fds: math.NaN(), closeWait: math.NaN()}
	if p := m.server(ctx); p != nil {
		s.server = float64(p.PSS)
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

// soakOutcome judges everything that a soak looks at.
func soakOutcome(r *result.Result, o *SoakOptions, all []soakSample) *result.Soak {
	s := &result.Soak{LoadHeld: r.Conns.Established >= r.Plan.Conns && r.Echo.Received > 0 &&
		errorShare(r, o.Users) < loadHeld}
	s.Server = judge(all, o.WarmUp, ofNoteBytes, func(s soakSample) float64 { return s.server })
	s.Kernel = judge(all, o.WarmUp, ofNoteBytes, func(s soakSample) float64 { return s.kernel })
	s.FDs = judge(all, o.WarmUp, ofNoteFDs, func(s soakSample) float64 { return s.fds })
	s.CloseWait = judge(all, o.WarmUp, ofNoteFDs, func(s soakSample) float64 { return s.closeWait })
	if g := s.Kernel; g != nil && g.Seconds < 2*timeWaitFor && g.Verdict == result.Leaks {
		// What the first TIME_WAIT sockets take: as many come as go only after
		// timeWaitFor.
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

// perEvent is what so much an hour is for each of so many events a second.
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

// judge fits a line to the samples after the warm-up, and one to the second half
// of them: what grows less and less is no leak but a heap that finds its size. A
// leak goes on at its rate. The second line is much less sure than the first, so
// that it must be well below to say that growth has settled; the figures are its
// own then. Growth below least, or below ofNote of what there is, may be a heap
// that breathes: it is too little to tell. Fewer samples than blocks never make a
// leak. nil: too few are known for a line.
func judge(all []soakSample, warmUp, least float64, of func(soakSample) float64) *result.Growth {
	if len(all) == 0 {
		return nil
	}
	var xs, ys []float64
	from := all[len(all)-1].t * warmUp
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
	few := len(xs) < soakBlocks // each sample is a block of its own: see soakBlocks
	g := &result.Growth{Verdict: result.Flat, PerHour: b * hour, Low: low * hour, High: high * hour,
		Last: by[len(by)-1], Seconds: xs[len(xs)-1] - xs[0]}
	if low <= 0 {
		return g
	}
	if grew := b * g.Seconds; grew < least || grew < ofNote*g.Last {
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

// soakSeriesOf are the samples, of a long run evenly spaced ones.
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
		series = append(series, result.SoakSample{T: s.t, Server: known(s.server), Kernel: known(s.kernel),
			FDs: known(s.fds), CloseWait: known(s.closeWait)})
	}
	return series
}
