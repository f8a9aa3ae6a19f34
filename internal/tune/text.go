package tune

import (
	"fmt"
	"io"
	"strings"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/unit"
)

// width is the most columns of what is written for people.
const width = 100

// WriteCheck writes the table of a check: a line for each setting, and below those that
// are not ok why they matter and the cure. With all the others are explained, too.
func WriteCheck(w io.Writer, rows []Row, all bool) error {
	const keyWidth, statusWidth, valueWidth = 34, 11, 24
	var b strings.Builder
	line := func(status, key, now, want string) {
		b.WriteString(strings.TrimRight(fmt.Sprintf("%-*s  %-*s  %-*s  %s", statusWidth, status, keyWidth, key,
			valueWidth, clip(now, valueWidth), clip(want, valueWidth)), " ") + "\n")
	}
	line("STATE", "SETTING", "NOW", "WANTED")
	for _, r := range rows {
		now := quoteEmpty(r.Now)
		if r.Status == Unreadable || r.Status == Absent {
			now = "-"
		}
		line(string(r.Status), r.Key, now, wantText(r.setting.Kind, r.Want))
		var below []string
		if r.Note != "" {
			below = append(below, r.Note)
		}
		if r.Boot != "" {
			below = append(below, "boot: "+r.Boot)
		}
		if all || r.Status != OK {
			below = append(below, "why: "+r.Why)
		}
		if r.Status == Low || r.Status == Advised {
			below = append(below, "hurts: "+r.TooLow)
		}
		if r.Cure != "" {
			below = append(below, "cure: "+r.Cure)
		}
		for _, text := range below {
			for _, l := range wrap(text, width-statusWidth-2) {
				b.WriteString(strings.Repeat(" ", statusWidth+2) + l + "\n")
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteReport writes what Apply or Revert did, or would do.
func WriteReport(w io.Writer, rep Report, dry bool) error {
	var b strings.Builder
	verb := ""
	if dry {
		verb = "would change "
	}
	for _, c := range rep.Done {
		if c.Old == "" && c.New == "written" {
			fmt.Fprintf(&b, "%s%s: %s\n", verb, c.Key, c.New)
			continue
		}
		fmt.Fprintf(&b, "%s%s: %s -> %s\n", verb, c.Key, quoteEmpty(c.Old), quoteEmpty(c.New))
	}
	for _, c := range rep.NotDone {
		fmt.Fprintf(&b, "NOT DONE %s: %s -> %s: %s\n", c.Key, quoteEmpty(c.Old), quoteEmpty(c.New), c.Reason)
		if c.Cure != "" {
			fmt.Fprintf(&b, "         cure: %s\n", c.Cure)
		}
	}
	for _, c := range rep.Advice {
		fmt.Fprintf(&b, "advice   %s is %s, better %s: %s\n", c.Key, c.Old, strings.ReplaceAll(c.New, "|", " or "), c.Cure)
	}
	for _, n := range rep.Notes {
		b.WriteString("note     " + n + "\n")
	}
	if len(rep.Done)+len(rep.NotDone) == 0 {
		b.WriteString("nothing to change\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// wantText shows a wanted value to people.
func wantText(k Kind, want string) string {
	switch k {
	case Choice:
		return strings.ReplaceAll(want, "|", " or ")
	case AtMost:
		return "at most " + want
	case Triple:
		return strings.TrimPrefix(strings.TrimPrefix(want, "0 "), "0 ")
	}
	return want
}

// quoteEmpty shows an empty value as "".
func quoteEmpty(s string) string {
	if s == "" {
		return "(empty)"
	}
	return s
}

// clip shortens a text to n columns; --json has all of it.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n-3] + "..."
}

// wrap breaks text into lines of at most n bytes, between words.
func wrap(text string, n int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > n {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// WriteSizing writes a sizing for people, in GiB.
func WriteSizing(w io.Writer, s Sizing) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s connections\n\n", unit.Commas(s.Conns), s.Proto)
	fmt.Fprintf(&b, "a connection   %s bytes of both ends: kernel 2 x %s, server %s, client %s\n", unit.Commas(s.PerPair),
		unit.Commas(KernelEnd.Bytes), unit.Commas(ServerEnd.Bytes), unit.Commas(ClientEnd.Bytes))
	fmt.Fprintf(&b, "ports          %d destination ports x %s local ports a source: %s source %s\n", s.Ports,
		unit.Commas(int64(s.LocalPorts)), unit.Commas(s.Sources), plural(s.Sources, "address", "addresses"))
	for _, l := range s.Layouts {
		b.WriteString("\n" + layoutTitle(l) + "\n")
		for _, p := range l.Parts {
			fmt.Fprintf(&b, "  %-26s %12s\n", p.Name, gib(p.Bytes))
		}
		fmt.Fprintf(&b, "  %-26s %12s\n", "sum", gib(l.Total))
		fmt.Fprintf(&b, "  %-26s %12s   (%d %% stay free)\n", "memory needed", gib(l.Memory), plan.MemoryReservePercent)
		for _, line := range wrap("EC2: "+fitText(l.Fits), width-2) {
			b.WriteString("  " + line + "\n")
		}
	}
	b.WriteString("\nexample: what one machine holds, of TCP or WebSocket connections\n")
	for _, h := range s.Examples {
		what := "both ends"
		if h.Role != Both {
			what = string(h.Role) + " only"
		}
		fmt.Fprintf(&b, "  %s (%d vCPU, %d GiB)  %-11s  %10s\n", h.Instance.Type, h.Instance.VCPU, h.Instance.MiB/1024, what,
			unit.Commas(h.Conns))
	}
	b.WriteString("\nmeasured costs\n")
	for _, c := range s.Costs {
		fmt.Fprintf(&b, "  %-30s %11s B  %s, %s\n", c.Part, unit.Commas(c.Bytes), c.Date, c.Source)
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
		return fmt.Sprintf("each of %d client machines, %s connections", l.Machines, unit.Commas(l.Conns))
	}
	return "the " + string(l.Role) + " alone"
}

func fitText(all []Instance) string {
	if len(all) == 0 {
		return "none of the table is large enough"
	}
	var parts []string
	for _, i := range all {
		parts = append(parts, fmt.Sprintf("%s (%d vCPU, %s GiB)", i.Type, i.VCPU,
			strings.TrimSuffix(fmt.Sprintf("%.2f", float64(i.MiB)/1024), ".00")))
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
