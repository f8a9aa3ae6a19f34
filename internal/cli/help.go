package cli

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/c10m/c10m/internal/unit"
)

// A help text fits a screen of 80 columns and 40 lines; the sentences stand in
// one column.
const (
	helpWidth  = 80
	helpHeight = 40
	helpColumn = 24
)

// help is what --help prints: one screen. all explains the rare flags as well. Where
// they are too many even to be named, their number must do.
func help(c *Command, path string, all bool) string {
	text := helpNaming(c, path, all, true)
	if !all && strings.Count(text, "\n") > helpHeight {
		text = helpNaming(c, path, all, false)
	}
	return text
}

// helpNaming is help, with the names of the rare flags or without them.
func helpNaming(c *Command, path string, all, naming bool) string {
	var b strings.Builder
	b.WriteString("usage: " + usageLine(c, path) + "\n")
	paragraph(&b, c.Long)
	if len(c.names()) > 0 {
		fmt.Fprintf(&b, "\nCommands; %s COMMAND --help shows the flags of one\n", path)
		for _, sub := range c.Commands {
			if !sub.Hidden {
				entry(&b, sub.Name, sub.Short)
			}
		}
	}
	var rare []string
	begun := false
	for _, g := range c.Flags.groups {
		var shown []*flag
		var seldom []string
		for _, f := range g.flags {
			switch {
			case f.Hidden || f.left:
			case f.rare && !all:
				seldom = append(seldom, "--"+f.Name)
			default:
				shown = append(shown, f)
			}
		}
		if n := len(seldom); len(shown) == 0 && n > 2 { // a whole subject: the first flag stands for all
			seldom = []string{fmt.Sprintf("%s (and %d more)", seldom[0], n-1)}
		}
		rare = append(rare, seldom...)
		if len(shown) == 0 {
			continue
		}
		if !begun {
			b.WriteString("\n")
		}
		begun = true
		if g.title != "" {
			b.WriteString(g.title + "\n")
		}
		for _, f := range shown {
			entry(&b, f.name(), f.sentence())
		}
	}
	switch {
	case len(rare) > 0 && naming:
		b.WriteString("Explained by --help-all\n")
		indented(&b, "  ", strings.Join(rare, ", "))
	case len(rare) > 0:
		fmt.Fprintf(&b, "%d flags more are explained by --help-all\n", len(rare))
	}
	if all {
		paragraph(&b, c.Details)
	}
	foot(&b, c, path)
	return b.String()
}

// foot is what stands below the flags.
func foot(b *strings.Builder, c *Command, path string) {
	program, _, below := strings.Cut(path, " ")
	for _, note := range c.Notes {
		paragraph(b, note)
	}
	if c.Status != "" {
		indented(b, "", "Exit status: "+statuses(c.Status))
	}
	if len(c.Examples) > 0 {
		b.WriteString("Examples\n")
		for _, example := range c.Examples {
			b.WriteString("  " + called(example, program) + "\n")
		}
	}
	if !below && strings.Count(b.String(), "\n")+strings.Count(unit.Help, "\n") < helpHeight {
		b.WriteString("\n" + unit.Help)
		return
	}
	b.WriteString("How counts, sizes, rates and times are written: " + program + " help quantities\n")
	if !below && len(c.names()) == 0 {
		b.WriteString("For a shell to complete flags: " + program + " " + completionName + " bash|zsh|fish\n")
	}
}

func usageLine(c *Command, path string) string {
	if len(c.names()) > 0 {
		if c.Run == nil {
			return path + " COMMAND [flags]"
		}
		path += " [COMMAND]"
	}
	if c.Takes != "" {
		path += " " + c.Takes
	}
	return path + " [flags]"
}

// called is an example as it has to be typed where the program has its long name.
func called(example, program string) string {
	if short, long := strings.CutPrefix(program, prefix); long {
		return strings.Replace(example, short+" ", program+" ", 1)
	}
	return example
}

// built is one of our programs, in a message, where make build has put it.
var built = regexp.MustCompile(`(^|[ (])bin/(server|client|tuning)\b`)

// allCalled is a message with our programs' long names where this one has its own.
func allCalled(message, program string) string {
	if strings.HasPrefix(program, prefix) {
		return built.ReplaceAllString(message, "${1}"+prefix+"${2}")
	}
	return message
}

// statuses puts bad usage where it belongs among the exit statuses.
func statuses(text string) string {
	before, after, more := strings.Cut(text, ", 130 ")
	if more {
		return before + ", 2 bad usage, 130 " + after + "."
	}
	return text + ", 2 bad usage."
}

// name is a flag as one types it.
func (f *flag) name() string {
	if f.as == "" {
		return "--" + f.Name
	}
	return "--" + f.Name + " " + f.as
}

// sentence is a flag's meaning, with its default.
func (f *flag) sentence() string {
	zero := ""
	if v, ok := f.Value.(interface{ Zero() string }); ok {
		zero = "0: " + v.Zero()
	}
	parts := []string{f.DefValue}
	switch {
	case f.DefValue == "" || f.DefValue == "false":
		if f.note == "" {
			return f.Usage
		}
		return f.Usage + " (default: " + f.note + ")"
	case zero != "" && strings.Trim(f.DefValue, "0s") == "":
		parts = []string{zero}
	case f.note != "":
		parts = []string{f.DefValue + ": " + f.note}
	case zero != "":
		parts = append(parts, zero)
	}
	return f.Usage + " (default " + strings.Join(parts, "; ") + ")"
}

// entry is a name and its text, in two columns.
func entry(b *strings.Builder, name, text string) {
	left := "  " + name
	if pad := helpColumn - utf8.RuneCountInString(left); pad >= 2 {
		left += strings.Repeat(" ", pad)
	} else {
		left += "  "
	}
	lines := fold(text, helpWidth-utf8.RuneCountInString(left), helpWidth-helpColumn)
	b.WriteString(strings.TrimRight(left+lines[0], " ") + "\n")
	for _, line := range lines[1:] {
		b.WriteString(strings.Repeat(" ", helpColumn) + line + "\n")
	}
}

// paragraph folds text that empty lines part, after an empty line. What is
// indented stands as it is.
func paragraph(b *strings.Builder, text string) {
	for _, part := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if part == "" {
			continue
		}
		b.WriteString("\n")
		words := ""
		for line := range strings.Lines(part) {
			if !strings.HasPrefix(line, "  ") {
				words += line
				continue
			}
			if words != "" {
				indented(b, "", words)
				words = ""
			}
			b.WriteString(strings.TrimRight(line, "\n") + "\n")
		}
		if words != "" {
			indented(b, "", words)
		}
	}
}

// indented folds text.
func indented(b *strings.Builder, indent, text string) {
	for _, line := range fold(text, helpWidth-len(indent), helpWidth-len(indent)) {
		b.WriteString(indent + line + "\n")
	}
}

// fold breaks text between words: into a first line of that width, and others.
func fold(text string, first, others int) (lines []string) {
	line, width := "", first
	for _, word := range strings.Fields(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines, line, width = append(lines, line), "", others
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// help is the command help: of another command, or of how quantities are written.
func (r *run) help() *Command {
	return &Command{Name: "help", Hidden: true, Takes: "COMMAND|quantities", Short: "what a command does",
		Args: func([]string) error { return nil },
		Run: func(_ context.Context, call *Call) (int, error) {
			at, path := &r.program.Command, r.program.Name
			for _, word := range call.Args {
				if word == "quantities" {
					r.print(unit.Help)
					return Done, nil
				}
				sub := at.sub(word)
				if sub == nil {
					return 0, at.check([]string{word}, -1, path)
				}
				at, path = sub, path+" "+word
			}
			r.print(help(at, path, false))
			return Done, nil
		}}
}

func (c *Command) sub(name string) *Command {
	for _, sub := range c.Commands {
		if sub.Name == name {
			return sub
		}
	}
	return nil
}
