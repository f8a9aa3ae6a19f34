package report

import "github.com/c10m/c10m/internal/result"

// What the program that c10m began as took, bytes per connection and end
// (Tornado, as its users measured it).
var seedPerEnd = map[string]float64{"tcp": 10.5e3, "ws": 15.5e3}

const tenMillion = 10_000_000

func (t text) memory(r *result.Result) {
	m := r.Memory
	if m == nil {
		return
	}
	t.title("Memory per connection    marginal      plain")
	line := func(name string, fit, plain float64, note string) {
		t.printf("  %-20s %11s %11s  %s\n", name, perConn(fit), perConn(plain), note)
	}
	if m.Held != nil {
		ends := "of this end"
		if m.BothEnds {
			ends = "both ends"
		}
		line("kernel", m.KernelPerConn, m.Plain.Kernel, ends)
		if m.ServerPerConn != nil && m.Plain.Server != nil {
			line("server", *m.ServerPerConn, *m.Plain.Server, "user memory")
		}
		line("client", m.ClientPerConn, m.Plain.Client, "user memory")
		line("total", m.TotalPerConn, m.Plain.Total, "")
		t.row("fit", "%d samples, r² %.5f, by %s", m.Fit.Samples, m.Fit.R2, method(m.Method))
		if m.Outside != nil {
			explained, and := m.TotalPerConn, ""
			if m.WalkedPerConn != nil {
				explained += *m.WalkedPerConn
				and = " + " + perConn(*m.WalkedPerConn) + " for readers of /proc/PID/fd"
			}
			t.row("cross-check", "%s%s against %s by", perConn(m.TotalPerConn), and, perConn(*m.Outside))
			t.row("", "MemTotal − MemFree − page cache: %+.1f %%", 100*(explained / *m.Outside - 1))
		}
		t.caches(m.Caches)
		t.printf("  10,000,000 connections need %s", Bytes(m.At10M))
		if seed := seedPerEnd[r.Proto]; seed > 0 && m.BothEnds {
			t.printf("; the seed program needed %.0f GB", 2*seed*tenMillion/1e9)
		}
		t.printf("\n")
	}
	t.inUse(m)
}

func method(m string) string {
	if m == "slabinfo" {
		return "slab pages (/proc/slabinfo)"
	}
	return "MemTotal − MemFree − page cache less the processes"
}

func (t text) caches(list []result.Cache) {
	for _, c := range list {
		t.printf("    %-18s %11s   %.2f objects\n", c.Name, perConn(c.BytesPerConn), c.ObjectsPerConn)
	}
}

// inUse shows the memory before, while held and after.
func (t text) inUse(m *result.Memory) {
	t.title("Memory in use             kernel      server      client     machine")
	line := func(name string, u *result.Used) {
		if u == nil {
			return
		}
		server := "-"
		if u.Server != nil {
			server = Bytes(float64(*u.Server))
		}
		t.printf("  %-18s %11s %11s %11s %11s\n", name, Bytes(float64(u.Kernel)), server, Bytes(float64(u.Client)), Bytes(float64(u.System)))
	}
	line("before", m.Before)
	line("held", m.Held)
	line("after close", m.After)
}
