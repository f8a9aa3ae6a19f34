package scripts

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestRunRefusesWhatTuningRefuses: no server is started after bad usage, and tuning has
// said what is wrong.
func TestRunRefusesWhatTuningRefuses(t *testing.T) {
	own(t)
	dir := tree(t)
	got := run(t, pair(dir, "C10M_NETNS=", "CONNS=4G", "FAKE_TUNING=2"))
	log := read(t, filepath.Join(dir, "log"))
	if got.status != 2 || strings.Contains(log, "server") || strings.Contains(got.stderr, "run.sh:") {
		t.Errorf("%+v, log %q, want status 2, no server and no word of run.sh's own", got, log)
	}
}
