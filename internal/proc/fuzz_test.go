package proc

import (
	"os"
	"path/filepath"
	"testing"
)

// fuzzRoot is a /proc with one process and whatever stands in its files.
func fuzzRoot(t testing.TB) (root string, put func(name string, b []byte)) {
	t.Helper()
	root = t.TempDir()
	return root, func(name string, b []byte) {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// FuzzProcFiles: whatever stands in a file of /proc, its reader gives numbers
// that can be, or an error.
func FuzzProcFiles(f *testing.F) {
	for _, name := range []string{"5.15/proc/net/sockstat", "6.18/proc/net/sockstat6", "5.15/proc/811/stat",
		"5.15/proc/811/statm", "5.15/proc/811/smaps_rollup", "6.1/proc/stat",
		"6.18/proc/sys/fs/file-nr", "6.18/proc/4711/cgroup", "6.18/proc/sys/net/ipv4/ip_local_port_range"} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	for _, s := range []string{"", "0", "9223372036854775807 0 -1", "TCP: inuse -1", "1 2 3", "0::/../../..\n",
		"12:memory:/a:b\n", "811 (a) b) S 1",
		"rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: -1\n",
		"Limit                     Soft Limit           Hard Limit           Units     \nMax open files            " +
			"20000                unlimited            files     \n",
		"entries  searched found new invalid ignore delete delete_list insert insert_failed drop early_drop " +
			"icmp_error  expect_new expect_create expect_delete search_restart\n00000002  00000000 00000000 00000000 " +
			"00000001 00000000 00000000 00000000 00000000 00000000 ffffffff 00000000 00000000  00000000 00000000 " +
			"00000000 00000000\n",
	} {
		f.Add([]byte(s))
	}
	root, put := fuzzRoot(f)
	put("sys/net/netfilter/nf_conntrack_count", []byte("1"))
	put("sys/net/netfilter/nf_conntrack_max", []byte("2"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, name := range []string{"net/sockstat", "net/sockstat6", "811/stat", "811/statm", "811/smaps_rollup",
			"811/status", "stat", "sys/fs/file-nr", "sys/one", "self/cgroup",
			"811/io", "811/limits", "811/task/811/stat", "811/task/811/schedstat", "net/stat/nf_conntrack"} {
			put(name, b)
		}
		p, err := New(root, root)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := p.Sockets(); err == nil && s.TCP < 0 {
			t.Errorf("sockets %+v", s)
		}
		if open, limit, err := p.Files(); err == nil && (open < 0 || limit < 0) {
			t.Errorf("%d files of %d", open, limit)
		}
		if sec, err := p.Softirq(); err == nil && !(sec >= 0) {
			t.Errorf("softirq %g s", sec)
		}
		_, _ = p.SysctlInt("one")
		_, _ = p.Process(811)
		_, _ = p.Resident(811)
		if n, err := p.Calls(811); err == nil && n < 0 {
			t.Errorf("%d calls", n)
		}
		_, _ = p.FDs(811)
		if threads, err := p.Threads(811); err == nil && len(threads) > 1 {
			t.Errorf("threads %+v", threads)
		}
		_, _ = p.Cores()
		_, _ = p.Conntrack()
		_, _ = p.room()
		_ = p.TaskBounds()
		if q := p.Quota(self); q != nil && !(q.CPUs > 0) {
			t.Errorf("quota %+v", q)
		}
	})
}

// FuzzLocalPorts: whatever the two settings say, the ports that a plan counts
// with are ports.
func FuzzLocalPorts(f *testing.F) {
	f.Add("32768\t60999\n", "")
	f.Add("1024\t65535\n", "9090,10000-10199\n")
	f.Add("60999 32768", "5-1")
	f.Add("-1 70000", "0,70000-80000")
	f.Add("1 9223372036854775807", "1-9223372036854775807")
	f.Add("40000 40099", "40000-40099")
	dir := f.TempDir()
	at := filepath.Join(dir, "sys/net/ipv4")
	if err := os.MkdirAll(at, 0o755); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, local, reserved string) {
		for name, s := range map[string]string{"ip_local_port_range": local, "ip_local_reserved_ports": reserved} {
			if err := os.WriteFile(filepath.Join(at, name), []byte(s), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		fp, err := New(dir, dir)
		if err != nil {
			t.Fatal(err)
		}
		l, err := fp.LocalPorts()
		if err != nil {
			return
		}
		if l.Low < 1 || l.High > 65535 || l.Low > l.High {
			t.Errorf("local ports %d..%d of %q", l.Low, l.High, local)
		}
		if n := l.N(); n < 0 || n > l.High-l.Low+1 {
			t.Errorf("%d local ports in %d..%d less %v", n, l.Low, l.High, l.Reserved)
		}
	})
}

// FuzzCgroupFiles: whatever stands in the files of a control group, a limit is one
// that can be, or none.
func FuzzCgroupFiles(f *testing.F) {
	for _, s := range []string{"max", "max 100000", "50000 100000", "0", "-1", "", "9223372036854771712",
		"18446744073709551615 1",
		"nr_periods 85\nnr_throttled 81\nthrottled_usec 5\n", "inactive_file 5\nactive_file 18446744073709551615\n",
		"total_active_file x\n"} {
		f.Add([]byte(s))
	}
	root, put := fuzzRoot(f)
	put("self/cgroup", []byte("1:cpu,memory,pids:/a\n0::/b\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, name := range []string{"b/cpu.max", "b/cpu.stat", "b/pids.max", "b/pids.current", "b/memory.max",
			"b/memory.high", "b/memory.current", "b/memory.stat",
			"cpu/a/cpu.cfs_quota_us", "cpu/a/cpu.cfs_period_us", "memory/a/memory.limit_in_bytes",
			"memory/a/memory.usage_in_bytes", "pids/a/pids.max"} {
			put("fs/cgroup/"+name, b)
		}
		p, err := New(root, root)
		if err != nil {
			t.Fatal(err)
		}
		if q := p.Quota(self); q != nil && (!(q.CPUs > 0) || q.Periods < 0 || q.Throttled < 0 || q.ThrottledSeconds < 0) {
			t.Errorf("quota %+v", q)
		}
		for _, b := range p.TaskBounds() {
			if b.Used < 0 || b.Limit < b.Used || b.Left() < 0 {
				t.Errorf("task bound %+v", b)
			}
		}
		rooms, _ := p.room()
		for _, r := range rooms {
			if r.limit == 0 || r.left > r.limit {
				t.Errorf("memory %+v", r)
			}
		}
	})
}
