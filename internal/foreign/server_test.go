package foreign

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/proc"
)

// here is this machine's /proc.
func here(t *testing.T) proc.FS {
	t.Helper()
	fp, err := proc.Here()
	if err != nil {
		t.Fatal(err)
	}
	return fp
}

// forking is a server of two processes that is not ours: the parent listens, and
// what it accepts is kept by the child.
const forking = `
import os, socket, sys
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(64)
if os.fork() == 0:
    kept = [bytearray(1 << 22)]
    print(s.getsockname()[1], flush=True)
    while True:
        kept.append(s.accept())
s.close(); os.wait()
`

// start starts it, and says where it listens.
func start(t *testing.T) (pid, port int) {
	t.Helper()
	cmd := exec.Command("python3", "-c", forking)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, child := range here(t).Children(cmd.Process.Pid) {
			if p, err := os.FindProcess(child); err == nil {
				_ = p.Kill()
			}
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if _, bad := fmt.Sscan(line, &port); err != nil || bad != nil {
		t.Fatalf("the server said %q, %v", line, err)
	}
	return cmd.Process.Pid, port
}

// The connections, the memory and the ports of a server are those of all of its
// processes, and nothing is claimed that only a server of ours would tell.
func TestReportOfAnother(t *testing.T) {
	fp := here(t)
	pid, port := start(t)
	s, err := Find(fp, Who{PIDs: []int{pid}})
	if err != nil {
		t.Fatal(err)
	}
	const n = 5
	for range n {
		c, err := net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
	}
	r, err := s.Exact()
	for err == nil && r.Open < n { // until it has accepted the last one
		if len(r.Ports) == 1 && r.Ports[0].Open != r.Open {
			t.Fatalf("%d connections, and %d at the only port", r.Open, r.Ports[0].Open)
		}
		r, err = s.Exact()
	}
	if err != nil || r.Open != n || len(r.Ports) != 1 || r.Ports[0].Port != port || r.Ports[0].Open != n ||
		r.Bind != "127.0.0.1" {
		t.Fatalf("%+v, %v: want %d open on port %d", r, err, n, port)
	}
	if counts, err := s.Counts(); err != nil || counts.Open != n || counts.Memory != nil || counts.Kernel != nil {
		t.Errorf("counts alone: %+v, %v", counts, err)
	}
	if len(r.Shards) != 2 || r.Shards[0].PID != pid || r.Memory == nil || r.Memory.PSS < 4<<20 || r.CPU == nil ||
		r.Kernel == nil {
		t.Errorf("%+v: want the memory of both processes", r)
	}
	if r.Foreign == nil || r.Foreign.PID != pid || !strings.HasPrefix(r.Foreign.Name, "python") ||
		r.Foreign.Processes != 2 {
		t.Errorf("foreign %+v", r.Foreign)
	}
	if r.MaxConns+r.Accepted+r.Messages != 0 || r.Engine != "" || r.Commit != "" {
		t.Errorf("%+v claims what nobody can know of it", r)
	}
	if in := fp.Namespaces(); r.In == nil || *r.In != in {
		t.Errorf("namespaces %+v, want ours, %+v", r.In, in)
	}
}

func TestWhoCannotBeWatched(t *testing.T) {
	root, sysfs := t.TempDir(), t.TempDir()
	for name, text := range map[string]string{
		"10/cgroup": "0::/docker/3f9a0c11d2e4\n", "11/cgroup": "0::/docker/3f9b0c11d2e4\n",
		"12/stat": "12 (x) Z 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5 0 0\n",
	} {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(sysfs, "fs/cgroup/empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(sysfs, "fs/cgroup/empty/cgroup.procs"), []byte("0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	fp, err := proc.New(root, sysfs)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, want string
		who        Who
	}{
		{"no process", "there is no process 7", Who{PIDs: []int{7}}},
		{"ended", "there is no process 12", Who{PIDs: []int{12}}},
		{"no group", "find control group /no: nothing below", Who{Cgroup: "/no"}},
		{"all groups", "that is the whole machine", Who{Cgroup: "/"}},
		{"nobody in it", "control group /empty has no process", Who{Cgroup: "/empty"}},
		{"no container", "no process here is in a container whose id begins with 4a", Who{Container: "4a"}},
		{"several containers", "2 containers have an id that begins with 3F9: 3f9a0c11d2e4, 3f9b0c11d2e4",
			Who{Container: "3F9"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Find(fp, tt.who); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

// A number that another process has got meanwhile is not the server's any more.
func TestServerThatEnded(t *testing.T) {
	fp := here(t)
	cat := exec.Command("cat")
	in, err := cat.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cat.Start(); err != nil {
		t.Fatal(err)
	}
	s, err := Find(fp, Who{PIDs: []int{cat.Process.Pid}})
	if err != nil {
		t.Fatal(err)
	}
	if pids := s.PIDs(); !slices.Equal(pids, []int{cat.Process.Pid}) || s.Listens() != "" || s.Alive() != nil {
		t.Errorf("processes %v, ports %q", pids, s.Listens())
	}
	s.who.roots[0].began--
	if err := s.Alive(); err == nil || !strings.Contains(err.Error(), "another one has its number") {
		t.Errorf("%v, want another process", err)
	}
	s.who.roots[0].began++
	_ = in.Close()
	_ = cat.Wait()
	if s.String() == "" || len(s.PIDs()) != 1 {
		t.Error("nobody knows any more who it was")
	}
	if _, err := s.Exact(); err == nil || !strings.Contains(err.Error(), proc.ErrGone.Error()) {
		t.Errorf("%v, want %v", err, proc.ErrGone)
	}
}
