package proc

import (
	"reflect"
	"testing"

	"github.com/c10m/c10m/internal/result"
)

// TestQuota: the tightest quota of the process's own control group and of those
// above, v1 and v2; odd files are no quota.
func TestQuota(t *testing.T) {
	for _, tt := range []struct {
		name, cgroup string
		files        map[string]string // below /sys/fs/cgroup
		want         *result.Cgroup
	}{
		{"none", "0::/\n", nil, nil},
		{"v2 without a quota", "0::/a\n", map[string]string{"a/cpu.max": "max 100000"}, nil},
		{"v2", "0::/a\n", map[string]string{"a/cpu.max": "50000 100000",
			"a/cpu.stat": "usage_usec 5\nnr_periods 85\nnr_throttled 81\nthrottled_usec 2500000\nnr_bursts 0\n"},
			&result.Cgroup{Name: "/a", CPUs: 0.5, Periods: 85, Throttled: 81, ThrottledSeconds: 2.5}},
		{"v2, the parent's is tighter", "0::/a/b\n", map[string]string{"a/cpu.max": "150000 100000",
			"a/b/cpu.max": "400000 100000",
			"a/cpu.stat":  "nr_periods 7\nnr_throttled 3\n", "a/b/cpu.stat": "nr_periods 9\nnr_throttled 0\n"},
			&result.Cgroup{Name: "/a", CPUs: 1.5, Periods: 7, Throttled: 3}},
		{"v2 in a container", "0::/../../x.scope\n", map[string]string{"cpu.max": "200000 100000"},
			&result.Cgroup{Name: "/", CPUs: 2}},
		{"v1 without a quota", "1:cpu,cpuacct:/a\n", map[string]string{"cpu/a/cpu.cfs_quota_us": "-1",
			"cpu/a/cpu.cfs_period_us": "100000"}, nil},
		{"v1", "1:cpu:/a\n", map[string]string{"cpu/a/cpu.cfs_quota_us": "25000", "cpu/a/cpu.cfs_period_us": "100000",
			"cpu/a/cpu.stat": "nr_periods 85\nnr_throttled 81\nthrottled_time 6000000000\n"},
			&result.Cgroup{Name: "/a", CPUs: 0.25, Periods: 85, Throttled: 81, ThrottledSeconds: 6}},
		{"v1 without a period", "1:cpu:/a\n", map[string]string{"cpu/a/cpu.cfs_quota_us": "25000"}, nil},
		{"v2 beside v1", "0::/a\n", map[string]string{"unified/a/cpu.max": "10000 100000"},
			&result.Cgroup{Name: "/a", CPUs: 0.1}},
		{"a period of zero", "0::/a\n", map[string]string{"a/cpu.max": "50000 0"}, nil},
		{"a quota of zero", "0::/a\n", map[string]string{"a/cpu.max": "0 100000"}, nil},
		{"empty", "0::/a\n", map[string]string{"a/cpu.max": ""}, nil},
		{"no numbers", "0::/a\n", map[string]string{"a/cpu.max": "some of it"}, nil},
		{"a stat that is odd", "0::/a\n", map[string]string{"a/cpu.max": "50000 100000",
			"a/cpu.stat": "nr_periods many\nnr_throttled -3\n\nthrottled_usec"},
			&result.Cgroup{Name: "/a", CPUs: 0.5}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root, put := fuzzRoot(t)
			put("self/cgroup", []byte(tt.cgroup))
			put("811/cgroup", []byte(tt.cgroup))
			for name, text := range tt.files {
				put("fs/cgroup/"+name, []byte(text+"\n"))
			}
			p, err := New(root, root)
			if err != nil {
				t.Fatal(err)
			}
			for _, pid := range []int{self, 811} {
				if got := p.Quota(pid); !reflect.DeepEqual(got, tt.want) {
					t.Errorf("Quota(%d) = %+v, want %+v", pid, got, tt.want)
				}
			}
			if got := p.Quota(999); got != nil {
				t.Errorf("Quota of a process that has ended = %+v", got)
			}
		})
	}
}
