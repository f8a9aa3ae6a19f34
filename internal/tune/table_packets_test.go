package tune

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A client without sockets wants forwarding towards elsewhere, a device to make,
// and nothing of what sockets take.
func TestPacketsWants(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Target, *fake)
		low    string // settings that are low
		advice string
	}{
		{"elsewhere", func(*Target, *fake) {}, "net.ipv4.ip_forward", ""},
		{"elsewhere, IPv6", func(t *Target, _ *fake) { t.V6 = true }, "", "net.ipv6.conf.all.forwarding"},
		{"here", func(t *Target, _ *fake) { t.Here = true }, "", ""},
		{"no device", func(t *Target, f *fake) { t.Here, f.values[KeyTun] = true, "missing" }, KeyTun, ""},
		{"forwards", func(_ *Target, f *fake) { f.values[keyForward] = "1" }, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			st, to := box(), target(10_000_000)
			to.Role = Packets
			st.values[KeyTun], st.values[keyForward], st.values["net.ipv6.conf.all.forwarding"] = "there", "0", "0"
			st.values["net.netfilter.nf_conntrack_max"], st.values["net.netfilter.nf_conntrack_buckets"] = "20000000", "8388608"
			c.change(&to, st)
			var low, advice []string
			for _, r := range Check(st, to, Select{}) {
				switch r.Status {
				case Low:
					low = append(low, r.Key)
				case Advised:
					advice = append(advice, r.Key)
				}
				if strings.HasPrefix(r.Key, "fs.") || strings.Contains(r.Key, "ehash") || strings.Contains(r.Key, "tcp_mem") {
					t.Errorf("%s is of sockets", r.Key)
				}
			}
			if strings.Join(low, " ") != c.low || strings.Join(advice, " ") != c.advice {
				t.Errorf("low %v, advice %v; want %q and %q", low, advice, c.low, c.advice)
			}
			for _, role := range []Role{Server, Client, Both} {
				to.Role = role
				for _, s := range packetSettings() {
					if _, is := s.Want(to); is {
						t.Errorf("role %s wants %s", role, s.Key)
					}
				}
			}
		})
	}
}

// A device that is missing is not written, and said with its cure.
func TestApplyWithoutTun(t *testing.T) {
	st, to := box(), target(1000)
	to.Role, to.Here = Packets, true
	st.values[KeyTun] = "missing"
	rep, err := Apply(st, to, Select{}, nil)
	if err != nil || len(rep.Done) > 0 || len(rep.NotDone) != 1 || rep.NotDone[0].Key != KeyTun ||
		!strings.Contains(rep.NotDone[0].Cure, "modprobe tun") {
		t.Errorf("%+v, %v", rep, err)
	}
}

func TestTunOfRoot(t *testing.T) {
	r := Root{Dir: t.TempDir()}
	if got, err := r.Get(KeyTun); got != "missing" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if err := os.MkdirAll(filepath.Join(r.Dir, "dev/net"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.Dir, "dev/net/tun"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := r.Get(KeyTun); got != "there" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if err := r.Set(KeyTun, "there"); !errors.Is(err, ErrFixed) {
		t.Errorf("Set: %v", err)
	}
}
