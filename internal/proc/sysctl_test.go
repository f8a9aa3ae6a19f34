package proc

import (
	"os"
	"strings"
	"testing"
)

func TestSockets(t *testing.T) {
	for _, tt := range []struct {
		kernel string
		want   Sockets
	}{
		{"5.15", Sockets{TCP: 4013, TCP6: 12, Orphan: 3, TimeWait: 17, Alloc: 4030, MemPages: 9}},
		{"6.1", Sockets{TCP: 25, Orphan: 3, TimeWait: 17, Alloc: 40, MemPages: 9}}, // without IPv6
		{"6.18", Sockets{TCP: 1, Alloc: 1, MemPages: 310}},
	} {
		t.Run(tt.kernel, func(t *testing.T) {
			got, err := recorded(t, tt.kernel).Sockets()
			if err != nil || got != tt.want {
				t.Errorf("Sockets = %+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
}

func TestSoftirq(t *testing.T) {
	got, err := recorded(t, "5.15").Softirq()
	if err != nil || got != 251.95 {
		t.Errorf("Softirq = %v, %v, want 251.95 s", got, err)
	}
}

func TestSysctl(t *testing.T) {
	p := recorded(t, "6.18")
	for _, tt := range []struct {
		name, in, want, err string
	}{
		{"two numbers", "net.ipv4.ip_local_port_range", "32768\t60999", ""},
		{"a dot in a name", "net.ipv4.conf.eth0/5.forwarding", "1", ""},
		{"not there", "net.ipv4.no_such", "", "read sysctl net.ipv4.no_such: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := p.Sysctl(tt.in)
			if got != tt.want || (err != nil) != (tt.err != "") || !strings.Contains(message(err), tt.err) {
				t.Errorf("Sysctl = %q, %v, want %q, %q", got, err, tt.want, tt.err)
			}
		})
	}
	if n, err := p.SysctlInt("net.ipv4.conf.eth0/5.forwarding"); n != 1 || err != nil {
		t.Errorf("SysctlInt = %d, %v, want 1", n, err)
	}
	if _, err := p.SysctlInt("net.ipv4.ip_local_port_range"); !strings.Contains(message(err), "is not a number") {
		t.Errorf("two numbers read as one: error %v", err)
	}
	if _, err := p.SysctlInt("net.ipv4.no_such"); err == nil {
		t.Error("no error for a setting that is not there")
	}
	if id, err := p.BootID(); id != "0f4b1c2e-8a57-4d0e-9c11-5a2f6d3e7b90" || err != nil {
		t.Errorf("BootID = %q, %v", id, err)
	}
}

func TestFiles(t *testing.T) {
	for _, tt := range []struct {
		name, in    string
		open, limit int64
		err         string
	}{
		{"as recorded", "605\t0\t2466177\n", 605, 2466177, ""},
		{"no limit", "1 0 9223372036854775807\n", 1, 1<<63 - 1, ""},
		{"two numbers", "1 2\n", 0, 0, `"1 2" is not three numbers`},
		{"no numbers", "a b c\n", 0, 0, `"a b c" is not three numbers`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.MkdirAll(dir+"/sys/fs", 0o755); err != nil {
				t.Fatal(err)
			}
			write(t, dir+"/sys/fs/file-nr", tt.in)
			p, err := New(dir, dir)
			if err != nil {
				t.Fatal(err)
			}
			open, limit, err := p.Files()
			if open != tt.open || limit != tt.limit || (err != nil) != (tt.err != "") ||
				!strings.Contains(message(err), tt.err) {
				t.Errorf("Files = %d, %d, %v, want %d, %d, %q", open, limit, err, tt.open, tt.limit, tt.err)
			}
		})
	}
}

// TestMissing: a reader whose file is not there says which.
func TestMissing(t *testing.T) {
	p, err := New(t.TempDir(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, read := range map[string]func() error{
		"net/sockstat": func() error { _, err := p.Sockets(); return err },
		"net/netstat":  func() error { _, err := p.ListenDrops(); return err },
		"stat":         func() error { _, err := p.Softirq(); return err },
		"meminfo":      func() error { _, err := p.Kernel(); return err },
		"fs.file-nr":   func() error { _, _, err := p.Files(); return err },
	} {
		if err := read(); err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "failed to") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
