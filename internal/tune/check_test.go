package tune

import (
	"bytes"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/c10m/c10m/tests/golden"
)

func TestCheckGolden(t *testing.T) {
	st := box()
	delete(st.values, "net.netfilter.nf_conntrack_max")
	delete(st.values, "net.netfilter.nf_conntrack_buckets")
	st.broken["vm.min_free_kbytes"] = os.ErrPermission
	rows := Check(st, target(1_000_000), Select{})
	var out bytes.Buffer
	if err := WriteCheck(&out, rows, false); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if len(line) > 101 || strings.ContainsAny(line, "\x1b\t") {
			t.Errorf("%d columns or escapes: %q", len(line), line)
		}
	}
	golden.Compare(t, "testdata/check.golden", out.String())
}

func TestCheckStatus(t *testing.T) {
	tests := []struct {
		name   string
		change func(*fake)
		key    string
		want   Status
		well   bool
	}{
		{"low", func(f *fake) { f.values["net.core.somaxconn"] = "128" }, "net.core.somaxconn", Low, false},
		{"higher", func(f *fake) { f.values["net.core.somaxconn"] = "100000" }, "net.core.somaxconn", OK, true},
		{"missing", func(f *fake) { delete(f.values, "net.core.somaxconn") }, "net.core.somaxconn", Unreadable, false},
		{"nonsense", func(f *fake) { f.values["net.core.somaxconn"] = "lots" }, "net.core.somaxconn", Unreadable,
			false},
		{"no permission", func(f *fake) { f.broken["net.core.somaxconn"] = os.ErrPermission }, "net.core.somaxconn",
			Unreadable, false},
		{"no conntrack", func(f *fake) { delete(f.values, "net.netfilter.nf_conntrack_max") },
			"net.netfilter.nf_conntrack_max", Absent, true},
		{"old kernel", func(f *fake) { delete(f.values, "net.ipv4.tcp_tw_reuse_delay") }, "net.ipv4.tcp_tw_reuse_delay",
			Absent, true},
		{"advice is no failure", func(f *fake) { f.values[KeyTHP] = "always" }, KeyTHP, Advised, true},
		{"unreadable advice is none", func(f *fake) { f.broken[KeySlabWaste] = os.ErrPermission }, KeySlabWaste,
			Unreadable, true},
		{"low fd limit", func(f *fake) { f.values[KeyNofileHard] = "4096" }, KeyNofileHard, Low, false},
		{"low fd limit of root", func(f *fake) {
			f.values[KeyNofileHard] = "4096"
			f.values[KeyCaps] = "000001ffffffffff"
		}, KeyNofileHard, OK, true},
		{"soft fd limit only", func(f *fake) { f.values[KeyNofileSoft] = "1024" }, KeyNofileSoft, OK, true},
		{"shared hash table", func(f *fake) { f.values["net.ipv4.tcp_ehash_entries"] = "-65536" },
			"net.ipv4.tcp_ehash_entries", OK, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			st := box()
			if _, err := Apply(st, target(1000), Select{}, nil); err != nil { // so that nothing else is low
				t.Fatal(err)
			}
			tt.change(st)
			rows := Check(st, target(1000), Select{})
			for _, r := range rows {
				if r.Key == tt.key && r.Status != tt.want {
					t.Errorf("%s is %q (%s), want %q", r.Key, r.Status, r.Note, tt.want)
				}
			}
			if got := Well(rows); got != tt.well {
				t.Errorf("Well = %v, want %v", got, tt.well)
			}
		})
	}
}

func TestGlobalKeysHideInNamespaces(t *testing.T) {
	st := box()
	st.values[KeyNetNS] = "net:[4026532300]"
	delete(st.values, "net.ipv4.tcp_mem")
	for _, r := range Check(st, target(1000), Select{Only: []string{"net.ipv4.tcp_mem"}}) {
		if r.Status != Unreadable || r.Note != "not visible in this network namespace" {
			t.Errorf("%s: %s, %q", r.Key, r.Status, r.Note)
		}
	}
}

func TestHurting(t *testing.T) {
	tests := []struct {
		name   string
		conns  int64
		change func(*fake)
		want   []string // keys
	}{
		{"a small run fits any box", 1000, func(*fake) {}, nil},
		{"a million fits the watches", 1_000_000, func(*fake) {}, []string{"net.ipv4.tcp_ehash_entries"}},
		{"ten million", 10_000_000, func(*fake) {},
			[]string{"fs.epoll.max_user_watches", "net.ipv4.ip_local_port_range",
				"net.ipv4.tcp_mem", "net.ipv4.tcp_ehash_entries"}},
		{"of ports as wide as can be", 10_000_000, func(f *fake) {
			f.values["net.ipv4.ip_local_port_range"], f.values["fs.epoll.max_user_watches"] = "1024 65535", "30000000"
			f.values["net.ipv4.ip_local_reserved_ports"] = "10000-10199,15000-15199"
			f.values["net.ipv4.tcp_mem"], f.values["net.ipv4.tcp_ehash_entries"] = "1000000 2000000 4000000", "16777216"
		}, nil},
		{"less of a queue than the kernel's own", 1000,
			func(f *fake) { f.values["net.core.netdev_max_backlog"] = "100" },
			[]string{"net.core.netdev_max_backlog"}},
		{"no overcommit", 1000, func(f *fake) { f.values["vm.overcommit_memory"] = "2" },
			[]string{"vm.overcommit_memory"}},
		{"a low ceiling for fds", 1_000_000, func(f *fake) {
			f.values["fs.nr_open"], f.values["net.ipv4.tcp_ehash_entries"] = "2048", "1048576"
			f.values[KeyCaps] = "000001ffffffffff"
		}, []string{"fs.nr_open"}},
		{"no reuse of ports, which are kept", 1000, func(f *fake) { f.values["net.ipv4.tcp_tw_reuse"] = "0" }, nil},
		{"old somaxconn", 1_000_000, func(f *fake) {
			f.values["net.core.somaxconn"] = "128"
			f.values["net.ipv4.tcp_ehash_entries"] = "1048576"
		}, []string{"net.core.somaxconn"}},
		{"no syn cookies", 300_000, func(f *fake) {
			f.values["net.ipv4.tcp_syncookies"] = "0"
			f.values["net.ipv4.tcp_max_syn_backlog"] = "128"
		}, []string{"net.ipv4.tcp_max_syn_backlog"}},
		{"listening ports in the local range", 1000,
			func(f *fake) { f.values["net.ipv4.ip_local_port_range"] = "10100 65535" },
			[]string{"net.ipv4.ip_local_reserved_ports"}},
		{"and reserved", 1000, func(f *fake) {
			f.values["net.ipv4.ip_local_port_range"] = "10100 65535"
			f.values["net.ipv4.ip_local_reserved_ports"] = "10000-20000"
		}, nil},
		{"conntrack at work", 300_000, func(f *fake) { f.values["net.netfilter.nf_conntrack_count"] = "12" },
			[]string{"net.netfilter.nf_conntrack_max"}},
		{"resets on overflow", 1000, func(f *fake) { f.values["net.ipv4.tcp_abort_on_overflow"] = "1" },
			[]string{"net.ipv4.tcp_abort_on_overflow"}},
		{"huge pages everywhere", 1000, func(f *fake) { f.values[KeyTHP] = "always" }, []string{KeyTHP}},
		{"few files", 100_000, func(f *fake) { f.values["fs.file-max"] = "65536" }, []string{"fs.file-max"}},
		{"few files, root", 100_000, func(f *fake) {
			f.values["fs.file-max"] = "65536"
			f.values[KeyCaps] = "000001ffffffffff"
		}, nil},
		{"hundreds of fd tables", 1_000_000, func(f *fake) {
			f.values[KeyNofileHard] = "1024"
			f.values["net.ipv4.tcp_ehash_entries"] = "1048576"
		}, []string{KeyNofileHard}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			st := box()
			tt.change(st)
			var got []string
			for _, f := range Hurting(st, target(tt.conns)) {
				got = append(got, f.Key)
				if strings.Contains(f.Line(), "\n") || !strings.Contains(f.Line(), "cure: ") {
					t.Errorf("warning %q", f.Line())
				}
			}
			if strings.Join(got, " ") != strings.Join(tt.want, " ") {
				t.Errorf("hurting: %v, want %v", got, tt.want)
			}
			if len(st.sets) > 0 {
				t.Errorf("Hurting wrote %v", st.sets)
			}
		})
	}
}

// Some settings hurt only what a run does.
func TestHurtingOfARun(t *testing.T) {
	churns := func(t *Target) { t.Churns = true }
	for _, tt := range []struct {
		name   string
		run    func(*Target)
		change map[string]string
		want   string
	}{
		{"churn", churns, map[string]string{"net.ipv4.tcp_tw_reuse": "0", "net.ipv4.tcp_timestamps": "0",
			"net.ipv4.tcp_max_tw_buckets": "1000"},
			"net.ipv4.tcp_timestamps net.ipv4.tcp_tw_reuse net.ipv4.tcp_max_tw_buckets"},
		{"churn on a box", churns, nil, ""},
		{"churn towards elsewhere", func(t *Target) { t.Churns, t.Role = true, Client }, nil, "net.ipv4.tcp_tw_reuse"},
		{"churn of a server", func(t *Target) { t.Churns, t.Role = true, Server },
			map[string]string{"net.ipv4.tcp_tw_reuse": "0"}, ""},
		{"closed in good order", func(t *Target) { t.FINs, t.Conns = true, 100_000 }, nil, "net.ipv4.tcp_max_orphans"},
		{"closed at once", func(t *Target) { t.Conns = 100_000 }, nil, ""},
		{"few ports", func(t *Target) { t.Conns, t.Dests = 20_000, 1 },
			map[string]string{"net.core.somaxconn": "65535"},
			"net.ipv4.ip_local_port_range"},
		{"few ports, more addresses", func(t *Target) { t.Conns, t.Dests, t.Sources = 20_000, 1, 2 },
			map[string]string{"net.core.somaxconn": "65535"}, ""},
		{"two users", func(t *Target) { t.Conns, t.TwoUsers = 2_000_000, true },
			map[string]string{"net.ipv4.tcp_ehash_entries": "16777216"}, ""},
		{"one user", func(t *Target) { t.Conns = 2_000_000 },
			map[string]string{"net.ipv4.tcp_ehash_entries": "16777216"},
			"fs.epoll.max_user_watches"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			st, run := box(), target(1000)
			maps.Copy(st.values, tt.change)
			tt.run(&run)
			var got []string
			for _, f := range Hurting(st, run) {
				got = append(got, f.Key)
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("hurting: %v, want %s", got, tt.want)
			}
		})
	}
}

// A client whose server is on the same machine looks at both ends' sockets, but
// leaves what only the server suffers from to the server.
func TestHurtingConcerns(t *testing.T) {
	st, run := box(), target(1_500_000)
	st.values["net.core.somaxconn"] = "16"
	st.values["net.ipv4.tcp_ehash_entries"] = "262144"
	for end, want := range map[Role]string{Client: "net.ipv4.tcp_ehash_entries",
		Server: "net.core.somaxconn net.ipv4.tcp_ehash_entries"} {
		var got []string
		for _, f := range Hurting(st, run) {
			if f.concerns(end) {
				got = append(got, f.Key)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("the %s says %v, want %s", end, got, want)
		}
	}
	run.Role = Client
	for _, f := range Hurting(st, run) {
		t.Errorf("one end alone: %s", f.Line())
	}
}

// TestHurtingReadsAMinus: a namespace that shares the first one's table says so by
// a minus, which is no size.
func TestHurtingReadsAMinus(t *testing.T) {
	st := box()
	st.values["net.ipv4.tcp_ehash_entries"] = "-65536"
	said := ""
	for _, f := range Hurting(st, target(1000_000)) {
		said += f.Line() + "\n"
	}
	if want := "net.ipv4.tcp_ehash_entries is 65536 (shared with the first network namespace), this " +
		"run needs "; !strings.Contains(said, want) {
		t.Errorf("%s want %s", said, want)
	}
}

func TestHurtingNamesTheCure(t *testing.T) {
	st := box()
	st.values["net.core.somaxconn"] = "128"
	for _, f := range Hurting(st, target(1000_000)) {
		if f.Key == "net.core.somaxconn" && !strings.HasSuffix(f.Line(), "cure: sysctl -w net.core.somaxconn=65535") {
			t.Error(f.Line())
		}
	}
}
