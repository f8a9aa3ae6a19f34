package main

import (
	"fmt"
	"strings"

	"github.com/c10m/c10m/internal/plot"
	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/internal/unit"
)

// document is the comparison as the model of a report, of which Markdown and page are
// renderings.
func document(c *Comparison) report.Document {
	d := report.Document{Kind: "c10m comparison of servers", Title: "Side by side", Facts: []string{conditions(c)},
		Foot: "Written by c10m, schema " + schema + "."}
	for _, p := range protocols(c) {
		d.Parts = append(d.Parts, serverPart(c, p))
	}
	if len(c.Clients) > 0 {
		d.Parts = append(d.Parts, clientPart(c))
	}
	d.Parts = append(d.Parts, aboutPart(c))
	return d
}

// serverPart is everything about the servers of one protocol.
func serverPart(c *Comparison, p protocol) report.Part {
	return report.Part{Title: p.title + " servers", Table: serverTable(c, p.proto),
		Items: sentences(behind(c.Servers, p.proto)),
		Plots: plotsOf(c, "compare-"+p.proto+"-")}
}

func clientPart(c *Comparison) report.Part {
	part := report.Part{Title: "Clients", Table: clientTable(c), Plots: plotsOf(c, "compare-clients-")}
	for _, r := range c.Clients {
		if r.Class == ours {
			part.Items = sentences(behind(c.Clients, "tcp"))
		}
	}
	return part
}

func sentences(lines []string) []string {
	for i := range lines {
		lines[i] += "."
	}
	return lines
}

func aboutPart(c *Comparison) report.Part {
	return report.Part{Title: "What they are",
		Table: aboutTable(append(append([]Row{}, c.Servers...), asClients(c.Clients)...))}
}

// plotsOf are the plots whose files' names begin with prefix.
func plotsOf(c *Comparison, prefix string) (list []report.Plot) {
	for _, d := range drawings(c) {
		if !strings.HasPrefix(d.name, prefix) {
			continue
		}
		list = append(list, report.Plot{Title: d.bars.Title, Note: d.bars.Desc, Draw: func(f plot.Frame) string {
			bars := d.bars
			bars.Frame = f
			return bars.SVG()
		}})
	}
	return list
}

// conditions is what all had in common, in a sentence or two.
func conditions(c *Comparison) string {
	s, h := c.Setup, c.Host
	text := fmt.Sprintf("Linux %s, %d CPUs, %s, fd limit %s, %s, commit %s, %s. %s connections over %d ports from one "+
		"client on the same machine, rounds in rotated order: %d, each run in a network namespace of its own, %s in "+
		"all; medians.", h.Kernel, h.CPUs, unit.Bytes(float64(h.MemoryBytes)), unit.Commas(int64(h.Nofile)), h.Go,
		h.Commit, c.Started.Format("2006-01-02"), unit.Commas(s.Conns), s.Ports, s.Rounds, unit.Seconds(c.Seconds))
	if n := noise(c.Servers); n != "" {
		text += " " + n
	}
	usual, n := usualKernel(c.Servers), 0
	for _, r := range c.Servers {
		for _, run := range r.Runs {
			if disturbed(run, usual) {
				n++
			}
		}
	}
	if n > 0 {
		text += fmt.Sprintf(
			" The kernel memory of %d runs is left out: other sockets came and went on the machine meanwhile.", n)
	}
	return text
}

// asClients marks the clients in a table that has servers as well.
func asClients(rows []Row) (marked []Row) {
	for _, r := range rows {
		r.Name += " (client)"
		marked = append(marked, r)
	}
	return marked
}

// protocol is a protocol that servers of the comparison speak.
type protocol struct{ proto, title string }

func protocols(c *Comparison) (all []protocol) {
	for _, p := range []protocol{{"tcp", "TCP"}, {"ws", "WebSocket"}} {
		for _, r := range c.Servers {
			if r.Proto == p.proto && r.Class != floor {
				all = append(all, p)
				break
			}
		}
	}
	return all
}
