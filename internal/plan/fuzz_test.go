package plan

import (
	"net/netip"
	"strings"
	"testing"
)

// oneLine sees that an error fits the one line of bad usage.
func oneLine(t *testing.T, in string, err error) {
	t.Helper()
	if strings.ContainsAny(err.Error(), "\n\r") {
		t.Errorf("%q: the error has several lines: %q", in, err)
	}
}

func FuzzParseSources(f *testing.F) {
	for _, s := range []string{"127.0.1.0/29", "127.0.0.1", "10.0.0.0/8", "10.0.0.0/16", "fd00::/112", "fd00::1",
		"::/0", "0.0.0.0/0", "::ffff:1.2.3.4/120", "1.2.3.4/33", "fe80::1%eth0", "1.2.3.4/", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		all, err := ParseSources(s)
		if err != nil {
			oneLine(t, s, err)
			return
		}
		if len(all) == 0 || len(all) > MaxSources {
			t.Fatalf("%q is taken for %d addresses", s, len(all))
		}
		seen := map[netip.Addr]bool{}
		for _, a := range all {
			if !a.IsValid() || seen[a] || a.Is4() != all[0].Is4() {
				t.Fatalf("%q: address %v among %v is invalid, there twice, or of another family", s, a, all[0])
			}
			seen[a] = true
		}
	})
}
