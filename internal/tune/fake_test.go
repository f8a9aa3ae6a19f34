package tune

import (
	"errors"
	"maps"
	"testing"

	"github.com/c10m/c10m/internal/unit"
)

// errReadOnly is what the fake says of keys that cannot be written.
var errReadOnly = errors.New("read-only")

// fake is a kernel in memory. A key that is not in values is absent.
type fake struct {
	values   map[string]string
	readOnly map[string]bool
	broken   map[string]error // Get fails with it
	sets     []string         // keys written, in order
	dieAt    int              // panic instead of the n-th write, as a crash would; 0: never
}

func (f *fake) Get(key string) (string, error) {
	if err := f.broken[key]; err != nil {
		return "", err
	}
	v, ok := f.values[key]
	if !ok {
		return "", ErrAbsent
	}
	return v, nil
}

// died is the value with which fake.Set panics, for a crash.
type died struct{}

func (f *fake) Set(key, value string) error {
	if f.dieAt > 0 && len(f.sets)+1 == f.dieAt {
		panic(died{})
	}
	if f.readOnly[key] {
		return errReadOnly
	}
	if _, ok := f.values[key]; !ok {
		return ErrAbsent
	}
	f.sets = append(f.sets, key)
	f.values[key] = value
	return nil
}

// snapshot copies the values, to compare with later ones.
func (f *fake) snapshot() map[string]string { return maps.Clone(f.values) }

// box is a kernel as distributions ship it: 16 GiB, 4 cores, Linux 6.18.
func box() *fake {
	return &fake{readOnly: map[string]bool{}, broken: map[string]error{}, values: map[string]string{
		"fs.nr_open": "1048576", "fs.file-max": "9223372036854775807",
		KeyNofileSoft: "1024", KeyNofileHard: "524288", KeyCaps: "0000000000000000",
		KeyNetNS: InitialNetNS, KeyBootID: "boot-1",
		"fs.epoll.max_user_watches": "3600000",
		"net.core.somaxconn":        "4096", "net.ipv4.tcp_max_syn_backlog": "1024", "net.ipv4.tcp_syncookies": "1",
		"net.core.netdev_max_backlog": "1000", "net.ipv4.tcp_abort_on_overflow": "0",
		"net.ipv4.tcp_slow_start_after_idle": "1",
		"net.ipv4.ip_local_reserved_ports":   "8080,11000-11001", "net.ipv4.ip_local_port_range": "32768\t60999",
		"net.ipv4.tcp_timestamps": "1", "net.ipv4.tcp_tw_reuse": "2", "net.ipv4.tcp_tw_reuse_delay": "1000",
		"net.ipv4.tcp_max_tw_buckets": "65536", "net.ipv4.tcp_max_orphans": "65536",
		"net.ipv4.tcp_fin_timeout": "60", "net.ipv4.tcp_keepalive_time": "7200",
		"net.ipv4.tcp_keepalive_intvl": "75", "net.ipv4.tcp_keepalive_probes": "9",
		"net.ipv4.tcp_mem":  "188319\t251093\t376638",
		"net.ipv4.tcp_rmem": "4096\t131072\t6291456", "net.ipv4.tcp_wmem": "4096\t16384\t4194304",
		"vm.min_free_kbytes": "67584", "vm.max_map_count": "65530", "vm.overcommit_memory": "0",
		"net.netfilter.nf_conntrack_buckets": "262144", "net.netfilter.nf_conntrack_max": "262144",
		"net.netfilter.nf_conntrack_count": "0",
		"net.ipv4.tcp_child_ehash_entries": "0", "net.ipv4.tcp_ehash_entries": "131072",
		"kernel.threads-max": "127000", "kernel.pid_max": "4194304",
		KeyTHP: "madvise", KeySlabWaste: "60",
	}}
}

// target is n connections with both ends on a box.
func target(n int64) Target {
	return Target{Conns: n, Memory: 16 << 30, Cores: 4, Role: Both,
		Ports: []unit.Ports{{First: 10000, N: 200}, {First: 15000, N: 200}}}
}

func sameValues(t *testing.T, got, want map[string]string) {
	t.Helper()
	for key, w := range want {
		if clean(got[key]) != clean(w) {
			t.Errorf("%s is %q, want %q", key, got[key], w)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d keys, want %d", len(got), len(want))
	}
}
