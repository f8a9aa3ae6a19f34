package main

import (
	"fmt"
	"strings"

	"github.com/c10m/c10m/internal/unit"
)

// markdown renders a table.
func (t table) markdown() string {
	var b strings.Builder
	line := func(cells []string) {
		b.WriteString("|")
		for _, c := range cells {
			b.WriteString(" " + strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;").Replace(c) + " |")
		}
		b.WriteString("\n")
	}
	line(t.head)
	b.WriteString(strings.Repeat("|---", len(t.head)) + "|\n")
	for _, r := range t.rows {
		line(r)
	}
	return b.String()
}

func bullets(lines []string) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString("* " + l + ".\n")
	}
	return b.String()
}

// conditions is what all had in common, in a sentence or two.
func conditions(c *Comparison) string {
	s, h := c.Setup, c.Host
	text := fmt.Sprintf("Linux %s, %d CPUs, %.1f GiB, fd limit %s, %s, commit %s, %s. %s connections over %d ports from one client on the same machine, rounds in rotated order: %d, each run in a network namespace of its own, %.0f s in all; medians.",
		h.Kernel, h.CPUs, float64(h.MemoryBytes)/(1<<30), unit.Commas(int64(h.Nofile)), h.Go, h.Commit, c.Started.Format("2006-01-02"),
		unit.Commas(s.Conns), s.Ports, s.Rounds, c.Seconds)
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
		text += fmt.Sprintf(" The kernel memory of %d runs is left out: other sockets came and went on the machine meanwhile.", n)
	}
	return text
}

// serverSection is everything about the servers of one protocol.
func serverSection(c *Comparison, proto string) string {
	return serverTable(c, proto).markdown() + "\n" + bullets(behind(c.Servers, proto))
}

func clientSection(c *Comparison) string {
	text := clientTable(c).markdown()
	for _, r := range c.Clients {
		if r.Class == ours {
			text += "\n" + bullets(behind(c.Clients, "tcp"))
		}
	}
	return text
}

func aboutSection(c *Comparison) string {
	return aboutTable(append(append([]Row{}, c.Servers...), asClients(c.Clients)...)).markdown()
}

// asClients marks the clients in a table that has servers as well.
func asClients(rows []Row) (marked []Row) {
	for _, r := range rows {
		r.Name += " (client)"
		marked = append(marked, r)
	}
	return marked
}

// markdown is the whole comparison.
func markdown(c *Comparison) string {
	var b strings.Builder
	b.WriteString("# Side by side\n\n" + conditions(c) + "\n")
	for _, p := range protocols(c) {
		fmt.Fprintf(&b, "\n## %s servers\n\n%s", p.title, serverSection(c, p.proto))
	}
	if len(c.Clients) > 0 {
		b.WriteString("\n## Clients\n\n" + clientSection(c))
	}
	return b.String() + "\n## What they are\n\n" + aboutSection(c)
}

// protocol is one with servers in the comparison.
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
