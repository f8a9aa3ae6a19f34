package scenario

import (
	"net/netip"
	"testing"

	"github.com/c10m/c10m/internal/result"
)

// One kernel is not one namespace of any sort: a container's processes have
// other numbers, and its sockets are counted apart.
func TestPlaceTellsKernelAndNamespacesApart(t *testing.T) {
	const boot = "boot"
	loopback, own, far := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("172.17.0.2"),
		netip.MustParseAddr("192.0.2.1")
	in := result.Namespaces{PID: 1, Net: 2, User: 3}
	report := func(boot string, in *result.Namespaces) *result.ServerReport {
		return &result.ServerReport{BootID: boot, PID: 1, In: in}
	}
	for _, tt := range []struct {
		name string
		host netip.Addr
		r    *result.ServerReport
		want Place
	}{
		{"says nothing, loopback", loopback, nil, Place{SameHost: true, SameNet: true}},
		{"says nothing, an address of ours", own, nil, Place{SameHost: true}},
		{"says nothing, far", far, nil, Place{}},
		{"another machine behind a tunnel", loopback, report("other", &in), Place{}},
		{"beside us", loopback, report(boot, &in), Place{SameHost: true, SameNet: true, SamePIDs: true}},
		{"a container with its own pids", loopback, report(boot, &result.Namespaces{PID: 9, Net: 2, User: 3}),
			Place{SameHost: true, SameNet: true}},
		{"a container with its own network", far, report(boot, &result.Namespaces{PID: 9, Net: 8, User: 3}),
			Place{SameHost: true}},
		{"published by a proxy on loopback", loopback, report(boot, &result.Namespaces{PID: 1, Net: 8, User: 3}),
			Place{SameHost: true, SamePIDs: true}},
		{"does not know its pid namespace", loopback, report(boot, &result.Namespaces{Net: 2, User: 3}),
			Place{SameHost: true, SameNet: true}},
		{"an older server", loopback, report(boot, nil), Place{SameHost: true, SameNet: true}},
		{"an older server, far", far, report(boot, nil), Place{SameHost: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := placeOf(tt.host.IsLoopback(), tt.host == own, tt.r, boot, in); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}
