package report

import (
	"github.com/c10m/c10m/internal/plot"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/stat"
	"github.com/c10m/c10m/internal/unit"
)

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
		if r.Setup != nil && r.Setup.Rate <= middle &&
			(best.Setup == nil || best.Setup.Rate > middle || r.Setup.Rate > best.Setup.Rate) {
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
			s.Figures = append(s.Figures, figure{Caption: "Setup rate of " + g.Name, Note: tooShort(r.Setup)})
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
	add(len(bars) > 0, "What a connection costs",
		"The kernel by slab cache where it was measured so; medians of repeated runs.", func(f plot.Frame) string {
			return plot.Bars{Frame: f, X: plot.Axis{Title: "bytes a connection", Unit: unit.PlainBytesScale},
				Bars: bars}.SVG()
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
	parts := costParts(kernel.value, caches, optional("memory.server_bytes_per_conn"),
		optional("memory.client_bytes_per_conn"))
	return plot.Bar{Name: c.groups[group].Name, Parts: parts}, true
}
