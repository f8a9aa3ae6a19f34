package report

import (
	"fmt"

	"github.com/c10m/c10m/internal/plot"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

// plotSection is what a run looks like.
func plotSection(r *result.Result) section {
	s := section{Title: "What it looked like"}
	for _, draw := range []func(*result.Result) (figure, bool){coursePlot,
		ratePlot, fitPlot, costPlot, ownerPlot, latencyPlot, heatPlot} {
		if f, ok := draw(r); ok {
			s.Figures = append(s.Figures, f)
		}
	}
	return s
}

// spans is how many pieces of time a rate is shown over.
const spans = 120

// rateCurve is the setup rate over time; nothing for a ramp too short to tell.
func rateCurve(s *result.Setup) (points []plot.Point) {
	if s == nil || len(s.Curve) < minPoints {
		return nil
	}
	c := s.Curve
	start, end := c[0].T, c[len(c)-1].T
	if end <= start {
		return nil
	}
	list := rates(c, min(spans, len(c)-1))
	width := (end - start) / float64(len(list))
	for i, rate := range list {
		points = append(points, plot.Point{X: start + width*(float64(i)+0.5), Y: rate})
	}
	return points
}

// tooShort stands where a curve would.
func tooShort(s *result.Setup) string {
	return fmt.Sprintf("%s in %s: too short for a curve.", Plural(len(s.Curve), "sample"), unit.Seconds(s.Seconds))
}

var (
	timeAxis  = plot.Axis{Title: "time", Unit: unit.SecondsScale}
	rateAxis  = plot.Axis{Title: "connections per second", Unit: unit.CountScale}
	connAxis  = plot.Axis{Title: "connections", Unit: unit.CountScale}
	bytesAxis = plot.Axis{Title: "memory grown", Unit: unit.BytesScale}
)

func ratePlot(r *result.Result) (figure, bool) {
	points := rateCurve(r.Setup)
	switch {
	case r.Setup == nil || len(r.Setup.Curve) == 0:
		return figure{}, false
	case points == nil:
		return figure{Caption: "Setup rate", Note: tooShort(r.Setup)}, true
	}
	note := fmt.Sprintf("%s on average over %s.", unit.PerSecond(r.Setup.Rate), unit.Seconds(r.Setup.Seconds))
	if first, last, ok := r.Setup.Tenths(); ok {
		note += fmt.Sprintf(" The last tenth of the connections came at %s, %.2f of the first tenth's %s.",
			unit.PerSecond(last), last/first, unit.PerSecond(first))
	}
	series := []plot.Series{{Name: "established", Points: points}}
	if r.Setup.Rate > 0 {
		average := []plot.Point{{X: 0, Y: r.Setup.Rate}, {X: points[len(points)-1].X, Y: r.Setup.Rate}}
		series = append(series, plot.Series{Name: "average", Style: plot.Dashed, Points: average})
	}
	return drawn("Setup rate", note, func(f plot.Frame) string {
		return plot.Line{Frame: f, X: timeAxis, Y: rateAxis, Series: series}.SVG()
	}), true
}

// used is one measurement of the memory that connections take: what came on top
// of what was in use before them.
type used struct {
	conns                  float64
	kernel, server, client float64
}

func (u used) total() float64 { return u.kernel + u.server + u.client }

// measured are the memory samples that the line was fitted to: before the ramp,
// during it, and while all were held.
func measured(r *result.Result) (list []used, server bool) {
	m := r.Memory
	if !m.Measured() || m.Before == nil || m.Held == nil {
		return nil, false
	}
	server = m.Before.Server != nil && m.Held.Server != nil
	add := func(conns int64, u result.Used) {
		if (u.Server != nil) != server {
			return // a sample that lacks the server's part is no measurement of the same thing
		}
		v := used{conns: float64(conns), kernel: grown(u.Kernel, m.Before.Kernel),
			client: grown(u.Client, m.Before.Client)}
		if server {
			v.server = grown(*u.Server, *m.Before.Server)
		}
		list = append(list, v)
	}
	add(0, *m.Before)
	for _, s := range m.Samples {
		add(s.Conns, s.Used)
	}
	held := r.Conns.Established
	if r.Reconcile != nil {
		held = r.Reconcile.Client
	}
	add(held, *m.Held)
	return list, server
}

// grown may be negative.
func grown(now, before uint64) float64 { return float64(now) - float64(before) }

// fitPlot is memory over connections with the fitted line, which goes through
// the means: that is where least squares puts it.
func fitPlot(r *result.Result) (figure, bool) {
	list, server := measured(r)
	if len(list) < 2 {
		return figure{}, false
	}
	var points []plot.Point
	var mx, my, last float64
	for _, u := range list {
		points = append(points, plot.Point{X: u.conns, Y: u.total()})
		mx, my, last = mx+u.conns/float64(len(list)), my+u.total()/float64(len(list)), max(last, u.conns)
	}
	slope := r.Memory.Fit.Slope
	line := []plot.Point{{X: 0, Y: my - slope*mx}, {X: last, Y: my + slope*(last-mx)}}
	name, note := unit.PerConn(slope)+" a connection", "Too few samples for a fit: the line is the plain difference."
	if r2 := r.Memory.Fit.R2; r2 > 0 && !r.Memory.FewSamples() {
		name += fmt.Sprintf(", r² %.5f", r2)
		note = fmt.Sprintf("Least squares over %s: %s a connection, r² %.5f.", Plural(r.Memory.Fit.Samples, "sample"),
			unit.PerConn(slope), r2)
	}
	if !server {
		note += " The server's own memory is not in it: it is not known."
	}
	return drawn("Memory over connections", note, func(f plot.Frame) string {
		return plot.Line{Frame: f, X: connAxis, Y: bytesAxis,
			Series: []plot.Series{{Name: "measured", Style: plot.Dots, Points: points},
				{Name: name, Style: plot.Dashed, Points: line}}}.SVG()
	}), true
}

// ownerPlot is the same memory by who pays it.
func ownerPlot(r *result.Result) (figure, bool) {
	list, server := measured(r)
	if len(list) < 2 {
		return figure{}, false
	}
	layer := func(name string, value func(used) float64) plot.Series {
		s := plot.Series{Name: name}
		for _, u := range list {
			s.Points = append(s.Points, plot.Point{X: u.conns, Y: value(u)})
		}
		return s
	}
	layers := []plot.Series{layer("kernel", func(u used) float64 { return u.kernel })}
	if server {
		layers = append(layers, layer("server", func(u used) float64 { return u.server }))
	}
	layers = append(layers, layer("client", func(u used) float64 { return u.client }))
	return drawn("Who holds the memory", "On top of what was in use before the first connection.",
		func(f plot.Frame) string {
			return plot.Area{Frame: f, X: connAxis, Y: bytesAxis, Layers: layers}.SVG()
		}), true
}

// How many caches a plot shows by name, and how large they are at least: a
// share of all. The others are one part.
const (
	shownCaches = 5
	shownShare  = 0.02
)

// costParts is what a connection costs: the kernel by slab cache, then the
// processes. Caches that shrank are in the rest, so that the parts add up.
func costParts(kernel float64, caches []plot.Part, server, client *float64) (parts []plot.Part) {
	total := kernel
	for _, p := range []*float64{server, client} {
		if p != nil {
			total += *p
		}
	}
	rest := kernel
	for _, c := range caches {
		if len(parts) < shownCaches && c.Value >= shownShare*total && c.Name != "other" {
			parts = append(parts, c)
			rest -= c.Value
		}
	}
	name := "other caches"
	if len(parts) == 0 {
		name = "kernel"
	}
	parts = append(parts, plot.Part{Name: name, Value: rest})
	if server != nil {
		parts = append(parts, plot.Part{Name: "server process", Value: *server})
	}
	if client != nil {
		parts = append(parts, plot.Part{Name: "client process", Value: *client})
	}
	return parts
}

// costBar is costParts of a run.
func costBar(r *result.Result) (bar plot.Bar, ok bool) {
	m := r.Memory
	if !m.Measured() {
		return bar, false
	}
	var caches []plot.Part
	for _, c := range m.Caches {
		caches = append(caches, plot.Part{Name: c.Name, Value: c.BytesPerConn})
	}
	bar.Parts = costParts(m.KernelPerConn, caches, m.ServerPerConn, m.ClientPerConn)
	return bar, true
}

func costPlot(r *result.Result) (figure, bool) {
	bar, ok := costBar(r)
	if !ok {
		return figure{}, false
	}
	bar.Name = "a connection"
	note := "The kernel's part is of " + kernelEnds(r.Memory) + "."
	if len(r.Memory.Caches) > 0 {
		note += " By slab cache, each object by its share of a slab."
	}
	for _, p := range bar.Parts {
		if p.Value < 0 {
			note += fmt.Sprintf(" Not shown: %s, %s.", p.Name, unit.PerConn(p.Value))
		}
	}
	if b := r.Memory.ServerBelow; b != nil {
		note += " The server process takes less than " + unit.PerConn(*b) + "."
	}
	if b := r.Memory.ClientBelow; b != nil {
		note += " The client process takes less than " + unit.PerConn(*b) + "."
	}
	if m := r.Memory; m.Fit.R2 > 0 && !m.FewSamples() {
		note += fmt.Sprintf(" Each part has a line of its own; the line of all of them says %s.",
			unit.PerConn(m.TotalPerConn))
	}
	return drawn("What a connection costs", note, func(f plot.Frame) string {
		return plot.Bars{Frame: f, X: plot.Axis{Title: "bytes a connection", Unit: unit.PlainBytesScale},
			Bars: []plot.Bar{bar}}.SVG()
	}), true
}

// quantiles is a latency as a series.
func quantiles(name string, l *result.Latency) (s plot.Series) {
	s.Name = name
	for _, q := range l.Distribution() {
		s.Points = append(s.Points, plot.Point{X: q.Share, Y: float64(q.Nanos)})
	}
	return s
}

func latencyPlot(r *result.Result) (figure, bool) {
	var list []plot.Series
	note := ""
	add := func(name string, l *result.Latency) {
		if l == nil {
			return
		}
		list = append(list, quantiles(name, l))
		note += fmt.Sprintf("%s: p50 %s, p99 %s, max %s. ", name, unit.Nanos(l.P50), unit.Nanos(l.P99),
			unit.Nanos(l.Max))
	}
	if r.Setup != nil {
		add("connect", r.Setup.Latency)
		add("handshake", r.Setup.Handshake)
	}
	if r.TLS != nil {
		add("TLS", r.TLS.Latency)
	}
	if r.Echo != nil {
		add(wordsFor(r.Plan.Talk).latency, r.Echo.Latency)
	}
	if t := r.Talk; t != nil && t.FanOut != nil {
		add("fan-out", t.FanOut.Delay)
	}
	return drawn("Latency percentiles", note, func(f plot.Frame) string {
		return plot.Percentiles{Frame: f, Y: plot.Axis{Title: "latency", Unit: unit.NanosScale}, Series: list}.SVG()
	}), len(list) > 0
}

// heatPlot is latency over time.
func heatPlot(r *result.Result) (figure, bool) {
	h := r.Heat
	if h == nil || len(h.Counts) == 0 || len(h.Bounds) == 0 {
		return figure{}, false
	}
	bounds := make([]float64, len(h.Bounds))
	for i, ns := range h.Bounds {
		bounds[i] = float64(ns)
	}
	note := "The darker, the larger the share of the messages of that time: a stall is a step up."
	return drawn("Latency over time", note, func(f plot.Frame) string {
		return plot.Heat{Frame: f, X: timeAxis, Y: plot.Axis{Title: "latency", Unit: unit.NanosScale}, Step: h.Seconds,
			Bounds: bounds, Counts: h.Counts}.SVG()
	}), true
}
