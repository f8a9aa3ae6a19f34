package main

import (
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/scenario"
)

// A user reads sentences, whatever a scenario found and whoever passed it on; the exit
// status is that of the fault.
func TestFaultsAreWorded(t *testing.T) {
	unfit := &result.Fault{What: result.Warn("metric_not_measured").Word("metric", "setup.rate"),
		Err: scenario.ErrUsage}
	variant := &result.Fault{What: result.Warn("variant_failed").Word("variant", "workers=1").Because(unfit),
		Err: unfit}
	for _, tt := range []struct {
		err    error
		want   string
		status int
	}{
		{variant, "workers=1: --metric setup.rate: the run did not measure it", cli.BadUsage},
		{&result.Fault{What: result.Warn("server_gone").Word("said", "no fds")}, "the server ended: no fds", cli.Short},
		{scenario.ErrInterrupted, "interrupted", interrupted},
		{&wordedError{"--sysctl net.x=y: no", cli.ErrUsage}, "--sysctl net.x=y: no", cli.BadUsage},
	} {
		var stderr strings.Builder
		status := program().Fail(&stderr, worded(tt.err))
		if got := strings.TrimPrefix(strings.TrimSpace(stderr.String()), program().Name+": "); got != tt.want ||
			status != tt.status {
			t.Errorf("%v: %q with status %d, want %q with %d", tt.err, got, status, tt.want, tt.status)
		}
	}
	if err := (&untils{}).Set("errors"); err == nil || !strings.HasPrefix(err.Error(), `"errors": want errors>SHARE`) {
		t.Errorf("--until: %v", err)
	}
}
