package main

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/plan"
)

// What --host names is resolved once, and every address of one family is used.
func TestHostsAreResolvedOnce(t *testing.T) {
	asked := 0
	resolve := func(_ context.Context, _, name string) ([]netip.Addr, error) {
		asked++
		addrs := map[string][]string{"localhost": {"::1", "127.0.0.1"}, "farm.example": {"192.0.2.1", "192.0.2.2"}, "six.example": {"2001:db8::1"}}[name]
		if addrs == nil {
			return nil, errors.New("no such host")
		}
		var all []netip.Addr
		for _, a := range addrs {
			all = append(all, netip.MustParseAddr(a))
		}
		return all, nil
	}
	for _, tt := range []struct {
		in, hosts, names string // names: of the first
		bad              string // in the error
	}{
		{"127.0.0.1", "127.0.0.1", "", ""},
		{"::ffff:127.0.0.1", "127.0.0.1", "", ""},
		{"localhost", "127.0.0.1", "localhost", ""},
		{"farm.example", "192.0.2.1 192.0.2.2", "farm.example", ""},
		{"192.0.2.1, 192.0.2.9,farm.example", "192.0.2.1 192.0.2.9 192.0.2.2", "", ""},
		{"six.example,2001:db8::2", "2001:db8::1 2001:db8::2", "six.example", ""},
		{"127.0.0.1,::1", "", "", "different address families"},
		{"nowhere.example", "", "", "--host nowhere.example: look up name: no such host"},
		{"127.0.0", "", "", "is not an IP address and no name"},
		{"a b", "", "", "is not an IP address and no name"},
		{"", "", "", "is not an IP address and no name"},
	} {
		var to plan.Target
		asked = 0
		err := setHosts(&to, tt.in, resolve)
		if tt.bad != "" {
			if err == nil || !strings.Contains(err.Error(), tt.bad) {
				t.Errorf("%q: error %v, want %q", tt.in, err, tt.bad)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", tt.in, err)
			continue
		}
		var hosts []string
		for _, a := range to.Hosts() {
			hosts = append(hosts, a.String())
		}
		if want := strings.Fields(tt.hosts); !slices.Equal(hosts, want) || tt.names != "" && to.Names[0] != tt.names || asked > 1 {
			t.Errorf("%q: %v called %q, asked %d times; want %v called %q", tt.in, hosts, to.Names, asked, want, tt.names)
		}
	}
}
