package tune

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// rootWith makes a root directory of files.
func rootWith(t *testing.T, files map[string]string) Root {
	t.Helper()
	r := Root{Dir: t.TempDir()}
	if err := os.Mkdir(filepath.Join(r.Dir, "proc"), 0o755); err != nil {
		t.Fatal(err)
	}
	for path, content := range files {
		path = filepath.Join(r.Dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func TestRootGet(t *testing.T) {
	const limits = "Limit                     Soft Limit           Hard Limit           Units     \nMax processes      " +
		"       unlimited            unlimited            processes \nMax open files            1024                 " +
		"524288               files     \n"
	tests := []struct {
		name  string
		files map[string]string
		key   string
		want  string
		ok    bool
	}{
		{"sysctl", map[string]string{"proc/sys/net/ipv4/tcp_mem": "1\t2\t3\n"}, "net.ipv4.tcp_mem", "1\t2\t3", true},
		{"empty sysctl", map[string]string{"proc/sys/net/ipv4/ip_local_reserved_ports": "\n"},
			"net.ipv4.ip_local_reserved_ports", "", true},
		{"no sysctl", nil, "net.ipv4.tcp_mem", "", false},
		{"soft", map[string]string{"proc/self/limits": limits}, KeyNofileSoft, "1024", true},
		{"hard", map[string]string{"proc/self/limits": limits}, KeyNofileHard, "524288", true},
		{"no limit", map[string]string{"proc/self/limits": "Max cpu time 1 2\n"}, KeyNofileHard, "", false},
		{"huge pages", map[string]string{"sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n"}, KeyTHP,
			"madvise", true},
		{"huge pages, none chosen", map[string]string{"sys/kernel/mm/transparent_hugepage/enabled": "always\n"}, KeyTHP,
			"", false},
		{"slab", map[string]string{"sys/kernel/slab/TCP/order": "3\n", "sys/kernel/slab/TCP/objs_per_slab": "13\n",
			"sys/kernel/slab/TCP/slab_size": "2368\n"}, KeySlabWaste, "60", true},
		{"strange slab", map[string]string{"sys/kernel/slab/TCP/order": "-1\n",
			"sys/kernel/slab/TCP/objs_per_slab": "13\n", "sys/kernel/slab/TCP/slab_size": "2368\n"}, KeySlabWaste, "", false},
		{"capabilities", map[string]string{"proc/self/status": "Name:\tx\nCapEff:\t000001ffffffffff\n"}, KeyCaps,
			"000001ffffffffff", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := rootWith(t, tt.files).Get(tt.key)
			if got != tt.want || (err == nil) != tt.ok {
				t.Errorf("Get(%s) = %q, %v; want %q, ok %v", tt.key, got, err, tt.want, tt.ok)
			}
		})
	}
}

func TestRootSet(t *testing.T) {
	r := rootWith(t, map[string]string{"proc/sys/net/core/somaxconn": "4096\n"})
	if err := r.Set("net.core.somaxconn", "65535"); err != nil {
		t.Fatal(err)
	}
	if v, err := r.Get("net.core.somaxconn"); v != "65535" || err != nil {
		t.Errorf("%q, %v", v, err)
	}
	if err := r.Set("net.core.none", "1"); !errors.Is(err, ErrAbsent) {
		t.Errorf("a key that is not there: %v", err)
	}
	if err := r.Set(KeyTHP, "never"); !errors.Is(err, ErrFixed) {
		t.Errorf("a key that is no sysctl: %v", err)
	}
}

func TestRootMachine(t *testing.T) {
	r := rootWith(t, map[string]string{"proc/meminfo": "MemTotal:       127926272 kB\nMemFree: 1 kB\n"})
	if memory, cores, err := r.Machine(); memory != 127926272*1024 || cores < 1 || err != nil {
		t.Errorf("%d, %d, %v", memory, cores, err)
	}
	if _, _, err := rootWith(t, map[string]string{"proc/meminfo": "MemFree: 1 kB\n"}).Machine(); err == nil {
		t.Error("no MemTotal is taken")
	}
}
