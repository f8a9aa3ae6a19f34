package proc

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestGroups(t *testing.T) {
	for _, tt := range []struct {
		name   string
		cgroup string            // /proc/self/cgroup
		files  map[string]string // below /sys/fs/cgroup
		want   []groupRoom
		doubt  string
	}{
		{"none", "0::/\n", nil, nil, ""},
		{"no limit", "0::/a\n", map[string]string{"a/memory.max": "max", "a/memory.current": "5"}, nil, ""},
		{"its own limit", "0::/a\n", map[string]string{"a/memory.max": "100", "a/memory.current": "30"},
			[]groupRoom{{limit: 100, left: 70}}, ""},
		{"the parent's", "0::/a/b\n", map[string]string{
			"a/memory.max": "100", "a/memory.current": "30", "a/b/memory.max": "max", "a/b/memory.current": "1",
		}, []groupRoom{{limit: 100, left: 70}}, ""},
		{"both", "0::/a/b\n", map[string]string{
			"a/memory.max": "100", "a/memory.current": "30", "a/b/memory.max": "80", "a/b/memory.current": "20",
		}, []groupRoom{{limit: 80, left: 60}, {limit: 100, left: 70}}, ""},
		{"a path with a colon", "0::/a:b\n", map[string]string{"a:b/memory.max": "100", "a:b/memory.current": "30"},
			[]groupRoom{{limit: 100, left: 70}}, ""},
		{"in a container", "0::/../../host.slice/x.scope\n", map[string]string{"memory.max": "100",
			"memory.current": "30"}, []groupRoom{{limit: 100, left: 70}}, ""},
		{"over its limit", "0::/a\n", map[string]string{"a/memory.max": "100", "a/memory.current": "130"},
			[]groupRoom{{limit: 100, left: 0}}, ""},
		{"cache that can be dropped", "0::/a\n", map[string]string{"a/memory.max": "100", "a/memory.current": "90",
			"a/memory.stat": "anon 30\ninactive_file 30\nactive_file 20\nfile_dirty 4\nfile_writeback 1"},
			[]groupRoom{{limit: 100, left: 55}}, ""},
		{"cache while there is enough", "0::/a\n", map[string]string{"a/memory.max": "100", "a/memory.current": "70",
			"a/memory.stat": "inactive_file 30"}, []groupRoom{{limit: 100, left: 30}}, ""},
		{"more cache than usage", "0::/a\n", map[string]string{"a/memory.max": "100", "a/memory.current": "90",
			"a/memory.stat": "inactive_file 95"}, []groupRoom{{limit: 100, left: 100}}, ""},
		{"v1, with the groups below", "3:memory:/a\n", map[string]string{
			"memory/a/memory.limit_in_bytes": "100", "memory/a/memory.usage_in_bytes": "90",
			"memory/a/memory.stat": "cache 1\ndirty 1\ninactive_file 2\nactive_file 3\ntotal_dirty " +
				"5\ntotal_writeback 2\ntotal_inactive_file 20\ntotal_active_file 30",
		}, []groupRoom{{limit: 100, left: 53}}, ""},
		{"usage not to be read", "0::/a\n", map[string]string{"a/memory.max": "100"}, nil,
			"memory.max of control group /a is left out: open "},
		{"v1", "3:cpu,memory:/a\n2:pids:/b\n0::/\n", map[string]string{
			"memory/a/memory.limit_in_bytes": "100", "memory/a/memory.usage_in_bytes": "30",
			"memory/memory.limit_in_bytes": "9223372036854771712", "memory/memory.usage_in_bytes": "900",
		}, []groupRoom{{limit: 100, left: 70}}, ""},
		{"v1 of another controller", "3:memoryless:/a\n", map[string]string{
			"memory/a/memory.limit_in_bytes": "100", "memory/a/memory.usage_in_bytes": "30",
		}, nil, ""},
		{"v2 beside v1", "1:cpu:/\n0::/a\n", map[string]string{"unified/a/memory.max": "100",
			"unified/a/memory.current": "30"}, []groupRoom{{limit: 100, left: 70}}, ""},
		{"memory.high below memory.max", "0::/a\n", map[string]string{"a/memory.max": "100", "a/memory.high": "60",
			"a/memory.current": "30"},
			[]groupRoom{{limit: 60, left: 30}}, ""},
		{"memory.high alone", "0::/a\n", map[string]string{"a/memory.max": "max", "a/memory.high": "60",
			"a/memory.current": "70"},
			[]groupRoom{{limit: 60, left: 0}}, ""},
		{"memory.high of max", "0::/a\n", map[string]string{"a/memory.max": "100", "a/memory.high": "max",
			"a/memory.current": "30"},
			[]groupRoom{{limit: 100, left: 70}}, ""},
		{"a limit of zero", "0::/a\n", map[string]string{"a/memory.max": "0", "a/memory.current": "0"}, nil,
			"nothing runs in 0 bytes"},
		{"an empty limit", "0::/a\n", map[string]string{"a/memory.max": "", "a/memory.current": "5"}, nil, ""},
		{"use that is no number", "0::/a\n", map[string]string{"a/memory.max": "100", "a/memory.current": "some"}, nil,
			"\"some\" is not a number"},
		{"memory.stat that is odd", "0::/a\n", map[string]string{"a/memory.max": "100", "a/memory.current": "90",
			"a/memory.stat": "inactive_file lots\nactive_file 99999999999999999999\n"}, []groupRoom{{limit: 100, left: 10}}, ""},
		{"nonsense", "hello\n\n0:\n", map[string]string{"memory.max": "100", "memory.current": "30"}, nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			proc, sys := t.TempDir(), t.TempDir()
			for name, text := range tt.files {
				name = filepath.Join(sys, "fs/cgroup", name)
				if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
					t.Fatal(err)
				}
				write(t, name, text+"\n")
			}
			if err := os.Mkdir(proc+"/self", 0o755); err != nil {
				t.Fatal(err)
			}
			write(t, proc+"/self/cgroup", tt.cgroup)
			p, err := New(proc, sys)
			if err != nil {
				t.Fatal(err)
			}
			got, doubts := p.room()
			if !reflect.DeepEqual(unnamed(got), tt.want) {
				t.Errorf("room = %v, want %v", got, tt.want)
			}
			if said := strings.Join(doubts, "; "); (said != "") != (tt.doubt != "") || !strings.Contains(said, tt.doubt) {
				t.Errorf("doubts %q, want %q", said, tt.doubt)
			}
		})
	}
}

// unnamed leaves the names out.
func unnamed(rooms []groupRoom) (all []groupRoom) {
	for _, r := range rooms {
		all = append(all, groupRoom{limit: r.limit, left: r.left})
	}
	return all
}

func TestGroupsRecorded(t *testing.T) {
	for _, tt := range []struct {
		kernel string
		groups int
		want   []groupRoom
	}{
		{"5.15", 2, []groupRoom{{limit: 16 << 30, left: 14 << 30}}},
		{"6.1", 1, []groupRoom{{limit: 2 << 30, left: 1536 << 20}}},
		{"6.18", 3, []groupRoom{{limit: 4 << 30, left: 3 << 30}}}, // v1
	} {
		t.Run(tt.kernel, func(t *testing.T) {
			p := recorded(t, tt.kernel)
			if got, _ := p.room(); len(p.groups) != tt.groups || !reflect.DeepEqual(unnamed(got), tt.want) {
				t.Errorf("%d groups, room %v, want %d, %v", len(p.groups), got, tt.groups, tt.want)
			}
		})
	}
}

// Bound names the memory that runs out first.
func TestBound(t *testing.T) {
	m := Mem{Total: 1000, Free: 400, CleanCache: 100, PageCache: 150}
	tests := []struct {
		name        string
		groups      []groupRoom
		used, total uint64
		group       bool
	}{
		{"no cgroup", nil, 450, 1000, false},
		{"a wide one", []groupRoom{{limit: 900, left: 800}}, 450, 1000, false},
		{"a tight one", []groupRoom{{limit: 900, left: 800}, {limit: 200, left: 50}}, 150, 200, true},
		{"a full one", []groupRoom{{limit: 200, left: 50}, {limit: 300, left: 0}}, 300, 300, true},
	}
	for _, tt := range tests {
		m.groups = tt.groups
		if used, total, group := m.Bound(0.05); used != tt.used || total != tt.total || group != tt.group {
			t.Errorf("%s: %d of %d, cgroup %v; want %d of %d, %v", tt.name, used, total, group, tt.used, tt.total, tt.group)
		}
	}
}
