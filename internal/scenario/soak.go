package scenario

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/stat"
	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/unit"
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
	g := judgeSoak(all, o.WarmUp)
	r.Tables = append(r.Tables, soakTable(all), g.fdTable(r), g.memoryTable(r))
	settleFindings(seen, r, c.Plan.Local, pieces)
	r.Leak = g.leaks()
	r.Verdict = g.verdict(r)
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

// soakGrowth is how what a soak looks at has grown.
type soakGrowth struct{ server, kernel, fds, closeWait growth }

func judgeSoak(all []soakSample, warmUp float64) soakGrowth {
	return soakGrowth{
		server:    judge(all, warmUp, ofNoteBytes, func(s soakSample) float64 { return s.server }),
		kernel:    judge(all, warmUp, ofNoteBytes, func(s soakSample) float64 { return s.kernel }),
		fds:       judge(all, warmUp, ofNoteFDs, func(s soakSample) float64 { return s.fds }),
		closeWait: judge(all, warmUp, ofNoteFDs, func(s soakSample) float64 { return s.closeWait }),
	}
}

// kernelLeaks leaves out what the first TIME_WAIT sockets take: as many come as
// go only after timeWaitFor.
func (g *soakGrowth) kernelLeaks() bool { return g.kernel.leaks && g.kernel.seconds >= 2*timeWaitFor }

func (g *soakGrowth) leaks() bool {
	return g.server.leaks || g.fds.leaks || g.closeWait.leaks || g.kernelLeaks()
}

// growth is what a series of samples says.
type growth struct {
	known     bool
	slope     float64 // per hour
	low, high float64 // 95 %
	last      float64 // at the end
	seconds   float64 // judged
	// At most one of these: it grows at a steady rate; it grew at first and then
	// much less; it grew, and it cannot be told whether that goes on.
	leaks, settled, undecided bool
}

// judge fits a line to the samples after the warm-up, and one to the second half
// of them: what grows less and less is no leak but a heap that finds its size. A
// leak goes on at its rate. The second line is much less sure than the first, so
// that it must be well below to say that growth has settled. Growth below least
// is of no account.
func judge(all []soakSample, warmUp, least float64, of func(soakSample) float64) (g growth) {
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
	bx, by := stat.Blocks(xs, ys, soakBlocks)
	b, low, high, ok := stat.Slope(bx, by)
	if !ok {
		return g
	}
	g = growth{known: true, slope: b * 3600, low: low * 3600, high: high * 3600, last: by[len(by)-1], seconds: xs[len(xs)-1] - xs[0]}
	grew := b * g.seconds
	if low <= 0 || grew < least || grew < ofNote*g.last {
		return g
	}
	half := len(bx) / 2
	late, lateLow, lateHigh, ok := stat.Slope(bx[half:], by[half:])
	switch {
	case ok && lateHigh < b/2:
		g.settled = true
	case !ok || lateLow > 0 && late > b/2:
		g.leaks = true
	default:
		g.undecided = true
	}
	return g
}

func soakTable(all []soakSample) result.Table {
	t := result.Table{Title: "Memory over time", Plot: "server", Columns: []result.Column{{Name: "after", Unit: unit.InSeconds},
		{Name: "server", Unit: unit.InBytes}, {Name: "kernel", Unit: unit.InBytes},
		{Name: "fds", Unit: unit.InCount}, {Name: "CLOSE_WAIT", Unit: unit.InCount}}}
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
		t.Rows = append(t.Rows, []any{s.t, cell(s.server), cell(s.kernel), cell(s.fds), cell(s.closeWait)})
	}
	return t
}

// rowOf is a thing that grows, and its row of a table.
type rowOf struct {
	of string
	growth
}

// growthTable has one row each; per is what happens so often a second.
func growthTable(title string, of unit.Kind, per string, rate float64, rows ...rowOf) result.Table {
	t := result.Table{Title: title, Columns: []result.Column{{Name: "of", Unit: unit.InText}, {Name: "per hour", Unit: of},
		{Name: "at least", Unit: of}, {Name: "at most", Unit: of}, {Name: "per " + per, Unit: of}, {Name: "judged", Unit: unit.InSeconds}},
		Note: "By least squares after the warm-up; at least and at most: 95 % confidence."}
	for _, g := range rows {
		row := []any{g.of, nil, nil, nil, nil, nil}
		if g.known {
			row = []any{g.of, g.slope, g.low, g.high, nil, g.seconds}
			if rate > 0 {
				row[4] = g.slope / 3600 / rate
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func (g *soakGrowth) memoryTable(r *result.Result) result.Table {
	return growthTable("Growth", unit.InBytes, "transaction", r.Echo.Rate, rowOf{"server", g.server}, rowOf{"kernel", g.kernel})
}

func (g *soakGrowth) fdTable(r *result.Result) result.Table {
	return growthTable("Growth of the server's sockets", unit.InNumber, "connection", float64(r.Conns.Established)/r.Echo.Seconds,
		rowOf{"fds", g.fds}, rowOf{"CLOSE_WAIT", g.closeWait})
}

func bytesText(b float64) string { return fmt.Sprintf("%.1f MiB", b/(1<<20)) }

// verdict names every leak, or else says how the server's memory stands.
func (g *soakGrowth) verdict(r *result.Result) string {
	var leaks []string
	if g.server.leaks {
		said := fmt.Sprintf("the server grows by %s an hour (%s to %s with 95 %% confidence)", bytesText(g.server.slope), bytesText(g.server.low), bytesText(g.server.high))
		if r.Echo.Rate > 0 {
			said += fmt.Sprintf(", about %.0f bytes a transaction", g.server.slope/3600/r.Echo.Rate)
		}
		if r.Conns.Established > r.Plan.Conns {
			said += fmt.Sprintf(" or %.0f a connection", g.server.slope/3600*r.Echo.Seconds/float64(r.Conns.Established))
		}
		leaks = append(leaks, said)
	}
	if g.fds.leaks {
		leaks = append(leaks, fmt.Sprintf("the server holds %s fds more every hour (%s to %s with 95 %% confidence) and is at %s",
			unit.Commas(int64(g.fds.slope)), unit.Commas(int64(g.fds.low)), unit.Commas(int64(g.fds.high)), unit.Commas(int64(g.fds.last))))
	}
	if g.closeWait.leaks {
		leaks = append(leaks, fmt.Sprintf("%s sockets more every hour are in CLOSE_WAIT, which the client has closed and the server never does", unit.Commas(int64(g.closeWait.slope))))
	}
	if g.kernelLeaks() {
		leaks = append(leaks, fmt.Sprintf("the kernel's memory for connections grows by %s an hour: sockets that nobody closes, or other work on this machine", bytesText(g.kernel.slope)))
	}
	said := g.server.words()
	if len(leaks) > 0 {
		said = "LEAK: " + strings.Join(leaks, "; ")
	}
	return said + fmt.Sprintf(". %s transactions in %s", unit.Commas(r.Echo.Received), time.Duration(r.Echo.Seconds*float64(time.Second)).Round(time.Second)) + limitedBy(r.Findings) + "."
}

// words are of a server's memory that does not leak.
func (g growth) words() string {
	switch {
	case !g.known:
		return "Nothing can be said of the server's memory: too few samples, or it is not known"
	case g.undecided:
		return fmt.Sprintf("Undecided: the server grew by %s an hour (%s to %s with 95 %% confidence), and whether it goes on cannot be told from noise: run longer", bytesText(g.slope), bytesText(g.low), bytesText(g.high))
	case g.settled:
		return fmt.Sprintf("No leak: the server grew at first and less and less, and is at %s", bytesText(g.last))
	}
	return fmt.Sprintf("No leak: the server stays at %s; what could hide in the noise is at most %s an hour", bytesText(g.last), bytesText(max(0, g.high)))
}
