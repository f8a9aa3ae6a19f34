package tune

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func storeIn(t *testing.T) *Store {
	t.Helper()
	return &Store{Path: filepath.Join(t.TempDir(), "deep", "tuning.state")}
}

func mustApply(t *testing.T, st State, target Target, s *Store) Report {
	t.Helper()
	rep, err := Apply(st, target, Select{}, s)
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

func mustRevert(t *testing.T, st State, s *Store) Report {
	t.Helper()
	rep, err := Revert(st, s, false)
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

// unreached are the keys of a report's NotDone.
func unreached(rep Report) []string {
	var keys []string
	for _, c := range rep.NotDone {
		keys = append(keys, c.Key)
	}
	return keys
}

func TestApplyThenRevert(t *testing.T) {
	st, s := box(), storeIn(t)
	before := st.snapshot()
	rep := mustApply(t, st, target(10_000_000), s)
	// The limits of the shell are all that apply cannot reach here.
	if got := unreached(rep); !slices.Equal(got, []string{KeyNofileSoft, KeyNofileHard}) {
		t.Errorf("not done: %v", got)
	}
	for _, r := range Check(st, target(10_000_000), Select{}) {
		if r.Status == Low && r.Scope != Process {
			t.Errorf("%s is still low: %s, want %s", r.Key, r.Now, r.Want)
		}
	}
	for key, old := range before { // nothing is lowered
		if set, ok := Lookup(key); ok && set.Kind != Choice && set.Kind != AtMost && set.Kind != AsIs {
			if _, enough, err := Raise(set.Kind, st.values[key], old); err != nil || !enough {
				t.Errorf("%s was lowered from %s to %s: %v", key, old, st.values[key], err)
			}
		}
	}
	if i, j := slices.Index(st.sets, "net.ipv4.ip_local_reserved_ports"),
		slices.Index(st.sets, "net.ipv4.ip_local_port_range"); i < 0 || j < i {
		t.Errorf("ports are reserved at %d and the range is widened at %d of %v", i, j, st.sets)
	}
	applied := slices.Clone(st.sets)
	st.sets = nil
	rep = mustRevert(t, st, s)
	slices.Reverse(applied)
	if !slices.Equal(st.sets, applied) {
		t.Errorf("reverted in order %v, want %v", st.sets, applied)
	}
	sameValues(t, st.values, before)
	if _, err := os.Stat(s.Path); !errors.Is(err, os.ErrNotExist) || len(rep.NotDone) > 0 {
		t.Errorf("state file is left: %v; not done %v", err, rep.NotDone)
	}
}

func TestApplyIsIdempotent(t *testing.T) {
	st, s := box(), storeIn(t)
	before := st.snapshot()
	mustApply(t, st, target(1_000_000), s)
	file, err := os.ReadFile(s.Path)
	if err != nil {
		t.Fatal(err)
	}
	st.sets = nil
	if rep := mustApply(t, st, target(1_000_000), s); len(rep.Done) > 0 || len(st.sets) > 0 {
		t.Errorf("second apply wrote %v", st.sets)
	}
	if again, err := os.ReadFile(s.Path); err != nil || string(again) != string(file) {
		t.Errorf("second apply changed the state file: %v", err)
	}
	mustApply(t, st, target(10_000_000), s) // wants more: the first old values stay
	mustRevert(t, st, s)
	sameValues(t, st.values, before)
	if rep := mustRevert(t, st, s); len(rep.Done)+len(rep.NotDone) > 0 || len(rep.Notes) != 1 {
		t.Errorf("second revert: %+v", rep)
	}
}

// TestRevertAfterCrash cuts apply off before each of its writes in turn.
func TestRevertAfterCrash(t *testing.T) {
	for n := 1; ; n++ {
		st, s := box(), storeIn(t)
		before := st.snapshot()
		st.dieAt = n
		if !crashes(func() { mustApply(t, st, target(10_000_000), s) }) {
			if n < 10 {
				t.Errorf("apply made only %d writes", n-1)
			}
			return
		}
		st.dieAt, st.sets = 0, nil
		if rep := mustRevert(t, st, s); len(st.sets) != n-1 || len(rep.NotDone) > 0 {
			t.Errorf("crash at write %d: revert wrote %v, not done %v", n, st.sets, rep.NotDone)
		}
		sameValues(t, st.values, before)
	}
}

// TestRevertCutOff crashes revert itself; the next one finishes.
func TestRevertCutOff(t *testing.T) {
	st, s := box(), storeIn(t)
	before := st.snapshot()
	mustApply(t, st, target(10_000_000), s)
	st.sets, st.dieAt = nil, 5
	if !crashes(func() { mustRevert(t, st, s) }) {
		t.Fatal("revert made fewer than 5 writes")
	}
	st.dieAt = 0
	mustRevert(t, st, s)
	sameValues(t, st.values, before)
}

func crashes(f func()) (crashed bool) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case died:
			crashed = true
		default:
			panic(v)
		}
	}()
	f()
	return false
}

func TestApplyGoesOnWhereItCan(t *testing.T) {
	st, s := box(), storeIn(t)
	st.readOnly["net.core.somaxconn"] = true
	delete(st.values, "net.core.netdev_max_backlog")
	delete(st.values, "net.netfilter.nf_conntrack_max")
	delete(st.values, "net.netfilter.nf_conntrack_buckets")
	st.values["net.ipv4.tcp_mem"] = "garbage"
	before := st.snapshot()
	rep := mustApply(t, st, target(10_000_000), s)
	want := []string{"net.core.netdev_max_backlog", "net.core.somaxconn", "net.ipv4.tcp_mem", KeyNofileSoft, KeyNofileHard}
	got := unreached(rep)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("not done: %v, want %v", got, want)
	}
	for _, c := range rep.NotDone {
		if c.Reason == "" {
			t.Errorf("%s is not done without a reason", c.Key)
		}
	}
	if st.values["net.ipv4.tcp_max_tw_buckets"] != "2000000" {
		t.Error("apply stopped at the first failure")
	}
	mustRevert(t, st, s)
	sameValues(t, st.values, before)
}

// failing is a Keeper that cannot keep.
type failing struct{}

func (failing) Remember(State, []SavedValue) error { return errors.New("disk full") }

func TestNothingIsWrittenUnsaved(t *testing.T) {
	st := box()
	if _, err := Apply(st, target(10_000_000), Select{}, failing{}); err == nil || len(st.sets) > 0 {
		t.Errorf("error %v, wrote %v", err, st.sets)
	}
	s := storeIn(t)
	if err := os.MkdirAll(filepath.Dir(s.Path), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"", "{", `{"schema":"other/1"}`,
		`{"schema":"c10m/tuning/1","values":[{"setting":"kernel.core_pattern","old":"|/bin/sh"}]}`} {
		if err := os.WriteFile(s.Path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Apply(st, target(10_000_000), Select{}, s); err == nil || len(st.sets) > 0 {
			t.Errorf("state file %q: error %v, wrote %v", bad, err, st.sets)
		}
		if _, err := Revert(st, s, false); err == nil || len(st.sets) > 0 {
			t.Errorf("state file %q: revert: error %v, wrote %v", bad, err, st.sets)
		}
	}
}

func TestRevertKeepsWhatItCannotRestore(t *testing.T) {
	st, s := box(), storeIn(t)
	before := st.snapshot()
	mustApply(t, st, target(10_000_000), s)
	st.readOnly["net.core.somaxconn"] = true
	rep := mustRevert(t, st, s)
	if got := unreached(rep); !slices.Equal(got, []string{"net.core.somaxconn"}) {
		t.Errorf("not done: %v", got)
	}
	saved, err := s.Load()
	if err != nil || len(saved.Values) != 1 || saved.Values[0].Old != "4096" {
		t.Errorf("left in the state file: %+v, %v", saved.Values, err)
	}
	st.readOnly = nil
	mustRevert(t, st, s)
	sameValues(t, st.values, before)
}

func TestRevertIsDry(t *testing.T) {
	st, s := box(), storeIn(t)
	mustApply(t, st, target(10_000_000), s)
	wrote := len(st.sets)
	rep, err := Revert(st, s, true)
	if err != nil || len(rep.Done) != wrote || len(st.sets) != wrote {
		t.Errorf("dry revert: %v, %d of %d changes, wrote %v", err, len(rep.Done), wrote, st.sets[wrote:])
	}
	if saved, err := s.Load(); err != nil || len(saved.Values) != wrote {
		t.Errorf("dry revert left %d values, %v", len(saved.Values), err)
	}
}

func TestRevertMindsTheNamespace(t *testing.T) {
	st, s := box(), storeIn(t)
	before := st.snapshot()
	mustApply(t, st, target(10_000_000), s)
	st.values[KeyNetNS] = "net:[4026532300]"
	inside := st.values["net.core.somaxconn"]
	rep := mustRevert(t, st, s)
	if st.values["net.core.somaxconn"] != inside || !slices.Contains(unreached(rep), "net.core.somaxconn") {
		t.Error("a value of the first namespace was restored in another one")
	}
	if st.values["net.ipv4.tcp_max_orphans"] != before["net.ipv4.tcp_max_orphans"] {
		t.Error("a global value was not restored")
	}
	st.values[KeyNetNS] = InitialNetNS
	mustRevert(t, st, s)
	sameValues(t, st.values, before)
}

func TestRebootForgets(t *testing.T) {
	st, s := box(), storeIn(t)
	mustApply(t, st, target(10_000_000), s)
	booted := box()
	booted.values[KeyBootID] = "boot-2"
	booted.values["net.core.somaxconn"] = "8192" // set by the new boot's own files
	before := booted.snapshot()
	rep := mustRevert(t, booted, s)
	if len(booted.sets) > 0 || len(rep.Notes) != 1 || !strings.Contains(rep.Notes[0], "booted since") {
		t.Errorf("values of another boot were restored: %v, %v", booted.sets, rep.Notes)
	}
	mustApply(t, box(), target(10_000_000), s) // saves 4096 in boot-1
	mustApply(t, booted, target(10_000_000), s)
	mustRevert(t, booted, s)
	sameValues(t, booted.values, before)
}

// The kernel gives the inode of a namespace that has ended to the next one; a
// cookie is never given twice.
func TestRevertMindsTheCookie(t *testing.T) {
	st, s := box(), storeIn(t)
	st.values[KeyNetNS], st.values[KeyNetCookie] = "net:[4026532300]", "4101"
	before := st.snapshot()
	mustApply(t, st, target(10_000_000), s)
	inside := st.values["net.core.somaxconn"]
	st.values[KeyNetCookie] = "8197" // another namespace of the same inode
	if rep := mustRevert(t, st, s); st.values["net.core.somaxconn"] != inside || !slices.Contains(unreached(rep),
		"net.core.somaxconn") {
		t.Error("a value of the first namespace was restored in another one")
	}
	st.values[KeyNetCookie] = "4101"
	mustRevert(t, st, s)
	sameValues(t, st.values, before)
}

// A state file that was written where there is no cookie goes by the inode.
func TestRevertWithoutCookie(t *testing.T) {
	st, s := box(), storeIn(t)
	before := st.snapshot()
	mustApply(t, st, target(10_000_000), s)
	st.values[KeyNetCookie], before[KeyNetCookie] = "3", "3"
	mustApply(t, st, target(10_000_000), s)
	mustRevert(t, st, s)
	sameValues(t, st.values, before)
}

func TestRevertTellsOpenShells(t *testing.T) {
	st, s := box(), storeIn(t)
	mustApply(t, st, target(10_000_000), s)
	st.values[KeyNofileHard] = "10011648"
	if rep := mustRevert(t, st, s); !strings.Contains(strings.Join(rep.Notes, "\n"),
		"a hard limit, here 10011648, above an fs.nr_open of 1048576") {
		t.Errorf("notes %q", rep.Notes)
	}
}
