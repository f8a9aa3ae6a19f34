package tune

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writeFiles makes files below root; "-> TARGET" makes a symbolic link.
func writeFiles(t *testing.T, root string, files map[string]string) {
	t.Helper()
	for path, content := range files {
		path = filepath.Join(root, path)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if to, link := strings.CutPrefix(content, "-> "); err == nil && link {
			err = os.Symlink(to, path)
		} else if err == nil {
			err = os.WriteFile(path, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestLastSysctl(t *testing.T) {
	const key = "net.core.somaxconn"
	const ours = "net.core.somaxconn = 65535\n"
	tests := []struct {
		name  string
		files map[string]string
		value string // "": no file sets it
		where string
	}{
		{"none", nil, "", ""},
		{"ours", map[string]string{SysctlFile: ours}, "65535", SysctlFile + ":1"},
		{"Debian's link", map[string]string{SysctlFile: ours, "etc/sysctl.d/99-sysctl.conf": "-> ../sysctl.conf",
			"etc/sysctl.conf": "# mine\n\nnet.core.somaxconn=128\n"}, "128", "etc/sysctl.conf:3"},
		{"an absolute link", map[string]string{SysctlFile: ours, "etc/sysctl.d/99-sysctl.conf": "-> /etc/sysctl.conf",
			"etc/sysctl.conf": "net.core.somaxconn=128\n"}, "128", "etc/sysctl.conf:1"},
		{"without systemd sysctl.conf is last", map[string]string{"etc/sysctl.d/zz.conf": ours,
			"etc/sysctl.conf": "net.core.somaxconn=128\n"}, "128", "etc/sysctl.conf:1"},
		{"with systemd it is not read", map[string]string{"usr/lib/systemd/systemd-sysctl": "", SysctlFile: ours,
			"etc/sysctl.conf": "net.core.somaxconn=128\n"}, "65535", SysctlFile + ":1"},
		{"by file name, not by directory", map[string]string{"etc/sysctl.d/10-a.conf": ours,
			"usr/lib/sysctl.d/50-b.conf": "net.core.somaxconn=128\n"}, "128", "usr/lib/sysctl.d/50-b.conf:1"},
		{"of one name /etc wins", map[string]string{"etc/sysctl.d/50-b.conf": ours,
			"run/sysctl.d/50-b.conf":     "net.core.somaxconn=64\n",
			"usr/lib/sysctl.d/50-b.conf": "net.core.somaxconn=128\n"}, "65535", "etc/sysctl.d/50-b.conf:1"},
		{"then /run", map[string]string{"run/sysctl.d/50-b.conf": ours,
			"usr/local/lib/sysctl.d/50-b.conf": "net.core.somaxconn=128\n"}, "65535", "run/sysctl.d/50-b.conf:1"},
		{"masked by /dev/null", map[string]string{SysctlFile: ours, "usr/lib/sysctl.d/99-z.conf": "net.core.somaxconn=128\n",
			"etc/sysctl.d/99-z.conf": "-> /dev/null"}, "65535", SysctlFile + ":1"},
		{"masked by an empty file", map[string]string{SysctlFile: ours,
			"usr/lib/sysctl.d/99-z.conf": "net.core.somaxconn=128\n",
			"etc/sysctl.d/99-z.conf":     ""}, "65535", SysctlFile + ":1"},
		{"other names are not read", map[string]string{SysctlFile: ours,
			"etc/sysctl.d/99-z.conf.bak": "net.core.somaxconn=128\n"},
			"65535", SysctlFile + ":1"},
		{"with slashes", map[string]string{"etc/sysctl.d/a.conf": "net/core/somaxconn = 128\n"}, "128",
			"etc/sysctl.d/a.conf:1"},
		{"errors ignored, comments", map[string]string{"etc/sysctl.d/a.conf": "; x\n#net.core.somaxconn=1\n - " +
			"x\n-net.core.somaxconn = 128\n"},
			"128", "etc/sysctl.d/a.conf:4"},
		{"a pattern", map[string]string{"etc/sysctl.d/a.conf": "net.core.*max* = 128\n"}, "128", "etc/sysctl.d/a.conf:1"},
		{"a later pattern does not change what is set by name", map[string]string{SysctlFile: ours,
			"etc/sysctl.d/z.conf": "net.core.* = 128\n"}, "65535", SysctlFile + ":1"},
		{"a pattern stops at a dot", map[string]string{"etc/sysctl.d/z.conf": "net.* = 128\n"}, "", ""},
		{"kept from patterns", map[string]string{"etc/sysctl.d/z.conf": "net.core.* = 128\n-net.core.somaxconn\n"}, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			writeFiles(t, root, tt.files)
			files, _ := bootFiles{root: root}.sysctls()
			got, ok := lastSysctl(files, key)
			where := ""
			if ok {
				where = strings.TrimPrefix(got.Where(), root+"/")
			}
			if ok != (tt.value != "") || ok && got.Value != tt.value || where != tt.where {
				t.Errorf("%q by %s, want %q by %s", got.Value, where, tt.value, tt.where)
			}
		})
	}
}

// TestOverruled: a later, lower value of any kind of file is not done, with its
// place, and what it would break is not written.
func TestOverruled(t *testing.T) {
	const n = "10011648" // descriptors for ten million
	tests := []struct {
		name    string
		files   map[string]string
		key     string // not done
		reason  string
		limited bool // limits.d is written
	}{
		{"nothing in the way", nil, "", "", true},
		{"lower", map[string]string{"etc/sysctl.d/99-sysctl.conf": "-> ../sysctl.conf",
			"etc/sysctl.conf": "#\nnet.core.somaxconn = 1024\n"},
			"net.core.somaxconn", "etc/sysctl.conf:2", true},
		{"higher", map[string]string{"etc/sysctl.d/99-z.conf": "net.core.somaxconn = 100000\n"}, "", "", true},
		{"a part of three is lower", map[string]string{"etc/sysctl.d/99-z.conf": "net.ipv4.tcp_mem = 1 2 3\n"},
			"net.ipv4.tcp_mem", "99-z.conf:1", true},
		{"a narrower range", map[string]string{"etc/sysctl.d/99-z.conf": "net.ipv4.ip_local_port_range = 32768 60999\n"},
			"net.ipv4.ip_local_port_range", "99-z.conf:1", true},
		{"no number", map[string]string{"etc/sysctl.d/99-z.conf": "net.core.somaxconn = lots\n"}, "net.core.somaxconn",
			"99-z.conf:1", true},
		{"a lower ceiling", map[string]string{"etc/sysctl.d/99-sysctl.conf": "-> ../sysctl.conf",
			"etc/sysctl.conf": "fs.nr_open=1048576\n"},
			LimitsFile, "etc/sysctl.conf:1 sets fs.nr_open to 1048576 and this needs " + n, false},
		{"an earlier ceiling", map[string]string{"etc/sysctl.d/10-a.conf": "fs.nr_open=1048576\n"}, "", "", true},
		{"a later limit", map[string]string{"etc/security/limits.d/zz.conf": "# x\n* hard nofile 65536\n"}, KeyNofileHard,
			"zz.conf:2", true},
		{"a later limit of both", map[string]string{"etc/security/limits.d/zz.conf": "root - nofile 65536\n"},
			KeyNofileHard, "zz.conf:1", true},
		{"a soft limit", map[string]string{"etc/security/limits.d/zz.conf": "* soft nofile 1024\n"}, "", "", true},
		{"limits.conf is read first", map[string]string{"etc/security/limits.conf": "* hard nofile 4096\n"}, "", "", true},
		{"later for services", map[string]string{
			"etc/systemd/system.conf.d/zz.conf": "[Manager]\nDefaultLimitNOFILE=1024:4096\n"},
			KeyNofileHard, "zz.conf:2", true},
		{"none is more", map[string]string{"etc/systemd/user.conf.d/zz.conf": "DefaultLimitNOFILE=infinity\n"}, "", "", true},
		{"a smaller hash", map[string]string{"etc/modprobe.d/zz.conf": "options nf-conntrack expect_hashsize=1 " +
			"hashsize=16384\n"},
			keyTrackBuckets, "modprobe.d/zz.conf:1", true},
		{"an earlier hash", map[string]string{"etc/modprobe.d/10.conf": "options nf_conntrack hashsize=16384\n"}, "", "",
			true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, dry := range []bool{true, false} {
				root, st := etc(t), box()
				writeFiles(t, root, tt.files)
				s := &Store{Path: filepath.Join(root, DefaultStateFile)}
				if !dry {
					mustApply(t, st, target(10_000_000), s)
				}
				rep, err := Persist(root, st, target(10_000_000), s, dry)
				if err != nil {
					t.Fatal(err)
				}
				var left []Change // but a ceiling that keeps limits.d away
				for _, c := range rep.NotDone {
					if tt.limited || c.Key != "fs.nr_open" {
						left = append(left, c)
					}
				}
				if tt.key == "" && len(left) > 0 || tt.key != "" && len(left) != 1 {
					t.Fatalf("dry %v: not done %+v, want %q", dry, left, tt.key)
				}
				if tt.key != "" && (!strings.HasSuffix(left[0].Key, tt.key) || !strings.Contains(left[0].Reason, tt.reason)) {
					t.Errorf("dry %v: not done %+v, want %s by %s", dry, left[0], tt.key, tt.reason)
				}
				if _, err := os.Stat(filepath.Join(root, LimitsFile)); !dry && (err == nil) != tt.limited {
					t.Errorf("limits.d: %v, want written %v", err, tt.limited)
				}
			}
		})
	}
}

// TestWithdrawn: somebody lowers fs.nr_open after an apply; the next one takes
// its own limits back, and check says who it is before that.
func TestWithdrawn(t *testing.T) {
	root, st := etc(t), box()
	s := &Store{Path: filepath.Join(root, DefaultStateFile)}
	before := tree(t, root)
	mustApply(t, st, target(10_000_000), s)
	if _, err := Persist(root, st, target(10_000_000), s, false); err != nil {
		t.Fatal(err)
	}
	writeFiles(t, root, map[string]string{"etc/sysctl.d/zz.conf": "fs.nr_open = 1048576\nnet.core.somaxconn = 100\n"})
	said := map[string]string{}
	rows := Check(st, target(10_000_000), Select{})
	AddBoot(rows, root, st, target(10_000_000))
	for _, r := range rows {
		if r.Boot != "" {
			said[r.Key] = r.Boot
		}
	}
	if len(said) != 3 || !strings.Contains(said["net.core.somaxconn"], "zz.conf:2 sets it to 100 at the next boot") ||
		!strings.Contains(said[KeyNofileHard],
			"99-c10m.conf:2 gives * a hard limit of 10011648, and "+root+"/etc/sysctl.d/zz.conf:1 sets fs.nr_open to 1048576") {
		t.Errorf("check says %v", said)
	}
	rep, err := Persist(root, st, target(10_000_000), s, false)
	if err != nil || len(rep.NotDone) != 3 {
		t.Errorf("%v, not done %+v", err, rep.NotDone)
	}
	for _, path := range []string{LimitsFile, SystemFile, UserFile} {
		if _, err := os.Stat(filepath.Join(root, path)); err == nil {
			t.Errorf("%s is still there", path)
		}
	}
	mustRevert(t, st, s)
	after := tree(t, root)
	delete(after, filepath.Join(root, "etc/sysctl.d/zz.conf"))
	for path := range after {
		if _, ok := before[path]; !ok {
			t.Errorf("left behind: %s", path)
		}
	}
}

// sysctl.conf that systemd does not read lowers a value whenever a person runs
// sysctl -p: that is told, and no failure.
func TestSysctlConfAside(t *testing.T) {
	root, st := etc(t), box()
	writeFiles(t, root, map[string]string{"lib/systemd/systemd-sysctl": "", "etc/sysctl.conf": "net.core.somaxconn=128\n"})
	s := &Store{Path: filepath.Join(root, DefaultStateFile)}
	mustApply(t, st, target(1000), s)
	rep, err := Persist(root, st, target(1000), s, false)
	if err != nil || len(rep.NotDone) > 0 || !strings.Contains(strings.Join(rep.Notes, "\n"),
		"etc/sysctl.conf:1 sets net.core.somaxconn to 128: not at boot") {
		t.Errorf("%v, not done %v, notes %q", err, rep.NotDone, rep.Notes)
	}
}
