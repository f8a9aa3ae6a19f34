package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

const (
	// shownAgents is how many agents a report shows, those first that something
	// happened to; the file has all.
	shownAgents = 20
	// namedAgents is how many names a sentence has.
	namedAgents = 6
	// clocksDiffer is from when on that is worth a word.
	clocksDiffer = time.Millisecond
)

// onAgents says which agents of a fleet something is of; "" where that says nothing.
func onAgents(on []string, r *result.Result) string {
	if len(on) == 0 {
		return ""
	}
	total := max(len(r.Agents), len(on))
	switch {
	case total == 1:
		return ""
	case len(on) == total:
		return fmt.Sprintf("on all %d agents", total)
	}
	names := strings.Join(on[:min(len(on), namedAgents)], ", ")
	if more := len(on) - namedAgents; more > 0 {
		names += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Sprintf("on %d of %s (%s)", len(on), Plural(total, "agent"), names)
}

// ofAgents begins what is said of some agents alone, and says whose facts follow where
// these are not the same on all of them.
func ofAgents(on []string, differ bool, r *result.Result) string {
	said := onAgents(on, r)
	if said == "" {
		return ""
	}
	if differ && len(on) > 1 {
		said += "; the figures are those of " + on[0]
	}
	return said + ": "
}

// agentSection has a row for each agent of a fleet.
func agentSection(r *result.Result) section {
	t := table{Title: "Agents", First: "agent", Head: []string{"established", "setup/s", "kernel", "client", "CPU"},
		Words: "machine, what became of it, its tightest limit", layout: layout{name: 16, value: 12, below: true}}
	all := slices.Clone(r.Agents)
	slices.SortStableFunc(all, func(a, b result.Agent) int {
		return cmp.Or(-cmp.Compare(len(a.LostIn), 0)+cmp.Compare(len(b.LostIn), 0),
			cmp.Compare(b.Conns.Failed+b.Conns.Lost, a.Conns.Failed+a.Conns.Lost))
	})
	for _, a := range all[:min(len(all), shownAgents)] {
		row := line{Name: a.Name, Values: []string{unit.Commas(a.Conns.Established), perSecond(a.SetupRate),
			processCost(a.KernelPerConn, nil), processCost(a.ClientPerConn, a.ClientBelow), ""}, Note: agentNote(a)}
		if a.CPU > 0 {
			row.Values[4] = unit.Seconds(a.CPU)
		}
		t.Rows = append(t.Rows, row)
	}
	if c := r.AgentCost; c != nil && len(all) > 1 {
		t.Rows = append(t.Rows, line{Name: "mean", Values: []string{"", "", processCost(c.KernelPerConn, nil),
			processCost(c.ClientPerConn, nil), ""}, Note: "by connections, of " + Plural(c.Agents, "agent")})
	}
	s := section{Title: "Agents", Class: "full", Tables: filled(t)}
	if more := len(all) - shownAgents; more > 0 {
		s.Notes = []string{fmt.Sprintf("... and %s more: see --json.", Plural(more, "agent"))}
	}
	return s
}

func perSecond(rate float64) string {
	if rate <= 0 {
		return ""
	}
	return unit.Significant(rate)
}

// agentNote is what else there is to say of an agent.
func agentNote(a result.Agent) string {
	var said []string
	if a.LostIn != "" {
		said = append(said, "LOST in phase "+a.LostIn)
	}
	if a.Interrupt {
		said = append(said, "interrupted")
	}
	if n := a.Conns.Failed; n > 0 {
		said = append(said, unit.Commas(n)+" failed")
	}
	if n := a.Conns.Lost; n > 0 {
		said = append(said, unit.Commas(n)+" lost")
	}
	if a.Conns.Established+a.Conns.Failed < a.Share {
		said = append(said, "of "+unit.Commas(a.Share))
	}
	if a.CPUs > 0 {
		said = append(said, Plural(a.CPUs, "core")+", "+unit.Bytes(float64(a.MemoryBytes)))
	}
	if a.EchoRate > 0 {
		said = append(said, unit.PerSecond(a.EchoRate)+" echoes")
	}
	if d := time.Duration(a.ClockOffset); d.Abs() >= clocksDiffer {
		ahead := "ahead"
		if d < 0 {
			ahead = "behind"
		}
		said = append(said, "clock "+unit.Nanos(int64(d.Abs()))+" "+ahead)
	}
	if l := a.Tightest; l != nil {
		said = append(said, fmt.Sprintf("tightest: %s, %s", l.Name, unit.Commas(l.Max)))
	}
	for _, code := range a.Findings {
		said = append(said, nameOf(code))
	}
	return strings.Join(said, "; ")
}
