package main

import (
	"bytes"
	"context"
	"flag"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/c10m/c10m/internal/unit"
)

// Every command has a help of its own on stdout, of one screen.
func TestHelp(t *testing.T) {
	all := [][]string{{"--help"}, {"-h"}, {"hold", "--help"}, {"echo", "--help"}}
	for name := range labs() {
		all = append(all, []string{name, "--help"})
	}
	for _, args := range all {
		var stdout, stderr bytes.Buffer
		if status := run(context.Background(), args, &stdout, &stderr); status != 0 || stderr.Len() > 0 {
			t.Errorf("%v: status %d, stderr %q", args, status, stderr.String())
		}
		text := stdout.String()
		text, said := strings.CutSuffix(text, "\n"+unit.Help)
		if !said {
			t.Errorf("%v does not say how quantities are written", args)
		}
		if n := strings.Count(text, "\n"); n < 15 || n > 40 {
			t.Errorf("%v: %d lines, want one screen of 40", args, n)
		}
		for line := range strings.Lines(text) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
				t.Errorf("%v: %d columns: %s", args, n, line)
			}
		}
		if !strings.Contains(text, "Examples") || !strings.HasPrefix(text, "usage: client ") {
			t.Errorf("%v: %s", args, text)
		}
		if len(args) == 2 && !strings.Contains(overview, "\n  "+args[0]+" ") {
			t.Errorf("client --help lacks %s", args[0])
		}
		if len(args) == 2 && !strings.HasPrefix(text, "usage: client "+args[0]+" ") {
			t.Errorf("%v: %s", args, text)
		}
	}
}

// A flag that no help names does not exist for anybody.
func TestHelpNamesEachFlag(t *testing.T) {
	f, fs := flags{}, newFlags("hold")
	f.register(fs, &raw{})
	fs.VisitAll(func(one *flag.Flag) {
		if !strings.Contains(runUsage, "--"+one.Name) {
			t.Errorf("client hold --help lacks --%s", one.Name)
		}
	})
	o, fs := outputs{}, newFlags("report")
	o.register(fs)
	fs.VisitAll(func(one *flag.Flag) {
		if one.Name != "version" && !strings.Contains(reportUsage, "--"+one.Name) {
			t.Errorf("client report --help lacks --%s", one.Name)
		}
	})
}
