package report

import (
	"fmt"
	"net/netip"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

const (
	tableWidth = 11
)

// memory is what a connection costs and what was in use.
func (t *text) memory(r *result.Result) {
	m := r.Memory
	if m == nil {
		return
	}
	if m.Withheld != "" {
		t.printf("\n")
		t.sentence("Memory per connection: %s.", m.Withheld)
	}
	if m.Measured() {
		t.perConn(m)
		t.caches(m.Caches)
		t.extrapolate(m)
	}
	t.inUse(m)
}

func (t *text) perConn(m *result.Memory) {
	t.head("Memory per conn", tableWidth, "marginal", "plain")
	t.cells(kernelRow(m), tableWidth, unit.PerConn(m.KernelPerConn), unit.PerConn(m.Plain.Kernel))
	server := func(p *float64) string {
		if p == nil {
			return ""
		}
		return unit.PerConn(*p)
	}
	if m.ServerPerConn != nil || m.Plain.Server != nil {
		t.cells("server", tableWidth, server(m.ServerPerConn), server(m.Plain.Server))
	}
	t.cells("client", tableWidth, unit.PerConn(m.ClientPerConn), unit.PerConn(m.Plain.Client))
	t.cells("total", tableWidth, unit.PerConn(m.TotalPerConn), unit.PerConn(m.Plain.Total))
	t.row("method", "%s; the kernel's part is of %s", method(m.Method), kernelEnds(m))
	if m.Fit.R2 > 0 {
		t.row("marginal", "least squares over %s, r² %.5f", plural(m.Fit.Samples, "sample"), m.Fit.R2)
	} else {
		t.row("marginal", "too few samples for a fit (%d): the plain difference", m.Fit.Samples)
	}
	t.crossCheck(m)
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
	case m.ServerEnd:
		return "the server's end only, the client has no sockets"
	}
	return "this end only"
}

func method(m string) string {
	if m == "slabinfo" {
		return "objects in slab caches (/proc/slabinfo)"
	}
	return "MemTotal − MemFree − page cache, less the processes"
}

// crossCheck holds the accounts against what the machine lost.
func (t *text) crossCheck(m *result.Memory) {
	if m.PagesPerConn != nil && m.KernelPerConn > 0 {
		t.row("in pages", "the kernel's slabs grew by %s: %+.1f %% of their objects", unit.PerConn(*m.PagesPerConn), 100*(*m.PagesPerConn/m.KernelPerConn-1))
	}
	explained, known := m.InPages()
	if !known {
		return
	}
	and := ""
	if m.WalkedPerConn != nil {
		and = fmt.Sprintf(", %s of it left by readers of /proc/PID/fd", unit.PerConn(*m.WalkedPerConn))
	}
	t.row("cross-check", "%s in pages%s, against %s by MemTotal − MemFree − page cache: %+.1f %%",
		unit.PerConn(explained), and, unit.PerConn(*m.Outside), 100*(explained / *m.Outside - 1))
}

func (t *text) caches(list []result.Cache) {
	if len(list) == 0 {
		return
	}
	t.head("Kernel caches", tableWidth, "a conn", "objects")
	for _, c := range list {
		objects := ""
		if c.ObjectsPerConn != 0 {
			objects = fmt.Sprintf("%.2f", c.ObjectsPerConn)
		}
		t.cells(c.Name, tableWidth, unit.PerConn(c.BytesPerConn), objects)
	}
}

// extrapolate is the sentence that people quote. GiB = 2^30, GB = 10^9: others
// count in GB, so both are given.
func (t *text) extrapolate(m *result.Memory) {
	t.printf("\n")
	need := m.Projection()
	if need == 0 && m.FewSamples() {
		t.sentence("Too few samples to say what 10,000,000 connections need: take more of them, or a lower --rate.")
		return
	}
	if need == 0 {
		t.sentence("Too noisy to say what 10,000,000 connections need: take more of them.")
		return
	}
	at := ", this end"
	switch {
	case m.BothEnds:
		at = ""
	case m.ServerEnd:
		at = ", the server and the client's own TCP"
	}
	said := fmt.Sprintf("10,000,000 connections need %s (%s GB)%s", unit.Bytes(need), unit.Commas(int64(need/1e9+0.5)), at)
	if m.BothEnds && m.ServerPerConn == nil {
		said += ", without the server's own memory, which is not known"
	}
	t.sentence("%s", said)
}

// inUse is the memory before, while held and after, and how much came back.
func (t *text) inUse(m *result.Memory) {
	if m.Before == nil && m.Held == nil && m.After == nil {
		return
	}
	const first = 15 // five columns within 60
	t.title(cells("Memory in use", first, tableWidth, "kernel", "server", "client", "machine"))
	values := func(name string, v ...string) { t.printf("%s\n", cells("  "+name, first, tableWidth, v...)) }
	line := func(name string, u *result.Used) {
		if u == nil {
			return
		}
		server := ""
		if u.Server != nil {
			server = unit.Bytes(float64(*u.Server))
		}
		values(name, unit.Bytes(float64(u.Kernel)), server, unit.Bytes(float64(u.Client)), unit.Bytes(float64(u.System)))
	}
	line("before", m.Before)
	line("held", m.Held)
	line("after close", m.After)
	if back := m.Returned(); back != (result.Returned{}) {
		values("came back", cameBack(back.Kernel), cameBack(back.Server), cameBack(back.Client), cameBack(back.System))
	}
	if m.PeakUsed > 0 {
		t.row("peak", "%s of the machine's memory in use", unit.Bytes(float64(m.PeakUsed)))
	}
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
