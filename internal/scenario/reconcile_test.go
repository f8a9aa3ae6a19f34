package scenario

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/report"
)

// What the kernel counts must be there at least, and where there are no
// strangers, at most.
func TestDoubtOfTheKernelsCount(t *testing.T) {
	const unknown = -1
	for _, tt := range []struct {
		name        string
		host        string
		same        bool
		before      int64 // in a namespace of the run's own; unknown: not of its own
		now, client int64
		want        string // in the doubt; "": none
	}{
		{"all", "127.0.0.1", true, unknown, 20_400, 10_000, ""},
		{"counted per processor", "127.0.0.1", true, unknown, 19_995, 10_000, ""},
		{"one end is missing", "127.0.0.1", true, unknown, 19_000, 10_000, "both ends hold 20,000"},
		{"one end is elsewhere", "127.0.0.1", false, unknown, 10_000, 10_000, ""},
		{"on another machine", "192.0.2.1", false, unknown, 10_300, 10_000, ""},
		{"fewer than ours, on another machine", "192.0.2.1", false, unknown, 9_000, 10_000,
			"the client alone holds 10,000"},
		{"this machine's address", "10.0.0.1", true, unknown, 10_000, 10_000, ""},
		{"strangers where they may be", "127.0.0.1", true, unknown, 90_000, 10_000, ""},
		{"listeners", "127.0.0.1", true, 400, 20_400, 10_000, ""},
		{"control", "127.0.0.1", true, 400, 20_410, 10_000, ""},
		{"more than both ends", "127.0.0.1", true, 400, 20_900, 10_000, "20,500 TCP sockets more than before"},
		{"more than ours", "192.0.2.1", false, 400, 20_400, 10_000, "the 10,000 connections have at most 10,000"},
		{"left over", "127.0.0.1", true, 400, 900, 0, "500 TCP sockets more than before"},
		{"nothing left", "127.0.0.1", true, 400, 400, 0, ""},
	} {
		host := netip.MustParseAddr(tt.host)
		p := &Prepared{Place: Place{SameHost: tt.same, SameNet: tt.same && host.IsLoopback()},
			Plan: plan.Plan{Target: plan.Target{Places: plan.At(host)}}}
		got := ""
		if doubt := (counted{kernel: tt.before}).doubt(p, tt.now, tt.client); doubt != nil {
			got = report.Warning(*doubt)
		}
		if n := p.ends(tt.now, tt.client); tt.want == "" && tt.client > 0 && tt.now < n*tt.client-tt.client/1000 {
			t.Errorf("%s: %d sockets a connection are expected, %d of %d are there", tt.name, n, tt.now, tt.client)
		}
		if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
