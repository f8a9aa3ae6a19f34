package proc

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

func TestKernel(t *testing.T) {
	for _, tt := range []struct {
		kernel string
		walked uint64
		want   map[string]CacheUse
		caches int
	}{
		{"5.15", 2247338, map[string]CacheUse{
			"TCP":              {"TCP", 4014, 4018, 2240, 287 * 8 * 4096},
			"sock_inode_cache": {"sock_inode_cache", 4797, 4797, 832, 123 * 8 * 4096},
			"filp":             {"filp", 8160, 8160, 256, 255 * 2 * 4096},
			"dentry":           {"dentry", 98112 - 2450, 98112 - 2450, 192, 18658646}, // less /proc's
			"eventpoll_pwq":    {"eventpoll_pwq", 4088, 4088, 72, 73 * 4096},
			"lsm_file_cache":   {"lsm_file_cache", 8160, 8160, 24, 48 * 4096},
			"kmalloc-*":        {"kmalloc-*", 23016, 23016, 0, 4485120}, // not dma-kmalloc
			"kmalloc_large":    {"kmalloc_large", 0, 0, 0, 135680*kB - 130527232},
		}, 18},
		{"6.1", 1098920, map[string]CacheUse{
			"TCP":              {"TCP", 56, 56, 2304, 4 * 8 * 4096},
			"tcp_bind2_bucket": {"tcp_bind2_bucket", 128, 128, 128, 4 * 4096},
			"lsm_inode_cache":  {"lsm_inode_cache", 40460 - 1150, 40460 - 1150, 48, 1894280}, // less /proc's
			"kmalloc-*":        {"kmalloc-*", 4864, 4864, 0, 729088},
			"kmalloc_large":    {"kmalloc_large", 0, 0, 0, 50432*kB - 49569792},
		}, 19},
		{"6.18", 3358238, map[string]CacheUse{
			"TCP":                 {"TCP", 92, 143, 2368, 360448},
			"filp":                {"filp", 871, 1071, 192, 208896},
			"dentry":              {"dentry", 88390, 98438, 192, 19200098},
			"eventpoll_pwq":       {"eventpoll_pwq", 688, 1856, 64, 118784},       // merged into anon_vma_chain
			"skbuff_fclone_cache": {"skbuff_fclone_cache", 325, 384, 512, 196608}, // merged into pool_workqueue
			"eventpoll_epi":       {"eventpoll_epi", 1066, 1952, 128, 249856},     // tcp_bind_bucket is in it
		}, 20},
	} {
		t.Run(tt.kernel, func(t *testing.T) {
			k, err := recorded(t, tt.kernel).Kernel()
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]CacheUse{}
			var sum uint64
			for _, c := range k.Caches {
				if _, twice := got[c.Name]; twice {
					t.Errorf("%s is listed twice", c.Name)
				}
				got[c.Name] = c
				sum += c.Bytes
			}
			for name, want := range tt.want {
				if got[name] != want {
					t.Errorf("%s = %+v, want %+v", name, got[name], want)
				}
			}
			if len(got) != tt.caches || k.Bytes != sum || k.Walked != tt.walked || k.Method != MethodSlab || k.Why != "" {
				t.Errorf("%d caches of %d bytes, Bytes %d, Walked %d, Method %q, Why %q; want %d caches, Walked %d",
					len(got), sum, k.Bytes, k.Walked, k.Method, k.Why, tt.caches, tt.walked)
			}
			if _, ok := got["proc_inode_cache"]; ok {
				t.Error("proc_inode_cache is counted")
			}
		})
	}
}

// TestPageSize: slabs are as many pages everywhere, but an arm64 page may have
// 65,536 bytes.
func TestPageSize(t *testing.T) {
	p := recorded(t, "6.1")
	p.page = 65536
	k, err := p.Kernel()
	if err != nil {
		t.Fatal(err)
	}
	if tcp := (Snapshot{Kernel: k}).cache("TCP"); tcp.Bytes != 4*8*65536 {
		t.Errorf("TCP takes %d bytes, want %d", tcp.Bytes, 4*8*65536)
	}
}

// TestKernelWalked: an inode of /proc more, with its dentry and security blob,
// is nothing that the connections cost.
func TestKernelWalked(t *testing.T) {
	const before = slabHead +
		"proc_inode_cache 1000 1000 696 20 4 : tunables 0 0 0 : slabdata 50 50 0\n" +
		"dentry 5000 5000 192 20 1 : tunables 0 0 0 : slabdata 250 250 0\n" +
		"filp 100 100 192 20 1 : tunables 0 0 0 : slabdata 5 5 0\n"
	const after = slabHead +
		"proc_inode_cache 3000 3000 696 20 4 : tunables 0 0 0 : slabdata 150 150 0\n" +
		"dentry 7000 7000 192 20 1 : tunables 0 0 0 : slabdata 350 350 0\n" +
		"filp 100 100 192 20 1 : tunables 0 0 0 : slabdata 5 5 0\n"
	p := recorded(t, "6.1")
	count := func(text string) (uint64, []CacheUse) {
		s, err := p.countSlabs([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return s.tellApart(), s.counted
	}
	w1, c1 := count(before)
	w2, c2 := count(after)
	if !reflect.DeepEqual(c1, c2) {
		t.Errorf("counted caches went from %+v to %+v", c1, c2)
	}
	if grown, want := w2-w1, uint64(100*4*4096+100*4096); grown != want {
		t.Errorf("walked grew by %d bytes, want %d", grown, want)
	}
}

func TestKernelFallsBack(t *testing.T) {
	for _, tt := range []struct {
		name, slabinfo, why string
	}{
		{"no slabinfo", "", "no such file"},
		{"slabinfo of another kind", "slabinfo - version: 9.9\n", "not the head of version 2"},
		{"slabinfo cut short", slabHead + "TCP 1 2", "is not a cache"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir+"/meminfo", "MemTotal: 1000 kB\nMemFree: 300 kB\nMemAvailable: 900 kB\nCached: 200 kB\n")
			if tt.slabinfo != "" {
				write(t, dir+"/slabinfo", tt.slabinfo)
			}
			p, err := New(dir, dir)
			if err != nil {
				t.Fatal(err)
			}
			k, err := p.Kernel()
			if err != nil || k.Method != MethodMem || k.Bytes != 500*kB || len(k.Caches) != 0 ||
				!strings.HasPrefix(k.Why, "slabinfo cannot be read: ") || !strings.Contains(k.Why, tt.why) {
				t.Errorf("Kernel = %+v, error %v, want 500 kB by meminfo because of %q", k, err, tt.why)
			}
		})
	}
}

func TestCountedNames(t *testing.T) {
	dir := t.TempDir()
	for from, to := range map[string]string{
		"fs_cache": ":A-64", "eventpoll_pwq": ":A-64", // hidden in another's
		"aio_kiocb": ":A-128", "tcp_bind_bucket": ":A-128", "eventpoll_epi": ":A-128", // two of ours in one
		"bio-120": ":b", "bio-128": ":b", // nothing of ours
	} {
		if err := os.Symlink(to, dir+"/"+from); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(dir+"/kmalloc-64", 0o755); err != nil {
		t.Fatal(err)
	}
	got := countedNames(dir)
	for name, want := range map[string]string{
		"fs_cache": "eventpoll_pwq", "eventpoll_pwq": "eventpoll_pwq",
		"aio_kiocb": "eventpoll_epi", "eventpoll_epi": "eventpoll_epi", "tcp_bind_bucket": "tcp_bind_bucket",
		"bio-120": "", "kmalloc-64": "", "proc_inode_cache": "", "TCP": "TCP", "dentry": "dentry",
	} {
		if got[name] != want {
			t.Errorf("%s is counted as %q, want %q", name, got[name], want)
		}
	}
	if n := len(countedNames(dir + "/nowhere")); n != len(counted) {
		t.Errorf("without /sys/kernel/slab %d names, want %d", n, len(counted))
	}
	for _, c := range counted {
		if c.why == "" {
			t.Errorf("%s is counted without a reason", c.name)
		}
	}
}

func BenchmarkKernel(b *testing.B) {
	p := here(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Kernel(); err != nil {
			b.Fatal(err)
		}
	}
}
