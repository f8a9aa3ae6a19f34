package tune

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/unit"
	"github.com/c10m/c10m/tests/nettest"
)

// TestRealNamespace applies and reverts with the real kernel, in a network namespace of
// its own, so that nothing of this machine changes.
func TestRealNamespace(t *testing.T) {
	if nettest.RerunInNetns(t) {
		applyAndRevert(t)
	}
}

// allSysctls reads every key below /proc/sys/net, of which apply may change
// only those in its table.
func allSysctls(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir("/proc/sys/net", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err == nil { // some are write-only
			all[path] = string(b)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func applyAndRevert(t *testing.T) {
	st := Root{Dir: "/"}
	ns, err := st.Get(KeyNetNS)
	if err != nil || ns == InitialNetNS {
		t.Fatalf("not in a new namespace: %q, %v", ns, err)
	}
	tt := Target{Conns: 10_000_000, Memory: 64 << 30, Cores: 2, Role: Both,
		Ports: []unit.Ports{{First: 10000, N: 200}, {First: 15000, N: 200}}}
	sel := Select{Scope: Namespace}
	s := &Store{Path: filepath.Join(t.TempDir(), "tuning.state")}
	before := allSysctls(t)

	rep, err := Apply(st, tt, sel, s)
	if err != nil || len(rep.NotDone) > 0 || len(rep.Done) < 4 {
		t.Fatalf("apply: %v, done %v, not done %v", err, rep.Done, rep.NotDone)
	}
	if rows := Check(st, tt, sel); !Well(rows) {
		t.Errorf("not well after apply: %+v", rows)
	}
	checkChanged(t, before, rep.Done)
	if again, err := Apply(st, tt, sel, s); err != nil || len(again.Done) > 0 {
		t.Errorf("second apply: %v, %v", err, again.Done)
	}
	if rep, err = Revert(st, s, false); err != nil || len(rep.NotDone) > 0 {
		t.Fatalf("revert: %v, not done %v", err, rep.NotDone)
	}
	if after := allSysctls(t); !maps.Equal(after, before) {
		for path, v := range before {
			if after[path] != v {
				t.Errorf("%s is %q after revert, was %q", path, after[path], v)
			}
		}
	}
	if rep, err = Apply(st, tt, sel, nil); err != nil || len(rep.NotDone) > 0 {
		t.Errorf("apply without keeping: %v, %v", err, rep.NotDone)
	}
	if findings := Hurting(st, Target{Conns: 1000, Memory: tt.Memory, Cores: 2, Role: Both,
		Ports: tt.Ports}); len(findings) > 0 {
		t.Errorf("hurts a thousand connections: %+v", findings)
	}
}

// checkChanged: the keys that differ from before are those of the report.
func checkChanged(t *testing.T, before map[string]string, done []Change) {
	t.Helper()
	changed := map[string]bool{}
	for path, v := range allSysctls(t) {
		if v != before[path] {
			changed[strings.ReplaceAll(strings.TrimPrefix(path, "/proc/sys/"), "/", ".")] = true
		}
	}
	for _, c := range done {
		if !changed[c.Key] {
			t.Errorf("%s is reported as changed and is not", c.Key)
		}
		delete(changed, c.Key)
	}
	if len(changed) > 0 {
		t.Errorf("changed without saying so: %v", changed)
	}
}

// Forwarding for a client without sockets, on and off again: what the kernel
// changes along with it is as it was, too.
func TestPacketsInRealNamespace(t *testing.T) {
	if nettest.RerunInNetns(t) {
		forwardAndBack(t)
	}
}

func forwardAndBack(t *testing.T) {
	st := Root{Dir: "/"}
	for _, redirects := range []string{"0", "1"} {
		if err := st.Set("net.ipv4.conf.all.accept_redirects", redirects); err != nil {
			t.Fatal(err)
		}
		if err := st.Set(keyForward, "0"); err != nil {
			t.Fatal(err)
		}
		s := &Store{Path: filepath.Join(t.TempDir(), "tuning.state")}
		before := allSysctls(t)
		rep, err := Apply(st, Target{Conns: 1000, Memory: 1 << 30, Cores: 2, Role: Packets,
			Ports: []unit.Ports{{First: 1, N: 1}}},
			Select{Scope: Namespace}, s)
		if err != nil || len(rep.Done) != 1 || rep.Done[0].Key != keyForward || len(rep.NotDone) > 0 {
			t.Fatalf("apply: %v, %+v", err, rep)
		}
		if got, _ := st.Get("net.ipv4.conf.all.accept_redirects"); clean(got) != redirects {
			t.Errorf("accept_redirects is %s while forwarding, was %s", clean(got), redirects)
		}
		if rep, err = Revert(st, s, false); err != nil || len(rep.NotDone) > 0 {
			t.Fatalf("revert: %v, not done %v", err, rep.NotDone)
		}
		if after := allSysctls(t); !maps.Equal(after, before) {
			for path, v := range before {
				if after[path] != v {
					t.Errorf("%s is %q after revert, was %q", path, after[path], v)
				}
			}
		}
	}
}
