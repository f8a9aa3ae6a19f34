package sys

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func TestReplaceFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.conf")
	if err := ReplaceFile(path, []byte("one\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	uid, gid := os.Geteuid(), os.Getegid()
	if uid == 0 {
		uid, gid = 1234, 4321
	}
	if err := os.Chown(path, uid, gid); err != nil {
		t.Fatal(err)
	}
	if err := ReplaceFile(path, []byte("two\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil || string(text) != "two\n" || st.Mode&0o7777 != 0o640 || int(st.Uid) != uid || int(st.Gid) != gid {
		t.Errorf("%q, %v, mode %o, owner %d:%d, want what it had: 640, %d:%d", text, err, st.Mode&0o7777, st.Uid,
			st.Gid, uid, gid)
	}
	other := filepath.Join(dir, "b.conf")
	if err := os.Link(path, other); err != nil {
		t.Fatal(err)
	}
	if err := ReplaceFile(path, []byte("3\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(other); err != nil || string(text) != "3\n" {
		t.Errorf("by its other name: %q, %v; the link is lost", text, err)
	}
	if all := names(t, dir); len(all) != 2 {
		t.Errorf("left behind: %v", all)
	}
	if err := ReplaceFile(dir, nil, 0o644); err == nil {
		t.Error("a directory was replaced")
	}
	if err := ReplaceFile(filepath.Join(dir, "none", "c"), nil, 0o644); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in a directory that is not there: %v", err)
	}
}

// A crash while the content is written leaves nothing: it has no name yet. What
// one between link and rename left is overwritten by the next.
func TestReplaceFileCrash(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.conf")
	f, named, err := newFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if all := names(t, dir); !named && len(all) > 0 {
		t.Errorf("a name before the content is whole: %v", all)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(TemporaryOf(path), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ReplaceFile(path, []byte("whole\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "whole\n" || len(names(t, dir)) != 1 {
		t.Errorf("%q, %v, files %v", text, err, names(t, dir))
	}
}

func TestNetCookie(t *testing.T) {
	a, err := NetCookie()
	if err != nil {
		t.Fatal(err)
	}
	if b, err := NetCookie(); err != nil || a == 0 || a != b {
		t.Errorf("%d and then %d, %v", a, b, err)
	}
}
