//go:build chaos

package chaos

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/report"
	"github.com/c10m/c10m/tests/rig"
)

// surplus runs a client that wants more connections than the server has room for, by
// fewer than the 256 failures in a row that end a ramp. The surplus is refused and
// counted, those that are held go on echoing, and when they are closed there is room
// again.
func surplus(t *testing.T, s *rig.Server, room int64) {
	t.Helper()
	want := room + 200 - canaries
	c := newCanary(t, s)
	s.Open(t, canaries)
	before := s.Report(t).Refused["over_limit"]
	o := rig.Client(t, nil, nil, s.To("--conns", plain(want), "--hold", "1s", "--interval", "200ms", "--verify",
		plain(want))...)
	r := o.Result
	if r == nil || o.Status != 1 {
		t.Fatalf("status %d, %+v, want 1 and a report: %s", o.Status, r, o.Stderr)
	}
	kept := room - canaries
	if r.Conns.Attempted != want || r.Conns.Established-r.Conns.Lost != kept || r.Echo.Verified != kept ||
		r.Echo.Mismatched != 0 {
		t.Errorf("conns %+v, echo %+v: want %d kept of %d, all echoing", r.Conns, *r.Echo, kept, want)
	}
	// A refused SYN may have been tried again by the client's kernel.
	if n := s.Report(t).Refused["over_limit"] - before; n < want-kept {
		t.Errorf("server counts %d refused, want %d", n, want-kept)
	}
	c.well(t)
	s.Open(t, canaries)
	again := rig.Client(t, nil, nil, s.To("--conns", plain(kept/2), "--hold", "0s")...)
	if again.Status != 0 {
		t.Errorf("status %d once there is room again: %s", again.Status, again.Stderr)
	}
	c.well(t)
}

// TestMaxConns: more connections than --max-conns.
func TestMaxConns(t *testing.T) {
	for _, workers := range []string{"1", "2"} {
		t.Run(workers+" workers", func(t *testing.T) {
			rig.NoLeaks(t)
			s := rig.Start(t, rig.Options{Ports: 10, Flags: []string{"--workers", workers, "--max-conns", "1000"}})
			surplus(t, s, 1000)
		})
	}
}

// TestFDLimit: more connections than the server's fd table has room for. It must
// refuse before accept4(2) fails: gnet would end its engine there.
func TestFDLimit(t *testing.T) {
	rig.NoLeaks(t)
	s := rig.Start(t, rig.Options{Ports: 10, Prefix: []string{"prlimit", "--nofile=600:600"},
		Flags: []string{"--workers", "1"}})
	surplus(t, s, s.Report(t).MaxConns)
	if pid := s.Report(t).PID; pid != s.Cmd.Process.Pid {
		t.Errorf("pid %d, at first %d: not the same process", pid, s.Cmd.Process.Pid)
	}
}

// TestFileMax: the machine is nearly out of files (ENFILE is next). fs.file-max
// has no namespace, so it cannot be lowered for a test without lowering it for
// everybody; what the server reads of it can be, by a mount of its own over
// /proc/sys/fs/file-nr, and CAP_SYS_ADMIN, which lifts the limit, taken away.
// The kernel's own refusal is therefore not seen here, only that the server keeps
// away from it, keeps what it has, and goes on when there is room again.
func TestFileMax(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("a mount of its own needs root")
	}
	const mount = `mount --bind "$0" /proc/sys/fs/file-nr && exec `
	private := []string{"unshare", "-m", "--propagation", "private", "sh", "-c", mount +
		`setpriv --bounding-set -sys_admin --inh-caps -sys_admin "$@"`}
	for _, tt := range []struct {
		name, workers string
		prefix        []string
	}{
		{"1 workers", "1", private},
		{"2 workers", "2", private},
		// Here it has CAP_SYS_ADMIN, which the kernel does not look at: it is not the
		// machine's.
		{"in a user namespace", "1", []string{"unshare", "-Urm", "--propagation", "private", "sh", "-c", mount + `"$@"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.prefix[1] == "-Urm" && exec.Command("unshare", "-Urm", "true").Run() != nil {
				t.Skip("this machine allows no user namespace")
			}
			rig.NoLeaks(t)
			fake := filepath.Join(t.TempDir(), "file-nr")
			used := func(n int) {
				if err := os.WriteFile(fake, fmt.Appendf(nil, "%d\t0\t10000\n", n), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			used(1000)
			s := rig.Start(t, rig.Options{Ports: 10, Flags: []string{"--workers", tt.workers}, Prefix: append(tt.prefix, fake)})
			c := newCanary(t, s)
			s.Open(t, canaries)
			used(9600) // 500 of the 10,000 are kept free
			rig.Await(t, "the server to notice", func() bool {
				before := s.Report(t).Refused["file_max"]
				if conn, err := net.Dial("tcp4", s.Addr(0)); err == nil {
					_ = conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
					_, _ = conn.Read(make([]byte, 1)) // a reset, or nothing
					_ = conn.Close()
				}
				return s.Report(t).Refused["file_max"] > before
			})
			o := rig.Client(t, nil, nil, s.To("--conns", "300", "--hold", "0s", "--connect-timeout", "10s")...)
			if o.Status != 1 {
				t.Errorf("status %d with no file left, want 1: %s", o.Status, o.Stderr)
			}
			s.Open(t, canaries)
			c.well(t)
			used(1000)
			rig.Await(t, "the server to let in again", func() bool {
				return rig.Client(t, nil, nil, s.To("--conns", "300", "--hold", "0s", "--connect-timeout", "10s")...).Status == 0
			})
			c.well(t)
		})
	}
}

// TestMemoryAlmostOut: a client whose cgroup has no memory for what it was asked
// stops its ramp in time, keeps what it has and says why, instead of being
// killed; the server does not suffer.
func TestMemoryAlmostOut(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	rig.NoLeaks(t)
	const most = 192 << 20
	join, _ := memoryGroup(t, most)
	s := rig.Start(t, rig.Options{Ports: 10, Flags: []string{"--max-conns", "60000"}})
	c := newCanary(t, s)
	o := rig.Client(t, join, nil, s.To("--conns", "50000", "--hold", "1s", "--interval", "500ms")...)
	r := o.Result
	if r == nil || o.Status != 1 || r.Conns.Established == 0 || r.Conns.Established >= 50_000 || r.Conns.Failed != 0 ||
		r.Conns.Lost != 0 || r.Echo.Lost != 0 ||
		!strings.Contains(strings.Join(report.Warnings(r.Warnings), " "), "cgroup's limit") {
		t.Fatalf("status %d, %+v: want part of 50,000 held, none lost, and the reason: %s", o.Status, r, o.Stderr)
	}
	t.Logf("%d connections in %d MiB: %s", r.Conns.Established, most>>20, report.Warnings(r.Warnings))
	s.Open(t, canaries)
	c.well(t)
}

// TestServerMemoryLow: a server whose cgroup has no memory for what is asked of it
// refuses the surplus before the kernel runs out, keeps what it has, and goes on
// when there is room again. The kernel charges sockets to the cgroup of whoever
// accepts them, so what the client takes does not count.
func TestServerMemoryLow(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	for _, workers := range []string{"1", "2"} {
		t.Run(workers+" workers", func(t *testing.T) {
			rig.NoLeaks(t)
			const most = 96 << 20
			join, group := memoryGroup(t, most)
			s := rig.Start(t, rig.Options{Ports: 10, Prefix: join, Flags: []string{"--workers", workers, "--max-conns",
				"19000"}})
			// 20 MiB more than it has by now are less than half of what is asked for,
			// whatever an engine keeps of a connection.
			const room = 20 << 20
			group.limit(t, group.used(t)+room)
			c := newCanary(t, s)
			s.Open(t, canaries)
			o := rig.Client(t, nil, nil, s.To("--conns", "18000", "--hold", "1s", "--interval", "200ms",
				"--connect-timeout", "10s")...)
			r, got := o.Result, s.Report(t)
			if r == nil || o.Status != 1 || r.Conns.Established == 0 || got.Refused["memory_low"] == 0 ||
				got.Refused["over_limit"] > 0 {
				t.Fatalf("status %d, %+v, server %+v: want part of 18,000 held, and the others refused for memory: %s",
					o.Status, r, got, o.Stderr)
			}
			t.Logf("%d connections in %d MiB, %v", r.Conns.Established-r.Conns.Lost, room>>20, got.Refused)
			for _, w := range got.Shards {
				if w.Restarts > 0 {
					t.Errorf("worker %d was started anew %d times", w.PID, w.Restarts)
				}
			}
			c.well(t)
			s.Open(t, canaries)
			group.limit(t, most)
			rig.Await(t, "the server to let in again", func() bool {
				return rig.Client(t, nil, nil, s.To("--conns", "300", "--hold", "0s", "--connect-timeout", "10s")...).Status == 0
			})
			c.well(t)
		})
	}
}

// controlGroup is a memory cgroup, by its files.
type controlGroup struct{ most, usage string }

func (g controlGroup) limit(t *testing.T, n int) {
	t.Helper()
	if err := os.WriteFile(g.most, fmt.Appendf(nil, "%d", n), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (g controlGroup) used(t *testing.T) (n int) {
	t.Helper()
	b, err := os.ReadFile(g.usage)
	if _, bad := fmt.Sscan(string(b), &n); err != nil || bad != nil {
		t.Fatalf("%s: %q, %v", g.usage, b, err)
	}
	return n
}

// memoryGroup makes a memory cgroup with a limit. join are the words that run a command in
// it.
func memoryGroup(t *testing.T, most int) (join []string, g controlGroup) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("a cgroup of its own needs root")
	}
	dir := fmt.Sprintf("/sys/fs/cgroup/memory/c10m-chaos-%d", os.Getpid())
	limit, usage := "memory.limit_in_bytes", "memory.usage_in_bytes"
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err == nil { // cgroups v2
		dir = fmt.Sprintf("/sys/fs/cgroup/c10m-chaos-%d", os.Getpid())
		limit, usage = "memory.max", "memory.current"
	}
	g = controlGroup{most: filepath.Join(dir, limit), usage: filepath.Join(dir, usage)}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Skipf("no cgroup of its own: %v", err)
	}
	t.Cleanup(func() {
		rig.Await(t, "the cgroup to be empty", func() bool { return os.Remove(dir) == nil })
	})
	if err := os.WriteFile(g.most, fmt.Appendf(nil, "%d", most), 0o644); err != nil {
		t.Skipf("the cgroup takes no memory limit: %v", err)
	}
	return []string{"sh", "-c", `echo $$ >"$0" && exec "$@"`, filepath.Join(dir, "cgroup.procs")}, g
}

// TestClientFDLimit: the client's own fd limit is an obstacle only where it may
// not take further tables, and then it says so before the first socket.
func TestClientFDLimit(t *testing.T) {
	rig.NoLeaks(t)
	s := rig.Start(t, rig.Options{Ports: 10})
	o := rig.Client(t, []string{"prlimit", "--nofile=300:300"}, func(*exec.Cmd) {},
		s.To("--conns", "2000", "--private-fds", "off")...)
	if o.Status != 2 || o.Result != nil {
		t.Errorf("status %d, %+v: want 2 and no run: %s", o.Status, o.Result, o.Stderr)
	}
}

func plain(n int64) string { return strconv.FormatInt(n, 10) }
