package tune

import (
	"fmt"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/unit"
)

// targets are ordinary and extreme ones.
func targets() []Target {
	var all []Target
	for _, conns := range []int64{1, 1000, 1_000_000, 10_000_000, MaxConns} {
		for _, role := range Roles {
			for _, memory := range []int64{MinMemory, 16 << 30, 4 << 40} {
				t := target(conns)
				t.Role, t.Memory = role, memory
				all = append(all, t)
				t.Page = 65536
				all = append(all, t)
			}
		}
	}
	wide := target(10_000_000)
	wide.Cores = 192
	wide.Ports = []unit.Ports{{First: 1, N: 65535}}
	return append(all, wide)
}

func TestTableIsWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range Settings() {
		if seen[s.Key] {
			t.Errorf("%s stands twice in the table", s.Key)
		}
		seen[s.Key] = true
		for name, text := range map[string]string{"Why": s.Why, "TooLow": s.TooLow, "Source": s.Source} {
			if len(text) < 10 || strings.HasSuffix(text, ".") || strings.Contains(text, "\n") {
				t.Errorf("%s: %s %q is not one plain sentence without its full stop", s.Key, name, text)
			}
		}
		if s.Scope == Boot && s.Writable() {
			t.Errorf("%s is decided at boot and yet writable", s.Key)
		}
	}
	for _, key := range strings.Fields(`fs.nr_open fs.file-max RLIMIT_NOFILE.soft RLIMIT_NOFILE.hard net.core.somaxconn
		net.ipv4.tcp_max_syn_backlog net.core.netdev_max_backlog net.ipv4.ip_local_port_range net.ipv4.ip_local_reserved_ports
		net.ipv4.tcp_mem net.ipv4.tcp_rmem net.ipv4.tcp_wmem net.ipv4.tcp_max_orphans net.ipv4.tcp_max_tw_buckets
		net.ipv4.tcp_tw_reuse net.ipv4.tcp_tw_reuse_delay net.ipv4.tcp_fin_timeout net.ipv4.tcp_keepalive_time
		net.ipv4.tcp_keepalive_intvl net.ipv4.tcp_keepalive_probes net.ipv4.tcp_timestamps net.ipv4.tcp_slow_start_after_idle
		net.ipv4.tcp_abort_on_overflow net.netfilter.nf_conntrack_max net.netfilter.nf_conntrack_buckets
		fs.epoll.max_user_watches vm.max_map_count vm.overcommit_memory vm.min_free_kbytes kernel.pid_max kernel.threads-max
		net.ipv4.tcp_child_ehash_entries net.ipv4.tcp_ehash_entries slab.TCP.waste_permille transparent_hugepage`) {
		if !seen[key] {
			t.Errorf("%s is missing", key)
		}
	}
}

func TestNoTargetWantsNonsense(t *testing.T) {
	for _, tt := range targets() {
		if err := tt.Check(); err != nil {
			t.Fatal(err)
		}
		for _, s := range Settings() {
			want, ok := s.Want(tt)
			if !ok || s.Kind == AsIs {
				continue
			}
			first := strings.Split(want, "|")[0]
			if _, enough, err := Raise(s.Kind, first, want); err != nil || !enough {
				t.Errorf("%+v: %s wants %q, which is not of its kind: %v", tt, s.Key, want, err)
			}
			if n, err := parseNumber(want); s.Kind == AtLeast && (err != nil || n < 1 || n > 1<<33) {
				t.Errorf("%+v: %s wants %s", tt, s.Key, want)
			}
		}
	}
}

func TestWantGrowsWithConns(t *testing.T) {
	small, large := target(1000), target(10_000_000)
	for _, s := range Settings() {
		a, ok1 := s.Want(small)
		b, ok2 := s.Want(large)
		if ok1 != ok2 {
			t.Errorf("%s: wanted %v for 1,000 and %v for 10 M", s.Key, ok1, ok2)
		}
		if _, enough, err := Raise(s.Kind, strings.Split(b, "|")[0], a); ok1 && s.Kind != AsIs && (err != nil || !enough) {
			t.Errorf("%s: 10 M wants %s, less than the %s of 1,000: %v", s.Key, b, a, err)
		}
	}
}

func TestWant(t *testing.T) {
	at := func(conns int64, r Role) Target {
		t := target(conns)
		t.Role, t.Memory, t.Cores = r, 122<<30, 16
		return t
	}
	paged := func(t Target, page int64) Target {
		t.Page = page
		return t
	}
	sized := func(t Target, memory int64) Target {
		t.Memory = memory
		return t
	}
	uneven := func(t Target) Target {
		t.Ports = []unit.Ports{{First: 10000, N: 10}, {First: 15000, N: 200}}
		return t
	}
	tests := []struct {
		key    string
		target Target
		want   string
	}{
		// 10,000,000 + 400 ports x 16 loops + 10,000, up to a multiple of 64.
		{"fs.nr_open", at(10_000_000, Server), "10016448"},
		{"fs.nr_open", at(10_000_000, Both), "10016448"}, // two processes, one end each
		{"fs.nr_open", at(10_000_000, Client), "10010048"},
		{"fs.file-max", at(10_000_000, Both), "20106400"},
		{"fs.file-max", at(10_000_000, Client), "10100000"},
		{"fs.epoll.max_user_watches", at(10_000_000, Both), "20016400"},
		{"net.ipv4.tcp_child_ehash_entries", at(10_000_000, Both), "16777216"},
		{"net.ipv4.tcp_child_ehash_entries", at(1_000_000, Server), "1048576"},
		{"net.ipv4.tcp_child_ehash_entries", sized(at(10_000_000, Both), 4<<30), "16777216"},
		{"net.ipv4.tcp_child_ehash_entries", sized(at(10_000_000, Both), 2<<30), "8388608"}, // 64 MiB
		{"net.ipv4.tcp_child_ehash_entries", sized(at(10_000_000, Both), MinMemory), "262144"},
		{"net.ipv4.ip_local_reserved_ports", at(1000, Both), "9090,10000-10199,15000-15199"},
		{"net.ipv4.ip_local_reserved_ports", at(1000, Client), ""},
		{"net.ipv4.ip_local_port_range", at(1_000_000, Client), "32768 60999"}, // 5,000 a port
		{"net.ipv4.ip_local_port_range", at(10_000_000, Client), "1024 65535"}, // 50,000 a port
		{"net.ipv4.ip_local_port_range", at(10_000_000, Server), ""},
		// A run takes the ports of one protocol: 25,000 of 28,232 a port.
		{"net.ipv4.ip_local_port_range", at(5_000_000, Client), "1024 65535"},
		{"net.ipv4.ip_local_port_range", uneven(at(500_000, Client)), "1024 65535"}, // 50,000 a port, with --proto tcp
		{"net.core.somaxconn", at(1000, Client), ""},
		{"net.ipv4.tcp_tw_reuse", at(1000, Client), "1"},
		{"net.ipv4.tcp_tw_reuse", at(1000, Both), "2|1"},
		// 122 GiB are 31,981,568 pages; a quarter is less than a page for each of 20 M sockets.
		{"net.ipv4.tcp_mem", at(10_000_000, Both), "3997696 5996544 7995392"},
		{"net.ipv4.tcp_mem", at(1_000_000, Both), "1000000 1500000 2000000"},
		// 1,998,848 pages of 64 KiB.
		{"net.ipv4.tcp_mem", paged(at(10_000_000, Both), 65536), "249856 374784 499712"},
		{"net.ipv4.tcp_mem", paged(at(10_000_000, Both), 16384), "999424 1499136 1998848"},
		{"net.ipv4.tcp_mem", paged(at(100_000, Both), 65536), "100000 150000 200000"},
		{"net.ipv4.tcp_mem", paged(at(1, Both), 65536), "128 192 256"}, // 16 MiB
		{"net.ipv4.tcp_mem", at(1, Both), "2048 3072 4096"},
		{"net.ipv4.tcp_keepalive_time", at(10_000_000, Both), "1000"},
		{"net.netfilter.nf_conntrack_max", at(10_000_000, Both), "10065536"},
		{"vm.min_free_kbytes", at(1000, Both), "131072"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s %d %s %d %d", tt.key, tt.target.Conns, tt.target.Role, tt.target.Page, tt.target.Memory),
			func(t *testing.T) {
				s, found := Lookup(tt.key)
				got, _ := s.Want(tt.target)
				if !found || got != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
			})
	}
}

func TestTargetCheck(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Target)
		ok     bool
	}{
		{"good", func(*Target) {}, true},
		{"no connections", func(t *Target) { t.Conns = 0 }, false},
		{"too many", func(t *Target) { t.Conns = MaxConns + 1 }, false},
		{"no memory", func(t *Target) { t.Memory = 0 }, false},
		{"pages of 64 KiB", func(t *Target) { t.Page = 65536 }, true},
		{"no page", func(t *Target) { t.Page = 65537 }, false},
		{"no cores", func(t *Target) { t.Cores = 0 }, false},
		{"no role", func(t *Target) { t.Role = "peer" }, false},
		{"no ports", func(t *Target) { t.Ports = []unit.Ports{{}} }, false},
		{"bad ports", func(t *Target) { t.Ports = []unit.Ports{{First: 65000, N: 1000}} }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bad := target(1000)
			tt.change(&bad)
			if err := bad.Check(); (err == nil) != tt.ok {
				t.Errorf("Check: %v, want ok %v", err, tt.ok)
			}
			if _, err := Apply(box(), bad, Select{}, nil); (err == nil) != tt.ok {
				t.Errorf("Apply: %v, want ok %v", err, tt.ok)
			}
		})
	}
}

// What apply sets is enough for as many connections from as few addresses as
// plan says, whichever protocol a run takes.
func TestPlanAndApplyAgree(t *testing.T) {
	for _, conns := range []int64{1, 100_000, 500_000, 600_000, 1_000_000, 5_000_000, 12_000_000, 50_000_000} {
		for _, n := range [][2]int{{200, 200}, {10, 200}, {200, 10}, {10, 0}, {0, 10}, {1, 4096}} {
			at := target(conns)
			at.Ports = nil
			dests := map[string]unit.Ports{"tcp": {First: 10000, N: n[0]}, "ws": {First: 15000, N: n[1]}}
			for proto, p := range dests {
				if p.N == 0 {
					delete(dests, proto)
					continue
				}
				at.Ports = append(at.Ports, p)
			}
			low, high, err := parseRange(at.localRange())
			if err != nil {
				t.Fatal(err)
			}
			local := plan.LocalPorts{Low: int(low), High: int(high), Reserved: at.reserved()}.N()
			for proto, dest := range dests {
				s, err := Size(at, proto, dest, 1)
				if err != nil {
					t.Fatal(err)
				}
				if need := plan.SourcesFor(conns, dest.N, local); need > s.Sources {
					t.Errorf("%d connections to %d %s ports of %v: plan says %d addresses, apply's range %s takes %d", conns,
						dest.N, proto, n, s.Sources, at.localRange(), need)
				}
			}
		}
	}
}
