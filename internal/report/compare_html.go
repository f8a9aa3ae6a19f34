package report

import (
	"fmt"
	"io"

	"github.com/c10m/c10m/internal/plot"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/stat"
	"github.com/c10m/c10m/internal/unit"
)

// WriteHTML writes the comparison as one page, like a report.
func (c *Comparison) WriteHTML(w io.Writer) error {
	p := page{Kind: "c10m comparison", Title: c.title(), Foot: "Written by c10m from result files, schema " + result.Schema + "."}
	for _, g := range c.groups {
		p.Facts = append(p.Facts, g.Name+": "+groupFacts(g))
	}
	if n := len(c.Verdicts); n > 0 {
		failed := 0
		for _, v := range c.Verdicts {
			if v.Verdict.Failed {
				failed++
			}
		}
		p.Verdict = &badge{"good", "PASSED", Plural(n, "threshold")}
		if failed > 0 {
			p.Verdict = &badge{"bad", wordFailed, fmt.Sprintf("%d of %s", failed, Plural(n, "threshold"))}
		}
	}
	for _, s := range []section{c.verdictSection(), c.differenceSection(), c.plotSection()} {
		if len(s.Figures)+len(s.Tables) > 0 {
			p.Sections = append(p.Sections, s)
		}
	}
	numbers := section{Title: "In numbers", Class: "full numbers", Notes: append(c.judgements(), c.notes()...)}
	for _, part := range c.parts(c.all()) {
		numbers.Tables = append(numbers.Tables, c.table(part))
	}
	p.Sections = append(p.Sections, numbers)
	return p.write(w)
}

func (c *Comparison) verdictSection() section {
	t := table{Title: "Each group against the baseline"}
	for _, v := range c.Verdicts {
		row := line{Name: v.Group + ": " + v.Threshold, Values: []string{passedOrFailed(v.Verdict)}, Note: found(v.Verdict), Class: "good"}
		if v.Verdict.Failed {
			row.Class = "bad"
		}
		t.Rows = append(t.Rows, row)
	}
	return section{Title: "Thresholds (--fail-if)", Class: "full", Tables: filled(t)}
}

func (c *Comparison) differenceSection() section {
	t := table{Title: "Settings that are not the same", First: "setting"}
	for _, g := range c.groups {
		t.Head = append(t.Head, g.Name)
	}
	for _, d := range c.differences() {
		t.add(d.name, d.values...)
	}
	return section{Title: "They differ in", Class: "full", Tables: filled(t)}
}

// table is a part with two columns for each group but the first: the number,
// and its ratio to the baseline.
func (c *Comparison) table(p part) table {
	t := table{Title: p.title, First: "figure"}
	for g, group := range c.groups {
		t.Head = append(t.Head, group.Name)
		if g > 0 {
			t.Head = append(t.Head, "ratio")
		}
	}
	for _, row := range p.rows {
		l := line{Name: row.name, Marks: map[int]string{}}
		for g := range c.groups {
			one := c.cellOf(row.path, g)
			l.Values = append(l.Values, one.text(row.path))
			if g > 0 {
				if one.word != "" {
					l.Marks[len(l.Values)] = wordClass[one.word]
				}
				l.Values = append(l.Values, one.against())
			}
		}
		t.Rows = append(t.Rows, l)
	}
	return t
}

// typical is the run of a group whose setup rate is the median, or just below.
func typical(g Group) *result.Result {
	var rates []float64
	for _, r := range g.Runs {
		if r.Setup != nil {
			rates = append(rates, r.Setup.Rate)
		}
	}
	if len(rates) == 0 {
		return g.Runs[0]
	}
	middle, best := stat.Median(rates), g.Runs[0]
	for _, r := range g.Runs {
		if r.Setup != nil && r.Setup.Rate <= middle && (best.Setup == nil || best.Setup.Rate > middle || r.Setup.Rate > best.Setup.Rate) {
			best = r
		}
	}
	return best
}

// plotSection lays the curves of a typical run of each group over each other.
func (c *Comparison) plotSection() section {
	s := section{Title: "What they looked like"}
	var ramps, connects, echoes []plot.Series
	var bars []plot.Bar
	repeated := false
	for i, g := range c.groups {
		repeated = repeated || len(g.Runs) > 1
		r := typical(g)
		if points := rateCurve(r.Setup); points != nil {
			ramps = append(ramps, plot.Series{Name: g.Name, Points: points})
		} else if r.Setup != nil && len(r.Setup.Curve) > 0 {
			s.Notes = append(s.Notes, "Setup rate of "+g.Name+": "+tooShort(r.Setup))
		}
		if r.Setup != nil && r.Setup.Latency != nil {
			connects = append(connects, quantiles(g.Name, r.Setup.Latency))
		}
		if r.Echo != nil && r.Echo.Latency != nil {
			echoes = append(echoes, quantiles(g.Name, r.Echo.Latency))
		}
		if bar, ok := c.costs(i); ok {
			bars = append(bars, bar)
		}
	}
	note := ""
	if repeated {
		note = "Of repeated runs the one with the median setup rate."
	}
	add := func(known bool, caption, note string, draw func(plot.Frame) string) {
		if known {
			s.Figures = append(s.Figures, drawn(caption, note, draw))
		}
	}
	add(len(ramps) > 0, "Setup rate", note, func(f plot.Frame) string {
		return plot.Line{Frame: f, X: timeAxis, Y: rateAxis, Series: ramps}.SVG()
	})
	add(len(bars) > 0, "What a connection costs", "The kernel by slab cache where it was measured so; medians of repeated runs.", func(f plot.Frame) string {
		return plot.Bars{Frame: f, X: plot.Axis{Title: "bytes a connection", Unit: unit.PlainBytesScale}, Bars: bars}.SVG()
	})
	latency := plot.Axis{Title: "latency", Unit: unit.NanosScale}
	add(len(connects) > 0, "Connect latency", note, func(f plot.Frame) string {
		return plot.Percentiles{Frame: f, Y: latency, Series: connects}.SVG()
	})
	add(len(echoes) > 0, "Echo latency", note, func(f plot.Frame) string {
		return plot.Percentiles{Frame: f, Y: latency, Series: echoes}.SVG()
	})
	return s
}

// costs is costParts of a group's medians.
func (c *Comparison) costs(group int) (plot.Bar, bool) {
	kernel := c.own("memory.kernel_bytes_per_conn", group)
	if !kernel.known {
		return plot.Bar{}, false
	}
	var caches []plot.Part
	for _, n := range c.listed("memory.caches.", ".bytes_per_conn") {
		if one := c.own(n.path, group); one.known {
			caches = append(caches, plot.Part{Name: n.name, Value: one.value})
		}
	}
	optional := func(path string) *float64 {
		if one := c.own(path, group); one.known {
			return &one.value
		}
		return nil
	}
	parts := costParts(kernel.value, caches, optional("memory.server_bytes_per_conn"), optional("memory.client_bytes_per_conn"))
	return plot.Bar{Name: c.groups[group].Name, Parts: parts}, true
}
