package scripts

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestPageCostBadUsage: one line that names what is wrong and what is legal, and 2.
func TestPageCostBadUsage(t *testing.T) {
	for _, bad := range []string{"CONNS=0", "CONNS=1M", "CONNS=-1", "TIME=0", "TIME=1m", "LIMIT=x", "LIMIT=-1",
		"LIMIT=1 %"} {
		cmd := exec.Command("./pagecost.sh")
		cmd.Env = append(os.Environ(), bad)
		if got := run(t, cmd); got.status != 2 || strings.Count(got.stderr, "\n") != 1 ||
			!strings.Contains(got.stderr, bad+":") || got.stdout != "" {
			t.Errorf("%s: status %d, %q, %q; want 2 and one line", bad, got.status, got.stdout, got.stderr)
		}
	}
}
