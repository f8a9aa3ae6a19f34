package main

import (
	"strings"
	"testing"
	"unicode"
)

// FuzzPlan: no command line crashes the program, and a bad one is told in one
// line. Plan, because it asks no kernel and changes nothing.
func FuzzPlan(f *testing.F) {
	for _, s := range []string{"", "--help", "--conns\n10M", "--conns\n1\n--ws\nnone\n--tcp\n65535:1",
		"--memory\n64MiB", "--conns\nauto", "--page\n64KiB\n--conns\n1",
		"--conns\n1073741824\n--clients\n10000", "--proto\nws\n--conns\n5\n--json", "--conn", "-conns",
		"--cores\n65536\n--conns=9\n--conf", "x\x1b[2J"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		code, stdout, stderr := call(append([]string{"plan"}, strings.Split(line, "\n")...)...)
		switch {
		case code == 0 && stdout == "" || code != 0 && stdout != "":
			t.Errorf("%q: exit %d, stdout %q", line, code, stdout)
		case code != 0 && strings.IndexFunc(stderr, unicode.IsControl) != len(stderr)-1:
			t.Errorf("%q: no line without control characters: %q", line, stderr)
		case code == 1:
			t.Errorf("%q is neither planned nor refused: %q", line, stderr)
		}
	})
}
