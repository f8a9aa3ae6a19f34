package tune

import (
	"fmt"
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
		if d.Type() == fs.ModeSymlink {
			to, err := os.Readlink(path)
			all[path] = "-> " + to
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
	for _, dir := range []string{"etc/security", "etc/systemd", "etc/sysctl.d", "etc/modprobe.d", "var/lib/c10m"} {
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
		SysctlFile: {"\nfs.file-max = 9223372036854775807\n", "\nnet.core.somaxconn = 65535\n",
			"\n-net.netfilter.nf_conntrack_max = 10065536\n",
			"\nnet.ipv4.ip_local_reserved_ports = 8080,9090,10000-10199,11000-11001,15000-15199\n",
			"\nnet.ipv4.tcp_wmem = 4096 16384 4194304\n"},
		LimitsFile:   {"\n*     hard nofile 10011648\nroot  hard nofile 10011648\n"},
		SystemFile:   {"\n[Manager]\nDefaultLimitNOFILE=1024:10011648\n"},
		ModprobeFile: {"\noptions nf_conntrack hashsize=4194304\n"},
		UserFile:     {"\n[Manager]\nDefaultLimitNOFILE=1024:10011648\n"},
	} {
		text := tree(t, root)[filepath.Join(root, path)]
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q:\n%s", path, want, text)
			}
		}
	}
	if strings.Contains(tree(t, root)[filepath.Join(root, LimitsFile)], "soft") {
		t.Error("the soft limit is raised for every program of every user")
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
	if got := unreached(applied.WithFiles(files)); !slices.Contains(got, KeyNofileHard) ||
		!slices.Contains(got, filepath.Join(root, LimitsFile)) {
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
	if err != nil || len(rep.Done) != 5 {
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

// What somebody else has made of a file is not lost.
func TestRevertLeavesChangedFiles(t *testing.T) {
	root, st := etc(t), box()
	s := &Store{Path: filepath.Join(root, DefaultStateFile)}
	mustApply(t, st, target(1_000_000), s)
	for _, conns := range []int64{1_000_000, 10_000_000} { // it is the last writing that counts
		st.values["fs.nr_open"] = "20000000"
		if _, err := Persist(root, st, target(conns), s, false); err != nil {
			t.Fatal(err)
		}
	}
	sysctl, limits := filepath.Join(root, SysctlFile), filepath.Join(root, LimitsFile)
	for _, path := range []string{sysctl, limits} {
		b, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(path, append(b, "# mine\n"...), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	before := tree(t, root)
	for _, dry := range []bool{true, false, false} {
		rep, err := Revert(st, s, dry)
		if err != nil {
			t.Fatal(err)
		}
		if got := unreached(rep); !slices.Contains(got, sysctl) || !slices.Contains(got, limits) || len(got) != 2 {
			t.Errorf("dry %v: not done %v, want the two files that were changed", dry, got)
		}
		for _, path := range []string{sysctl, limits} {
			if tree(t, root)[path] != before[path] {
				t.Errorf("dry %v: %s was changed", dry, path)
			}
		}
	}
	if _, there := tree(t, root)[filepath.Join(root, SystemFile)]; there {
		t.Error("a file that nobody changed was left")
	}
	// Once it is put back, or removed, by hand there is nothing left to do.
	if err := os.WriteFile(sysctl, []byte("net.core.somaxconn = 1024\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(limits); err != nil {
		t.Fatal(err)
	}
	if rep := mustRevert(t, st, s); len(rep.NotDone) > 0 {
		t.Errorf("not done: %v", rep.NotDone)
	}
	if _, there := tree(t, root)[s.Path]; there {
		t.Error("the state file is left")
	}
}

// Without permission to save old values nothing is written, and the report lists all that
// is to be done as root.
func TestApplyWithoutRoot(t *testing.T) {
	st := box()
	rep, err := Apply(st, target(10_000_000), Select{}, denied{})
	_, todo := Pending(Check(st, target(10_000_000), Select{}))
	if err != nil || len(st.sets) > 0 || len(rep.Done) > 0 || len(todo) < 10 {
		t.Fatalf("%v, wrote %v, done %v", err, st.sets, rep.Done)
	}
	for _, c := range todo {
		i := slices.IndexFunc(rep.NotDone, func(n Change) bool { return n.Key == c.Key })
		if i < 0 || !strings.HasPrefix(rep.NotDone[i].Reason, "run as root") {
			t.Errorf("%s is not among what root has to do: %v", c.Key, rep.NotDone)
		}
	}
}

// denied is a Keeper that may not keep.
type denied struct{}

func (denied) Remember(State, []SavedValue) error {
	return fmt.Errorf("make directory of state file: %w", fs.ErrPermission)
}

// TestPersistKeepsModeOwnerAndLinks: what is written over keeps them, so revert
// finds them as they were.
func TestPersistKeepsModeOwnerAndLinks(t *testing.T) {
	root, st := etc(t), box()
	writeFiles(t, root, map[string]string{"srv/limits.conf": "# by hand\n", LimitsFile: "-> /srv/limits.conf",
		ModprobeFile: "-> ../../srv/new.conf"})
	sysctl, limits := filepath.Join(root, SysctlFile), filepath.Join(root, "srv/limits.conf")
	if err := os.Chmod(sysctl, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(limits, 0o664); err != nil {
		t.Fatal(err)
	}
	s := &Store{Path: filepath.Join(root, DefaultStateFile)}
	before := tree(t, root)
	mustApply(t, st, target(1_000_000), s)
	if rep, err := Persist(root, st, target(1_000_000), s, false); err != nil || len(rep.NotDone) > 0 {
		t.Fatalf("%v, not done %v", err, rep.NotDone)
	}
	if !strings.Contains(tree(t, root)[limits], "hard nofile") ||
		tree(t, root)[filepath.Join(root, "srv/new.conf")] == "" {
		t.Error("a link was not followed")
	}
	mustRevert(t, st, s)
	after := tree(t, root)
	for path, content := range before {
		if after[path] != content {
			t.Errorf("%s is %q after revert, was %q", path, after[path], content)
		}
	}
	if len(after) != len(before) {
		t.Errorf("%d files after revert, were %d", len(after), len(before))
	}
	for path, want := range map[string]fs.FileMode{sysctl: 0o600, limits: 0o664,
		filepath.Join(root, LimitsFile):   fs.ModeSymlink | 0o777,
		filepath.Join(root, ModprobeFile): fs.ModeSymlink | 0o777} {
		if info, err := os.Lstat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v, want mode %v", path, info.Mode(), err, want)
		}
	}
}

// An apply for less does not lower what one for more has written.
func TestPersistForLessLowersNothing(t *testing.T) {
	root, st := etc(t), box()
	s := &Store{Path: filepath.Join(root, DefaultStateFile)}
	var files [2]map[string]string
	for i, conns := range []int64{10_000_000, 1000} {
		mustApply(t, st, target(conns), s)
		if _, err := Persist(root, st, target(conns), s, false); err != nil {
			t.Fatal(err)
		}
		files[i] = tree(t, root)
	}
	for _, path := range []string{ModprobeFile, LimitsFile, SystemFile, UserFile} {
		if path = filepath.Join(root, path); files[0][path] != files[1][path] {
			t.Errorf("%s was %q, is %q", path, files[0][path], files[1][path])
		}
	}
	if text := files[1][filepath.Join(root, SysctlFile)]; !strings.Contains(text, "\nfs.nr_open = 10011648\n") {
		t.Errorf("lowered:\n%s", text)
	}
}

// Somebody has masked our file, as sysctl.d(5) describes: it is left so.
func TestPersistMasked(t *testing.T) {
	root, st := etc(t), box()
	if err := os.Remove(filepath.Join(root, SysctlFile)); err != nil {
		t.Fatal(err)
	}
	writeFiles(t, root, map[string]string{"dev/null": "", SysctlFile: "-> /dev"})
	s := &Store{Path: filepath.Join(root, DefaultStateFile)}
	mustApply(t, st, target(1000), s)
	rep, err := Persist(root, st, target(1000), s, false)
	if err != nil || len(rep.NotDone) == 0 || !strings.Contains(rep.NotDone[0].Reason, "no regular file") {
		t.Errorf("%v, %+v", err, rep.NotDone)
	}
}
