package proc

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/c10m/c10m/internal/result"
)

func TestNamespacesHere(t *testing.T) {
	p, err := Here()
	if err != nil {
		t.Fatal(err)
	}
	if p.Self() != os.Getpid() {
		t.Errorf("Self is %d, want %d", p.Self(), os.Getpid())
	}
	if ns := p.Namespaces(); ns.PID == 0 || ns.Net == 0 || ns.User == 0 {
		t.Errorf("%+v, want all three known", ns)
	}
}

// The mounted /proc may be that of another pid namespace: our number there is
// another, and what stands there under our own number is somebody else.
func TestProcOfAnotherPIDNamespace(t *testing.T) {
	dir := t.TempDir()
	me, child, stranger := 4_100_001, 4_100_002, os.Getpid()
	for pid, ids := range map[int][]int{me: {me, os.Getpid()}, child: {child, 77}, stranger: {stranger}} {
		at := filepath.Join(dir, strconv.Itoa(pid))
		if err := os.MkdirAll(filepath.Join(at, "ns"), 0o755); err != nil {
			t.Fatal(err)
		}
		status := "Name:\tx\nNSpid:"
		for _, id := range ids {
			status += "\t" + strconv.Itoa(id)
		}
		if err := os.WriteFile(filepath.Join(at, "status"), []byte(status+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		for kind, inode := range map[string]string{"pid": "1", "net": "2", "user": "3"} {
			if err := os.Symlink(kind+":["+inode+"]", filepath.Join(at, "ns", kind)); err != nil {
				t.Fatal(err)
			}
		}
	}
	task := filepath.Join(dir, strconv.Itoa(me), "task", strconv.Itoa(me))
	if err := os.MkdirAll(task, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(task, "children"), []byte(strconv.Itoa(child)+" "), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(strconv.Itoa(me), filepath.Join(dir, "self")); err != nil {
		t.Fatal(err)
	}
	p, err := New(dir, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := p.Namespaces(), (result.Namespaces{Net: 2, User: 3}); got != want {
		t.Errorf("namespaces %+v, want %+v: numbers of processes mean nothing here", got, want)
	}
	for own, want := range map[int]int{os.Getpid(): me, 77: child} {
		if got, err := p.Own(own); got != want || err != nil {
			t.Errorf("process %d is %d there (%v), want %d", own, got, err, want)
		}
	}
	if got, err := p.Own(78); err == nil {
		t.Errorf("process 78 is %d there, want an error: it is not shown", got)
	}
	if got := p.OwnAll([]int{77, 78}); len(got) != 1 || got[0] != child {
		t.Errorf("own of 77 and 78: %v, want %d alone", got, child)
	}
}
