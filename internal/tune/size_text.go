package tune

import (
	"fmt"
	"io"
	"strings"

	"github.com/c10m/c10m/internal/plan"
)

// WriteSizing writes a sizing for people, in GiB.
func WriteSizing(w io.Writer, s Sizing) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s connections\n\n", plan.Group(s.Conns), s.Proto)
	fmt.Fprintf(&b, "a connection   %s bytes of both ends: kernel 2 x %s, server %s, client %s\n", plan.Group(s.PerPair),
		plan.Group(KernelEnd.Bytes), plan.Group(ServerEnd.Bytes), plan.Group(ClientEnd.Bytes))
	fmt.Fprintf(&b, "ports          %d destination ports x %s local ports a source: %s source %s\n", s.Ports,
		plan.Group(int64(s.LocalPorts)), plan.Group(s.Sources), plural(s.Sources, "address", "addresses"))
	fmt.Fprintf(&b, "seed program   %s for as many, both ends\n", gib(s.Seeds))
	for _, l := range s.Layouts {
		b.WriteString("\n" + layoutTitle(l) + "\n")
		for _, p := range l.Parts {
			fmt.Fprintf(&b, "  %-26s %12s\n", p.Name, gib(p.Bytes))
		}
		fmt.Fprintf(&b, "  %-26s %12s\n", "sum", gib(l.Total))
		fmt.Fprintf(&b, "  %-26s %12s   (%d %% stay free)\n", "memory needed", gib(l.Memory), reservePercent)
		for _, line := range wrap("EC2: "+fitText(l.Fits), width-2) {
			b.WriteString("  " + line + "\n")
		}
	}
	b.WriteString("\nexamples: what one machine holds, the seed program then and this one now\n")
	for _, h := range s.Examples {
		what := "both ends"
		if h.Role != Both {
			what = string(h.Role) + " only"
		}
		fmt.Fprintf(&b, "  %s (%d vCPU, %d GiB)  %-3s  %-11s  then %10s  now %10s\n", h.Instance.Type, h.Instance.VCPU,
			h.Instance.MiB/1024, h.Proto, what, plan.Group(h.Then), plan.Group(h.Now))
	}
	b.WriteString("\nmeasured costs\n")
	for _, c := range s.Costs {
		fmt.Fprintf(&b, "  %-30s %11s B  %s, %s\n", c.Part, plan.Group(c.Bytes), c.Date, c.Source)
	}
	fmt.Fprintf(&b, "\ninstance types as of %s, smallest of each family that holds it\n", s.Dated)
	_, err := io.WriteString(w, b.String())
	return err
}

func layoutTitle(l Layout) string {
	switch {
	case l.Role == Both:
		return "one machine for both ends"
	case l.Role == Client && l.Machines > 1:
		return fmt.Sprintf("each of %d client machines, %s connections", l.Machines, plan.Group(l.Conns))
	}
	return "the " + string(l.Role) + " alone"
}

func fitText(all []Instance) string {
	if len(all) == 0 {
		return "none of the table is large enough"
	}
	var parts []string
	for _, i := range all {
		parts = append(parts, fmt.Sprintf("%s (%d vCPU, %s GiB)", i.Type, i.VCPU, strings.TrimSuffix(fmt.Sprintf("%.2f", float64(i.MiB)/1024), ".00")))
	}
	return strings.Join(parts, ", ")
}

func gib(n int64) string { return fmt.Sprintf("%.2f GiB", float64(n)/(1<<30)) }

func plural(n int64, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// WriteSettings writes what a target wants of each setting, without a kernel.
func WriteSettings(w io.Writer, t Target) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\nsettings wanted (role %s, %s)\n", t.Role, gib(t.Memory))
	for _, set := range Settings() {
		want, ok := set.Want(t)
		if !ok || set.Kind == AsIs {
			continue
		}
		fmt.Fprintf(&b, "  %-36s %-28s %s\n", set.Key, wantText(set.Kind, want), set.Scope)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
