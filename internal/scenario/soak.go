package scenario

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/c10m/c10m/internal/footprint"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/result"
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
	// soakRows is how many rows the table shows.
	soakRows = 20
	// ofNote is how much a server must have grown by, of what it has, to be
	// called leaking, and ofNoteBytes at least: less is a breath of its heap.
	ofNote      = 0.02
	ofNoteBytes = 2 << 20
)

// soakSample is memory at one moment, bytes.
type soakSample struct {
	t              float64 // seconds
	server, kernel float64 // NaN where it is not known
}

// Soak keeps a load up and watches whether memory grows with time, which it has
// no reason to.
func Soak(ctx context.Context, o SoakOptions, fp footprint.Proc, watch Watch) (*result.Result, error) {
	m := newMemoryWatch(ctx, o.Options, fp)
	if o.Every == 0 {
		o.Every = max(time.Second, o.Hold/300)
	}
	began := time.Now()
	var all []soakSample
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(o.Every)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				all = append(all, m.sample(ctx, time.Since(began).Seconds()))
			}
		}
	}()
	c, seen, pieces, err := runChurn(ctx, o.ChurnOptions, fp, watch)
	close(done)
	<-ended
	if err != nil {
		return nil, err
	}
	r := c.res
	settleFindings(seen, r, c.Plan.Local, pieces)
	server := judge(all, o.WarmUp, func(s soakSample) float64 { return s.server })
	kernel := judge(all, o.WarmUp, func(s soakSample) float64 { return s.kernel })
	r.Tables = append(r.Tables, soakTable(all), growthTable(server, kernel, r))
	r.Leak = server.leaks
	r.Verdict = soakVerdict(r, server, kernel)
	r.Warnings = append(c.Warnings, m.warnings...)
	return r, nil
}

func (m *memoryWatch) sample(ctx context.Context, t float64) soakSample {
	s := soakSample{t: t, server: math.NaN(), kernel: math.NaN()}
	if p := m.server(ctx); p != nil {
		s.server = float64(p.PSS)
	}
	if k, err := m.fp.Kernel(); err == nil {
		s.kernel = float64(k.Bytes)
	}
	return s
}

// growth is what a series of samples says.
type growth struct {
	known          bool
	slope          float64 // bytes per hour
	low, high      float64 // 95 %
	last           float64 // bytes at the end
	seconds        float64 // judged
	leaks, settled bool    // settled: it grew at first and then no more
}

// judge fits a line to the samples after the warm-up, and one to the second half
// of them: what grows less and less is no leak but a heap that finds its size. A
// leak goes on at its rate.
func judge(all []soakSample, warmUp float64, of func(soakSample) float64) (g growth) {
	if len(all) == 0 {
		return g
	}
	var xs, ys []float64
	from := all[len(all)-1].t * warmUp
	for _, s := range all {
		if y := of(s); s.t >= from && !math.IsNaN(y) {
			xs, ys = append(xs, s.t), append(ys, y)
		}
	}
	bx, by := blocks(xs, ys, soakBlocks)
	b, low, high, ok := slope(bx, by)
	if !ok {
		return g
	}
	g = growth{known: true, slope: b * 3600, low: low * 3600, high: high * 3600, last: by[len(by)-1], seconds: xs[len(xs)-1] - xs[0]}
	grew := b * g.seconds
	if low <= 0 || grew < ofNoteBytes || grew < ofNote*g.last {
		return g
	}
	half := len(bx) / 2
	late, lateLow, _, ok := slope(bx[half:], by[half:])
	g.leaks = !ok || lateLow > 0 && late > b/2
	g.settled = !g.leaks
	return g
}

func soakTable(all []soakSample) result.Table {
	t := result.Table{Title: "Memory over time", Plot: "server", Columns: []result.Column{{Name: "after", Unit: result.InSeconds},
		{Name: "server", Unit: result.InBytes}, {Name: "kernel", Unit: result.InBytes}}}
	cell := func(v float64) any {
		if math.IsNaN(v) {
			return nil
		}
		return v
	}
	n := len(all)
	rows := min(n, soakRows)
	for i := range rows {
		s := all[i*(n-1)/max(1, rows-1)]
		t.Rows = append(t.Rows, []any{s.t, cell(s.server), cell(s.kernel)})
	}
	return t
}

func growthTable(server, kernel growth, r *result.Result) result.Table {
	t := result.Table{Title: "Growth", Columns: []result.Column{{Name: "of", Unit: result.InText}, {Name: "per hour", Unit: result.InBytes},
		{Name: "at least", Unit: result.InBytes}, {Name: "at most", Unit: result.InBytes}, {Name: "per transaction", Unit: result.InBytes}, {Name: "judged", Unit: result.InSeconds}},
		Note: "By least squares after the warm-up; at least and at most: 95 % confidence."}
	for _, one := range []struct {
		of string
		g  growth
	}{{"server", server}, {"kernel", kernel}} {
		row := []any{one.of, nil, nil, nil, nil, nil}
		if g := one.g; g.known {
			row = []any{one.of, g.slope, g.low, g.high, nil, g.seconds}
			if r.Echo.Rate > 0 {
				row[4] = g.slope / 3600 / r.Echo.Rate
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func soakVerdict(r *result.Result, server, kernel growth) string {
	mib := func(b float64) string { return fmt.Sprintf("%.1f MiB", b/(1<<20)) }
	said := ""
	switch {
	case !server.known:
		said = "Nothing can be said of the server's memory: too few samples, or it is not known"
	case server.leaks:
		said = fmt.Sprintf("LEAK: the server grows by %s an hour (%s to %s with 95 %% confidence)", mib(server.slope), mib(server.low), mib(server.high))
		if r.Echo.Rate > 0 {
			said += fmt.Sprintf(", about %.0f bytes a transaction", server.slope/3600/r.Echo.Rate)
		}
		if r.Conns.Established > r.Plan.Conns {
			said += fmt.Sprintf(" or %.0f a connection", server.slope/3600*r.Echo.Seconds/float64(r.Conns.Established))
		}
	case server.settled:
		said = fmt.Sprintf("No leak: the server grew at first and less and less, and is at %s", mib(server.last))
	default:
		said = fmt.Sprintf("No leak: the server stays at %s; what could hide in the noise is at most %s an hour", mib(server.last), mib(max(0, server.high)))
	}
	if kernel.leaks && kernel.seconds >= 2*timeWaitFor {
		said += fmt.Sprintf(". The kernel's memory for connections grows by %s an hour: sockets that nobody closes, or other work on this machine", mib(kernel.slope))
	}
	return said + fmt.Sprintf(". %s transactions in %s", plan.Group(r.Echo.Received), time.Duration(r.Echo.Seconds*float64(time.Second)).Round(time.Second)) + limitedBy(r.Findings) + "."
}
