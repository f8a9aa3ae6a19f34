package proc

import (
	"os"
	"path/filepath"
	"testing"
)

func TestOOMKills(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  OOMKills
	}{
		{"v2", map[string]string{"proc/self/cgroup": "0::/a\n", "proc/vmstat": "nr_free_pages 5\noom_kill 7\n",
			"sys/fs/cgroup/a/memory.max": "100", "sys/fs/cgroup/a/memory.events": "low 0\nmax 9\noom 3\noom_kill 2\n"},
			OOMKills{2, 7}},
		{"v1", map[string]string{"proc/self/cgroup": "3:memory:/a\n", "proc/vmstat": "oom_kill 1",
			"sys/fs/cgroup/memory/a/memory.limit_in_bytes": "100",
			"sys/fs/cgroup/memory/a/memory.oom_control":    "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n"},
			OOMKills{1, 1}},
		{"no group", map[string]string{"proc/self/cgroup": "0::/\n", "proc/vmstat": "oom_kill 4\n"}, OOMKills{0, 4}},
		{"nothing is shown", map[string]string{"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "100"},
			OOMKills{}},
		{"odd", map[string]string{"proc/self/cgroup": "0::/\n", "proc/vmstat": "oom_kill lots\n"}, OOMKills{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range tt.files {
				file := filepath.Join(dir, name)
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			p, err := New(filepath.Join(dir, "proc"), filepath.Join(dir, "sys"))
			if err != nil {
				t.Fatal(err)
			}
			if got := p.OOMKills(); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}
