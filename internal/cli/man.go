package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/c10m/c10m/internal/unit"
)

// manual is the hidden command that prints a program's man page, man-pages(7).
func (r *run) manual() *Command {
	return &Command{Name: "man", Hidden: true, Short: "print the man page",
		Run: func(context.Context, *Call) (int, error) {
			r.print(manPage(r.program))
			return Done, nil
		}}
}

// manPage is roff of everything that --help-all says of each command.
func manPage(p *Program) string {
	var b strings.Builder
	page := prefix + strings.TrimPrefix(p.Name, prefix)
	fmt.Fprintf(&b, ".TH %s 1 %q %q\n", strings.ToUpper(page), p.Build.Date, "c10m "+Version)
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n.SH SYNOPSIS\n", roff(page), roff(p.Short))
	fmt.Fprintf(&b, ".B %s\n", roff(usageLine(&p.Command, p.Name)))
	b.WriteString(".SH DESCRIPTION\n")
	manText(&b, p.Long)
	manFlags(&b, p.Flags, ".SS ")
	for _, note := range p.Notes {
		manText(&b, note)
	}
	commands := ".SH COMMANDS\n"
	for _, c := range p.Commands {
		if c.Hidden {
			continue
		}
		b.WriteString(commands)
		commands = ""
		fmt.Fprintf(&b, ".SS %s\n", roff(usageLine(c, p.Name+" "+c.Name)))
		manText(&b, c.Short+".\n\n"+c.Long)
		manFlags(&b, c.Flags, ".PP\n.B ")
		for _, note := range slices.Concat(c.Notes, []string{c.Details}) {
			manText(&b, note)
		}
		manExamples(&b, c, p.Name, ".PP\nExamples:\n")
		if c.Status != "" {
			manText(&b, "Exit status: "+statuses(c.Status))
		}
	}
	b.WriteString(".SH QUANTITIES\n.nf\n" + roff(unit.Help) + ".fi\n")
	if p.Status != "" {
		b.WriteString(".SH EXIT STATUS\n" + roff(statuses(p.Status)) + "\n")
	}
	manExamples(&b, &p.Command, p.Name, ".SH EXAMPLES\n")
	return b.String()
}

func manFlags(b *strings.Builder, flags *Flags, heading string) {
	if flags == nil {
		return
	}
	for _, g := range flags.groups {
		first := true
		for _, f := range g.flags {
			if f.Hidden || f.left {
				continue
			}
			if first && g.title != "" {
				b.WriteString(heading + roff(g.title) + "\n")
			}
			first = false
			text := f.sentence()
			if v, ok := f.Value.(interface{ Legal() string }); ok {
				text += "; " + v.Legal()
			}
			fmt.Fprintf(b, ".TP\n.B %s\n%s\n", roff(f.name()), roff(text))
		}
	}
}

func manExamples(b *strings.Builder, c *Command, program, heading string) {
	if len(c.Examples) > 0 {
		b.WriteString(heading + ".nf\n")
		for _, example := range c.Examples {
			b.WriteString(roff(called(example, program)) + "\n")
		}
		b.WriteString(".fi\n")
	}
}

// manText is paragraphs, parted by empty lines.
func manText(b *strings.Builder, text string) {
	for _, paragraph := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if paragraph != "" {
			b.WriteString(".PP\n" + roff(paragraph) + "\n")
		}
	}
}

// roff escapes what roff(7) would take for a request or for a typographic dash.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
