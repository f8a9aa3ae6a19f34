package main

import (
	"github.com/c10m/c10m/internal/plot"
	"github.com/c10m/c10m/internal/unit"
)

// drawing is one plot with the name of its file.
type drawing struct {
	name string
	bars plot.Bars
}

// drawings are all plots of a comparison.
func drawings(c *Comparison) (all []drawing) {
	for _, p := range protocols(c) {
		rows := ordered(c.Servers, p.proto)
		all = append(all,
			drawing{"compare-" + p.proto + "-memory", memoryBars(rows, p)},
			drawing{"compare-" + p.proto + "-setup", ratioBars(rows, p, "setup", "Setup rate, "+p.title+" servers")},
			drawing{"compare-" + p.proto + "-echo", ratioBars(rows, p, "echo", "Echo rate over 1,000 connections, "+
				p.title+" servers")},
		)
	}
	if rows := ordered(c.Clients, "tcp"); len(rows) > 0 {
		all = append(all, drawing{"compare-clients-memory", clientBars(rows)})
	}
	return all
}

// memoryBars has a bar for each server, kernel and user memory stacked; the figures of
// authors do not tell the two apart.
func memoryBars(rows []Row, p protocol) plot.Bars {
	var bars []plot.Bar
	for _, f := range given(p.proto) {
		if f.both > 0 { // a bar of one part would look like the smallest
			bars = append(bars, plot.Bar{Name: f.name, Parts: []plot.Part{{Name: "kernel and user", Value: f.both}}})
		}
	}
	for _, r := range rows {
		f := r.Median
		if f == nil || f.Kernel == nil || f.User == nil {
			continue
		}
		bars = append(bars, plot.Bar{Name: r.Name, Parts: []plot.Part{{Name: "kernel", Value: *f.Kernel},
			{Name: "user", Value: *f.User}}})
	}
	return plot.Bars{Bars: bars, X: plot.Axis{Title: "bytes per idle connection, the server's end",
		Unit: unit.PlainBytesScale},
		Frame: plot.Frame{Title: "Memory per connection, " + p.title + " servers",
			Desc: "One bar a server, kernel and user memory stacked."}}
}

func ratioBars(rows []Row, p protocol, key, title string) plot.Bars {
	var bars []plot.Bar
	for _, r := range rows {
		if v, ok := r.Ratio[key]; ok {
			bars = append(bars, plot.Bar{Name: r.Name, Parts: []plot.Part{{Name: "times the floor", Value: v}}})
		}
	}
	return plot.Bars{Bars: bars, X: plot.Axis{Title: "times the floor (raw epoll, TCP) of the same round"},
		Frame: plot.Frame{Title: title, Desc: "One bar a server, longer is faster."}}
}

func clientBars(rows []Row) plot.Bars {
	var bars []plot.Bar
	for _, r := range rows {
		if r.Median != nil && r.Median.User != nil {
			bars = append(bars, plot.Bar{Name: r.Name, Parts: []plot.Part{{Name: "user", Value: *r.Median.User}}})
		}
	}
	return plot.Bars{Bars: bars, X: plot.Axis{Title: "bytes of user memory per connection", Unit: unit.PlainBytesScale},
		Frame: plot.Frame{Title: "Memory per connection, clients", Desc: "One bar a client, shorter is better."}}
}
