package tune

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tree lists every file and directory below dir, with contents.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			all[path] = "dir"
			return err
		}
		b, err := os.ReadFile(path)
		all[path] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// etc makes a root directory with /etc/security, /etc/systemd and an older
// sysctl file of ours.
func etc(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, dir := range []string{"etc/security", "etc/systemd", "etc/sysctl.d", "var/lib/c10m"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, SysctlFile), []byte("net.core.somaxconn = 1024\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return root
}

func TestPersistAndRevert(t *testing.T) {
	root, st := etc(t), box()
	s := &Store{Path: filepath.Join(root, DefaultStateFile)}
	before, values := tree(t, root), st.snapshot()
	for range 2 { // the second time, everything is there already
		applied := mustApply(t, st, target(10_000_000), s)
		files, err := Persist(root, st, target(10_000_000), s, false)
		if err != nil || len(files.NotDone) > 0 {
			t.Fatalf("%v, not done %v", err, files.NotDone)
		}
		if all := applied.WithFiles(files); len(all.NotDone) > 0 {
			t.Errorf("not done: %v", all.NotDone)
		}
	}
	for path, wants := range map[string][]string{
		SysctlFile: {"\nfs.file-max = 9223372036854775807\n", "\nnet.core.somaxconn = 65535\n", "\n-net.netfilter.nf_conntrack_max = 10065536\n",
			"\nnet.ipv4.ip_local_reserved_ports = 8080,9090,10000-10199,11000-11001,15000-15199\n", "\nnet.ipv4.tcp_wmem = 4096 16384 4194304\n"},
		LimitsFile: {"\n*     hard nofile 10011648\n", "\nroot  soft nofile 10011648\n"},
		SystemFile: {"\n[Manager]\nDefaultLimitNOFILE=1024:10011648\n"},
		UserFile:   {"\n[Manager]\nDefaultLimitNOFILE=1024:10011648\n"},
	} {
		text := tree(t, root)[filepath.Join(root, path)]
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q:\n%s", path, want, text)
			}
		}
	}
	mustRevert(t, st, s)
	sameValues(t, st.values, values)
	after := tree(t, root)
	for path, content := range before {
		if after[path] != content {
			t.Errorf("%s is %q, was %q", path, after[path], content)
		}
	}
	if len(after) != len(before) {
		t.Errorf("left behind: %d files and directories, were %d", len(after), len(before))
	}
}

// A hard limit above fs.nr_open would lock out every login.
func TestNoLimitAboveTheCeiling(t *testing.T) {
	root, st := etc(t), box()
	st.readOnly["fs.nr_open"] = true
	s := &Store{Path: filepath.Join(root, DefaultStateFile)}
	applied := mustApply(t, st, target(10_000_000), s)
	files, err := Persist(root, st, target(10_000_000), s, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, LimitsFile)); err == nil {
		t.Error("limits.d was written although fs.nr_open is lower")
	}
	if got := unreached(applied.WithFiles(files)); !slices.Contains(got, KeyNofileHard) || !slices.Contains(got, filepath.Join(root, LimitsFile)) {
		t.Errorf("not done: %v", got)
	}
}

func TestPersistKeepsFilesOverReboot(t *testing.T) {
	root, st := etc(t), box()
	s := &Store{Path: filepath.Join(root, DefaultStateFile)}
	values := st.snapshot()
	mustApply(t, st, target(10_000_000), s)
	if _, err := Persist(root, st, target(10_000_000), s, false); err != nil {
		t.Fatal(err)
	}
	st.values[KeyBootID] = "boot-2" // the files have set the same values again
	mustRevert(t, st, s)
	values[KeyBootID] = "boot-2"
	sameValues(t, st.values, values)
}

func TestPersistIsDry(t *testing.T) {
	root, st := etc(t), box()
	before := tree(t, root)
	rep, err := Persist(root, st, target(10_000_000), &Store{Path: filepath.Join(root, DefaultStateFile)}, true)
	if err != nil || len(rep.Done) != 4 {
		t.Errorf("%v, %d files", err, len(rep.Done))
	}
	for path, content := range tree(t, root) {
		if before[path] != content {
			t.Errorf("%s was written", path)
		}
	}
}

func TestPersistWithoutSystemd(t *testing.T) {
	root, st := t.TempDir(), box()
	st.values["fs.nr_open"] = "20000000"
	rep, err := Persist(root, st, target(10_000_000), &Store{Path: filepath.Join(root, DefaultStateFile)}, false)
	if err != nil || len(rep.Done) != 1 || len(rep.NotDone) > 0 {
		t.Errorf("%v, done %v, not done %v", err, rep.Done, rep.NotDone)
	}
	if _, err := os.Stat(filepath.Join(root, "etc/systemd")); err == nil {
		t.Error("etc/systemd was made up")
	}
}
