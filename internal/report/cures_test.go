package report

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/loadgen"
	"github.com/c10m/c10m/internal/result"
)

// Every cause that the client or who merges counts has a cure, and every cure a cause that
// somebody counts.
func TestCures(t *testing.T) {
	if got, want := slices.Sorted(maps.Keys(cures)),
		slices.Sorted(slices.Values(append(loadgen.Causes(), result.AgentLost))); !slices.Equal(got, want) {
		t.Errorf("cures for\n%q\ncauses are\n%q", got, want)
	}
	for name, c := range cures {
		if c == "" || columns(c) > defaultWidth-4 || strings.Contains(c, "\n") {
			t.Errorf("%s: %d columns are no line of a report: %q", name, columns(c), c)
		}
		if cure("reconnect_"+name) != c {
			t.Errorf("a try to reconnect that fails of %s has another cure", name)
		}
	}
	if c := cure("nobody_counts_this"); c != "" {
		t.Errorf("an unknown cause has the cure %q", c)
	}
}
