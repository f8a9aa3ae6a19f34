package report

import (
	"fmt"
	"net/netip"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

const (
	tableWidth = 11
	costName   = 22 // the title has room
)

// notOurs says whose figures a server's are that is none of c10m.
func notOurs(f *result.Foreign) string {
	said := fmt.Sprintf("process %s (pid %d), not ours", f.Name, f.PID)
	switch more := f.Processes - 1; {
	case more == 1:
		said += ", with 1 process more"
	case more > 1:
		said += fmt.Sprintf(", with %d processes more", more)
	}
	if f.Group != "" {
		said += ", of control group " + f.Group
	}
	return said
}

// costSection is what a connection costs, marginal and plain, and where.
func costSection(r *result.Result) section {
	m := r.Memory
	s := section{Title: "Memory per connection"}
	switch {
	case m == nil:
		return s
	case m.Withheld != nil:
		s.Notes = []string{"Memory per connection: " + Warning(*m.Withheld) + "."}
	}
	if !m.Measured() {
		return s
	}
	t := table{Title: s.Title, First: "of", Head: []string{"marginal", "plain"},
		layout: layout{name: costName, value: tableWidth}}
	t.add(kernelRow(m), unit.PerConn(m.KernelPerConn), unit.PerConn(m.Plain.Kernel))
	process := func(name string, marginal, below, plain *float64) {
		if marginal != nil || below != nil || plain != nil {
			t.add(name, processCost(marginal, below), processCost(plain, nil))
		}
	}
	process("server", m.ServerPerConn, m.ServerBelow, m.Plain.Server)
	process("client", m.ClientPerConn, m.ClientBelow, m.Plain.Client)
	t.Rows = append(t.Rows, line{Name: "total", Values: []string{unit.PerConn(m.TotalPerConn),
		unit.PerConn(m.Plain.Total)}, Class: "total"})
	if r.Foreign != nil && (m.ServerPerConn != nil || m.ServerBelow != nil) {
		t.say("the server is", "%s", notOurs(r.Foreign))
	}
	t.say("method", "%s; the kernel's part is of %s", method(m.Method), kernelEnds(m))
	if m.Fit.R2 > 0 && !m.FewSamples() {
		t.say("marginal", "least squares over %s, r² %.5f", Plural(m.Fit.Samples, "sample"), m.Fit.R2)
	} else {
		t.say("marginal", "too few samples for a fit (%d): the plain difference", m.Fit.Samples)
	}
	crossCheck(&t, m)
	caches := table{Title: "Kernel caches", First: "cache", Head: []string{"a conn", "objects"},
		layout: layout{name: costName, value: tableWidth}}
	for _, c := range m.Caches {
		objects := ""
		if c.ObjectsPerConn != 0 {
			objects = unit.Significant(c.ObjectsPerConn)
		}
		caches.add(c.Name, unit.PerConn(c.BytesPerConn), objects)
	}
	s.Tables, s.Notes = filled(t, caches), append(s.Notes, extrapolated(m))
	return s
}

// processCost is what a process takes for a connection, or what it takes less than;
// "" if that is not known.
func processCost(cost, below *float64) string {
	switch {
	case cost != nil:
		return unit.PerConn(*cost)
	case below != nil:
		return "< " + unit.PerConn(*below)
	}
	return ""
}

// kernelRow names the kernel's part of the cost.
func kernelRow(m *result.Memory) string {
	switch {
	case m.BothEnds:
		return "kernel, 2 ends"
	case m.ServerEnd:
		return "kernel, server"
	}
	return "kernel, one end"
}

// kernelEnds says which ends the kernel's part of the cost is of.
func kernelEnds(m *result.Memory) string {
	switch {
	case m.BothEnds:
		return "both ends, " + unit.PerConn(m.KernelPerSocket) + " a socket"
	case m.ServerEnd && serverAlone(m):
		return "the server's machine only"
	case m.ServerEnd:
		return "the server's end only, the client has no sockets"
	}
	return "this end only"
}

// serverAlone says whether no client's memory is in the cost at all: of a fleet it is
// beside each agent.
func serverAlone(m *result.Memory) bool { return m.ClientPerConn == nil && m.ClientBelow == nil }

func method(m string) string {
	if m == "slabinfo" {
		return "objects in slab caches (/proc/slabinfo)"
	}
	return "MemTotal − MemFree − page cache, less the processes"
}

// crossCheck holds the accounts against what the machine lost.
func crossCheck(t *table, m *result.Memory) {
	if m.PagesPerConn != nil && m.KernelPerConn > 0 {
		against := ""
		if m.Carries() {
			against = ": " + unit.Change(*m.PagesPerConn/m.KernelPerConn-1) + " of their objects"
		}
		t.say("in pages", "the kernel's slabs grew by %s%s", unit.PerConn(*m.PagesPerConn), against)
	}
	explained, known := m.InPages()
	if !known || !m.Carries() {
		return
	}
	and := ""
	if m.WalkedPerConn != nil {
		and = fmt.Sprintf(", %s of it left by readers of /proc/PID/fd", unit.PerConn(*m.WalkedPerConn))
	}
	t.say("cross-check", "%s in pages%s, against %s by MemTotal − MemFree − page cache: %s",
		unit.PerConn(explained), and, unit.PerConn(*m.Outside), unit.Change(explained / *m.Outside - 1))
}

// extrapolated is the sentence that people quote. GiB = 2^30, GB = 10^9: others
// count in GB, so both are given.
func extrapolated(m *result.Memory) string {
	need := m.Projection()
	switch {
	case need == 0 && m.FewSamples():
		return "Too few samples to say what 10,000,000 connections need: take more of them, or a lower --rate."
	case need == 0 && m.FewConns():
		return fmt.Sprintf("Too few connections to say what 10,000,000 need: what %s take is not much more than what "+
			"processes take and give back by themselves. %s would tell.", unit.Commas(m.Over()),
			unit.Commas(m.Enough()))
	case need == 0:
		return "Too noisy to say what 10,000,000 connections need: take more of them."
	}
	at := ", this end"
	switch {
	case m.BothEnds:
		at = ""
	case m.ServerEnd && serverAlone(m):
		at = ", the server's machine"
	case m.ServerEnd:
		at = ", the server and the client's own TCP"
	}
	said := fmt.Sprintf("10,000,000 connections need %s (%s GB)%s", unit.Bytes(need),
		unit.Commas(int64(need/1e9+0.5)), at)
	if m.BothEnds && m.ServerPerConn == nil && m.ServerBelow == nil {
		said += ", without the server's own memory, which is not known"
	}
	return said
}

// inUseSection is the memory before, while held and after, and how much came back.
func inUseSection(m *result.Memory) section {
	if m == nil || m.Before == nil && m.Held == nil && m.After == nil {
		return section{}
	}
	// Five columns within 60.
	t := table{Title: "Memory in use", First: "when", Head: []string{"kernel", "server", "client", "machine"},
		layout: layout{name: 15, value: tableWidth}}
	for _, one := range []struct {
		when string
		used *result.Used
	}{{"before", m.Before}, {"held", m.Held}, {"after close", m.After}} {
		u := one.used
		if u == nil {
			continue
		}
		server := ""
		if u.Server != nil {
			server = unit.Bytes(float64(*u.Server))
		}
		client := ""
		if u.Client > 0 { // of a fleet there is none
			client = unit.Bytes(float64(u.Client))
		}
		t.add(one.when, unit.Bytes(float64(u.Kernel)), server, client,
			unit.Bytes(float64(u.System)))
	}
	if back := m.Returned(); back != (result.Returned{}) {
		t.add("came back", cameBack(back.Kernel), cameBack(back.Server), cameBack(back.Client), cameBack(back.System))
	}
	if m.PeakUsed > 0 {
		t.say("peak", "%s of the machine's memory in use", unit.Bytes(float64(m.PeakUsed)))
	}
	return section{Title: "Memory in use", Tables: filled(t)}
}

// cameBack is the share of a growth that was given back; "" if that is not known.
func cameBack(share *float64) string {
	switch {
	case share == nil:
		return ""
	case *share == 0:
		return "none"
	}
	return unit.Percent(*share)
}

// ends is how many ends of each connection the kernel's count of sockets has.
func ends(r *result.Result) int64 {
	if c := r.Reconcile; c != nil && c.Ends > 0 {
		return c.Ends
	}
	if m := r.Memory; m.Measured() && m.BothEnds {
		return 2
	}
	if a, err := netip.ParseAddr(r.Plan.Host); err == nil && a.IsLoopback() {
		return 2
	}
	return 1
}
