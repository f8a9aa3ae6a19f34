package proc

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestTaskBounds: what bounds threads, tightest first; what is hidden or odd
// bounds nothing.
func TestTaskBounds(t *testing.T) {
	const limits = "Limit                     Soft Limit           Hard Limit           Units     \n" +
		"Max processes             50                   unlimited            processes \n" +
		"Max open files            120                  120                  files     \n"
	user := map[string]string{"self/limits": limits,
		"self/status": "Uid:\t1000\t1000\t1000\t1000\nThreads:\t7\nCapEff:\t0000000000000000\n",
		"11/status":   "Uid:\t1000\t0\t0\t0\nThreads:\t30\n", "12/status": "Uid:\t0\t0\t0\t0\nThreads:\t500\n"}
	with := func(more ...string) map[string]string {
		all := map[string]string{}
		for name, text := range user {
			all[name] = text
		}
		for i := 0; i < len(more); i += 2 {
			all[more[i]] = more[i+1]
		}
		return all
	}
	for _, tt := range []struct {
		name  string
		files map[string]string // below /proc, and below fs/cgroup
		user  string            // user namespace
		want  []string
	}{
		{"nothing shown", nil, "", nil},
		{"a user's limit", with(), "user:[4026531837]", []string{"RLIMIT_NPROC 50, 30 in use"}},
		{"which does not bind root", with("self/status", "Uid:\t0\t0\t0\t0\nCapEff:\t0000000000000000\n"),
			"user:[4026531837]", nil},
		{"but root of another user namespace", with("self/status", "Uid:\t0\t0\t0\t0\nCapEff:\t000001ffffffffff\n"),
			"user:[4026532000]", []string{"RLIMIT_NPROC 50, 500 in use"}},
		{"nor who may pass it", with("self/status", "Uid:\t1000\t0\t0\t0\nCapEff:\t0000000001000000\n"),
			"user:[4026531837]", nil},
		{"unlimited", with("self/limits", strings.ReplaceAll(limits, "50 ", "unlimited ")), "user:[4026531837]", nil},
		{"limits that are odd", with("self/limits", "Max processes\n"), "user:[4026531837]", nil},
		{"v2", map[string]string{"self/cgroup": "0::/a/b\n", "fs/cgroup/a/pids.max": "100\n",
			"fs/cgroup/a/pids.current": "60\n",
			"fs/cgroup/a/b/pids.max":   "max\n", "fs/cgroup/a/b/pids.current": "5\n"}, "",
			[]string{"pids.max of control group /a 100, 60 in use"}},
		{"v1, two of them", map[string]string{"self/cgroup": "8:pids:/a/b\n", "fs/cgroup/pids/a/pids.max": "100\n",
			"fs/cgroup/pids/a/pids.current": "60\n",
			"fs/cgroup/pids/a/b/pids.max":   "90\n", "fs/cgroup/pids/a/b/pids.current": "5\n"}, "",
			[]string{"pids.max of control group /a 100, 60 in use", "pids.max of control group /a/b 90, 5 in use"}},
		{"over its limit", map[string]string{"self/cgroup": "8:pids:/a\n", "fs/cgroup/pids/a/pids.max": "10\n",
			"fs/cgroup/pids/a/pids.current": "60\n"}, "",
			[]string{"pids.max of control group /a 10, 10 in use"}},
		{"pids.max that is odd", map[string]string{"self/cgroup": "8:pids:/a\n",
			"fs/cgroup/pids/a/pids.max": "a few\n"}, "", nil},
		{"the machine's", map[string]string{"loadavg": "0.0 0.1 0.2 3/1000 4711\n", "sys/kernel/threads-max": "1100\n",
			"sys/kernel/pid_max": "32768\n"}, "",
			[]string{"kernel.threads-max 1100, 1000 in use", "kernel.pid_max 32768, 1000 in use"}},
		{"a loadavg that is odd", map[string]string{"loadavg": "0.0 0.1 0.2 all\n", "sys/kernel/threads-max": "1100\n"},
			"", nil},
		{"an empty one", map[string]string{"loadavg": "", "sys/kernel/threads-max": "1100\n"}, "", nil},
		{"settings that are zero", map[string]string{"loadavg": "0.0 0.1 0.2 3/1000 4711\n",
			"sys/kernel/threads-max": "0\n", "sys/kernel/pid_max": "-1\n"}, "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root, put := fuzzRoot(t)
			for name, text := range tt.files {
				put(name, []byte(text))
			}
			if tt.user != "" {
				if err := os.MkdirAll(filepath.Join(root, "self/ns"), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.Symlink(tt.user, filepath.Join(root, "self/ns/user")); err != nil {
					t.Fatal(err)
				}
			}
			p, err := New(root, root)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, b := range p.TaskBounds() {
				got = append(got, b.String())
				if b.Left() != max(0, b.Limit-b.Used) || b.Cure == "" {
					t.Errorf("%s: %d left, cure %q", b, b.Left(), b.Cure)
				}
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("TaskBounds = %q, want %q", got, tt.want)
			}
		})
	}
}

// TestTasksHere: this process has a few threads, and there is room for more.
func TestTasksHere(t *testing.T) {
	p := here(t)
	if n := p.Tasks(); n < 2 || n > 10_000 {
		t.Errorf("Tasks = %d", n)
	}
	for _, b := range p.TaskBounds() {
		if b.Used < 1 || b.Limit < b.Used {
			t.Errorf("%s cannot be", b)
		}
	}
}
