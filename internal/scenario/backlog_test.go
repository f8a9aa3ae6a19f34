package scenario

import (
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/tests/nettest"
)

// A server whose accept queue is small is told of before the run, by what its
// listener has and not by what the setting is now.
func TestSmallBacklogIsWarnedOf(t *testing.T) {
	nettest.InNetns(t, "ip link set lo up")
	const somaxconn = "/proc/sys/net/core/somaxconn"
	set := func(value string) {
		if err := os.WriteFile(somaxconn, []byte(value), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	fp, err := proc.Here()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		window int
		before string // somaxconn when it began to listen
		after  string
		want   string
	}{
		{"none to spare", 100, "1", "65535", "backlog: the port with the least has room for 1 connections"},
		{"enough", 100, "4096", "1", ""},
		{"a small window", 1, "1", "1", ""},
	} {
		set(tt.before)
		port := nettest.ListenSilently(t, 65535)
		set(tt.after)
		p := &Prepared{Place: Place{SameHost: true, SameNet: true},
			Plan: plan.Plan{Target: plan.Target{Places: plan.At(netip.MustParseAddr("127.0.0.1"), port)}, Total: 1000,
				Threads: 1, Asked: plan.Asked{Window: tt.window}}}
		p.warnBacklog(fp)
		if got := strings.Join(report.Warnings(p.Warnings), "; "); !strings.HasPrefix(got, tt.want) || tt.want == "" &&
			got != "" {
			t.Errorf("%s: warnings %q, want %q", tt.name, got, tt.want)
		}
	}
}
