package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// group makes a control group (cgroups(7), v1 or v2) with the given files of a
// controller, and returns the words that run a command in it. The test is skipped where
// none can be made.
func group(t *testing.T, controller string, files map[string]string) (prefix []string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("a control group needs root")
	}
	root := "/sys/fs/cgroup/" + controller // v1
	if _, err := os.Stat(root); err != nil {
		root = "/sys/fs/cgroup"
	}
	dir := filepath.Join(root, fmt.Sprintf("c10m-test-%d", os.Getpid()))
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Skipf("control groups cannot be made here: %v", err)
	}
	t.Cleanup(func() {
		await(t, "the end of all in the control group", func() bool { return os.Remove(dir) == nil })
	})
	for name, value := range files {
		file := filepath.Join(dir, name)
		if _, err := os.Stat(file); err != nil {
			continue // of the other version
		}
		if err := os.WriteFile(file, []byte(value), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return []string{"bash", "-euc", `echo $$ >"$0"/cgroup.procs; exec "$@"`, dir}
}

// twentieth is a quota of a twentieth of a processor, which a program uses up even on a
// busy machine.
var twentieth = map[string]string{"cpu.max": "5000 100000", "cpu.cfs_quota_us": "5000"}

// A quota of processor time slows one end down while the machine looks idle: the report
// names it, whichever end has it.
func TestCPUQuotaIsFound(t *testing.T) {
	const name = "cgroup_cpu_quota"
	t.Run("server", func(t *testing.T) {
		s := start(t, 1, group(t, "cpu", twentieth), "--max-conns", "1000")
		args := s.to(1, "--conns", "64", "--depth", "8", "--threads", "1", "--hold", "2s", "--verify", "0")
		args[0] = "echo"
		tries(t, func() string {
			return among(client(t, nil, nil, args...).Result, name, "the server may use 0.05 processors", "held up in ")
		})
	})
	t.Run("client", func(t *testing.T) {
		s := start(t, 1, nil, "--max-conns", "1000")
		within := group(t, "cpu", twentieth)
		args := s.to(1, "--conns", "64", "--depth", "8", "--threads", "1", "--hold", "2s", "--verify", "0")
		args[0] = "echo"
		tries(t, func() string {
			return among(client(t, within, nil, args...).Result, name, "the client may use 0.05 processors", "held up in ")
		})
	})
}

// A client that needs more threads than pids.max allows says so in one line, before the
// Go runtime would crash for want of a thread. With as few connections as fit it runs.
func TestClientWithoutRoomForThreads(t *testing.T) {
	s := start(t, 1, nil, "--max-conns", "9000")
	for _, tt := range []struct {
		name   string
		pids   int
		conns  string
		status int
		said   string
	}{
		{"too many", 100, "9000", 1, "client: threads: pids.max of control group "},
		{"no room to begin", 16, "10", 1, "client: threads: pids.max of control group "},
		{"enough", 100, "2000", 0, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			within := append([]string{"prlimit", "--nofile=120:120"},
				group(t, "pids", map[string]string{"pids.max": fmt.Sprint(tt.pids)})...)
			o := client(t, within, nil, s.to(1, "--conns", tt.conns, "--hold", "0s")...)
			if o.Status != tt.status || !strings.HasPrefix(o.Stderr, tt.said) || tt.status != 0 &&
				strings.Count(o.Stderr, "\n") != 1 {
				t.Errorf("status %d, said %q, want %d and one line %q", o.Status, o.Stderr, tt.status, tt.said)
			}
		})
	}
}
