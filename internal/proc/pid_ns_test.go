package proc

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/c10m/c10m/internal/result"
)

// TestNamespaceLinks: a link that is hidden or odd is a namespace that is not
// known, and the same as none.
func TestNamespaceLinks(t *testing.T) {
	for _, tt := range []struct {
		name  string
		links map[string]string
		want  result.Namespaces
		same  bool // network namespace as process 5, which has net:[4026531840]
	}{
		{"shown", map[string]string{"pid": "pid:[4026531836]", "net": "net:[4026531840]", "user": "user:[4026531837]"},
			result.Namespaces{PID: 4026531836, Net: 4026531840, User: 4026531837}, true},
		{"hidden", nil, result.Namespaces{}, false},
		{"odd", map[string]string{"pid": "net:[1]", "net": "net:[-1]", "user": "/nowhere"}, result.Namespaces{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root, put := fuzzRoot(t)
			put("self/ns/mnt", nil)
			put("5/ns/mnt", nil)
			for name, to := range tt.links {
				if err := os.Symlink(to, filepath.Join(root, "self/ns", name)); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Symlink("net:[4026531840]", filepath.Join(root, "5/ns/net")); err != nil {
				t.Fatal(err)
			}
			p, err := New(root, root)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Namespaces(); got != tt.want {
				t.Errorf("Namespaces = %+v, want %+v", got, tt.want)
			}
			if p.SameNet(5) != tt.same || p.SameNet(6) {
				t.Errorf("SameNet: process 5 %v, want %v; process 6, which is not there, %v", p.SameNet(5), tt.same, p.SameNet(6))
			}
			if p.PassesFileMax() {
				t.Error("it passes fs.file-max, though nothing shows that it may")
			}
		})
	}
}

// TestChildNamespaces: a child in a network namespace of its own is told from one
// in ours.
func TestChildNamespaces(t *testing.T) {
	p := here(t)
	if !p.SameNet(os.Getpid()) {
		t.Error("we are not in our own network namespace")
	}
	child := exec.Command("cat")
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	child.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if err := child.Start(); err != nil {
		if os.Getuid() != 0 {
			t.Skipf("namespaces take root: %v", err)
		}
		t.Fatal(err)
	}
	if p.SameNet(child.Process.Pid) {
		t.Error("a child in a network namespace of its own is in ours")
	}
	_ = in.Close()
	if err := child.Wait(); err != nil {
		t.Fatal(err)
	}
}

// TestSelf: this process's own figures are found by Self also where its pid means
// another process: in a pid namespace whose /proc is still that of the one above.
func TestSelf(t *testing.T) {
	p := here(t)
	me := p.Self()
	if s, err := p.Process(me); err != nil || s.Pids != 1 || s.PSS == 0 {
		t.Errorf("Process = %+v, %v", s, err)
	}
	if s, err := p.Resident(me); err != nil || s.Anon == 0 {
		t.Errorf("Resident = %+v, %v", s, err)
	}
	if threads, err := p.Threads(me); err != nil || len(threads) < 2 {
		t.Errorf("Threads = %d, %v", len(threads), err)
	}
	if f, err := p.FDs(me); err != nil || f.Limit < 1 {
		t.Errorf("FDs = %+v, %v", f, err)
	}
	if n, err := p.Calls(me); err != nil || n < 1 {
		t.Errorf("Calls = %d, %v", n, err)
	}
	if uid, err := p.User(me); err != nil || uid != os.Getuid() {
		t.Errorf("User = %d, %v", uid, err)
	}
	if p.Tasks() < 2 {
		t.Errorf("Tasks = %d", p.Tasks())
	}
	if os.Getenv("C10M_PROC_CHILD") != "" {
		fmt.Printf("pid %d is another one there: %v\n", os.Getpid(), me != os.Getpid())
		return
	}
	if os.Getuid() != 0 {
		t.Skip("a pid namespace takes root")
	}
	child := exec.Command("/proc/self/exe", "-test.run", "^TestSelf$")
	child.Env = append(os.Environ(), "C10M_PROC_CHILD=1")
	child.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	out, err := child.CombinedOutput()
	if err != nil || string(out) != "pid 1 is another one there: true\nPASS\n" {
		t.Errorf("in a pid namespace under this /proc: %v\n%s", err, out)
	}
}
