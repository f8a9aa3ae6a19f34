package report

import (
	"testing"

	"github.com/c10m/c10m/internal/result"
)

// A server of several threads may wait for more than a core: 311 % of one would
// read like a mistake.
func TestCores(t *testing.T) {
	for n, want := range map[float64]string{0: "0 % of a core", 0.87: "87 % of a core", 0.996: "1.00 cores",
		1.02: "1.02 cores", 3.114: "3.11 cores"} {
		if got := cores(n); got != want {
			t.Errorf("%g is %q, want %q", n, got, want)
		}
	}
}

// The language in which sentences are written.
func TestSentence(t *testing.T) {
	f := result.Found("", 0).Count("n", 12_345).Number("part_share", 0.476).Count("pid", 54_321).
		Count("often_ns", 90e9).Number("more_bytes", 3<<20).Number("less_bytes", -1<<20).Word("whose", "both").
		Word("when", "of another version").Word("upstream", "[::1]:5432").Number("r2", 0.99999).Facts
	for text, want := range map[string]string{
		"{n} of {n}":                         "12,345 of 12,345",
		"{part_share}, {~part_share}":        "47.6 %, 48 %",
		"kill {=pid}":                        "kill 54321",
		"{often_ns}, --interval {=often_ns}": "90.0 s, --interval 1m30s",
		"{+more_bytes}, {+less_bytes}":       "+3.0 MiB, -1.0 MiB",
		"{whose}, {when}":                    "client and server, of another version",
		"to {upstream}":                      "to [::1]:5432 (PostgreSQL's port)",
		"r² {r2}":                            "r² 1.000",
		"a[ {n}| b]":                         "a 12,345",
		"a[ {none}| {n}] c[ {none}]":         "a 12,345 c",
		"a[ {none}| b]":                      "a b",
	} {
		if got, whole := sentence(text, f); got != want || !whole {
			t.Errorf("%q is %q, whole %v, want %q", text, got, whole, want)
		}
	}
	if got, whole := sentence("a {none} b", f); got != "a  b" || whole {
		t.Errorf("%q, whole %v, without its fact", got, whole)
	}
}
