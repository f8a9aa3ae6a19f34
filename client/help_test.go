package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"unicode/utf8"
)

// commands are those of the client, and none, which holds.
func commands() []string {
	all := []string{""}
	for _, c := range program().Commands {
		all = append(all, c.Name)
	}
	return all
}

// Every command has a help of its own on stdout, of one screen.
func TestHelp(t *testing.T) {
	for _, name := range commands() {
		var stdout, stderr bytes.Buffer
		status := run(context.Background(), append(strings.Fields(name), "--help"), &stdout, &stderr)
		text := stdout.String()
		if status != 0 || stderr.Len() > 0 || !strings.Contains(text, "Examples\n") ||
			!strings.HasPrefix(text, strings.TrimSpace("usage: client "+name)) {
			t.Errorf("%s --help: status %d, stderr %q, %s", name, status, stderr.String(), text)
		}
		if n := strings.Count(text, "\n"); n < 15 || n > 40 {
			t.Errorf("%s --help: %d lines, want one screen of 40", name, n)
		}
		for line := range strings.Lines(text) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
				t.Errorf("%s --help: %d columns: %s", name, n, line)
			}
		}
	}
}

// Without a command the client holds, and says so: what one takes, the other does.
func TestNoCommandHolds(t *testing.T) {
	p := program()
	hold := p.Commands[0]
	for _, line := range []string{"--size 0", "--private-fds maybe", "--dash x", "--keepalive 1ms"} {
		said := [2]string{}
		for i, name := range []string{"", "hold"} {
			var stdout, stderr bytes.Buffer
			status := run(context.Background(), append(strings.Fields(name), strings.Fields(line)...), &stdout, &stderr)
			if said[i] = stderr.String(); status != 2 || strings.Count(said[i], "\n") != 1 {
				t.Errorf("%s %s: status %d", name, line, status)
			}
		}
		if said[0] != said[1] {
			t.Errorf("%s: %q and %q", line, said[0], said[1])
		}
	}
	if hold.Name != "hold" {
		t.Errorf("the first command is %s", hold.Name)
	}
}
