package result

import (
	"slices"
	"strings"

	"github.com/c10m/c10m/internal/unit"
)

// Direction is which way a number is better.
type Direction int

// The directions.
const (
	Neither Direction = iota // what was asked for, what there is, what just happens
	More
	Less
)

// Better goes by what is measured.
func (m Metric) Better() Direction {
	words := strings.Split(strings.TrimPrefix(m.Path, ofBest), ".")
	last := words[len(words)-1]
	switch {
	case slices.Contains([]string{"plan", "host", "reconcile", "spread", "limits", "usage"}, words[0]), last == "count",
		slices.Contains([]string{"judged_seconds", "attempted", "sent"}, last), m.Path == "echo.seconds",
		slices.Contains(words, "gap"), slices.Contains(words, "numbers"), strings.HasPrefix(m.Path, "talk.") &&
			(last == "bytes" || strings.HasSuffix(last, "_bytes")),
		m.Path == "talk.pushes.seconds": // what the server says, and how often
		return Neither
	case slices.Contains(words, "errors"), slices.Contains([]string{"failed", "lost", "mismatched", "failures",
		"undone_transactions", "no_port",
		"error_share", "wire_share", "calls_per_message", "limits", "strains", "severity"}, last):
		return Less
	case last == "exhausted_after_seconds", m.Path == "echo.bytes",
		slices.Contains([]string{"established", "received", "verified", "reconnected", "users", "breaks_at_users",
			"answered", "fewest_conns",
			"median_conns",
			"r2"}, last):
		return More
	}
	switch m.Kind {
	case unit.InPerSecond:
		return More
	case unit.InNanos, unit.InSeconds, unit.InBytes:
		return Less
	}
	return Neither
}
