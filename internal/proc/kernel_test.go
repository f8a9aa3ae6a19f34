package proc

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/result"
)

func use(name string, objects, bytes, pages uint64) result.CacheUsage {
	return result.CacheUsage{Name: name, Objects: objects, Bytes: bytes, PageBytes: pages}
}

func TestKernel(t *testing.T) {
	for _, tt := range []struct {
		kernel string
		walked uint64
		want   map[string]result.CacheUsage
		caches int
	}{
		{"5.15", 2247338, map[string]result.CacheUsage{
			"TCP":              use("TCP", 4014, 9395053, 287*8*4096),
			"sock_inode_cache": use("sock_inode_cache", 4797, 4030464, 123*8*4096),
			"filp":             use("filp", 8160, 2088960, 255*2*4096),
			"dentry":           use("dentry", 98112-2450, 18658645, 18658646), // less /proc's
			"eventpoll_pwq":    use("eventpoll_pwq", 4088, 299008, 73*4096),
			"lsm_file_cache":   use("lsm_file_cache", 8160, 196608, 48*4096),
			"kmalloc-*":        use("kmalloc-*", 23016, 4485120, 4485120), // not dma-kmalloc
			"kmalloc_large":    use("kmalloc_large", 0, 135680*kB-130527232, 135680*kB-130527232),
		}, 18},
		{"6.1", 1098920, map[string]result.CacheUsage{
			"TCP":              use("TCP", 56, 131072, 4*8*4096),
			"tcp_bind2_bucket": use("tcp_bind2_bucket", 128, 16384, 4*4096),
			"lsm_inode_cache":  use("lsm_inode_cache", 40460-1150, 1894279, 1894280), // less /proc's
			"kmalloc-*":        use("kmalloc-*", 4864, 729088, 729088),
			"kmalloc_large":    use("kmalloc_large", 0, 50432*kB-49569792, 50432*kB-49569792),
		}, 19},
		{"6.18", 3358238, map[string]result.CacheUsage{
			"TCP":                 use("TCP", 92, 231896, 360448),
			"filp":                use("filp", 871, 169886, 208896),
			"dentry":              use("dentry", 88390, 17240259, 19200098),
			"eventpoll_pwq":       use("eventpoll_pwq", 688, 44032, 118784),        // merged into anon_vma_chain
			"skbuff_fclone_cache": use("skbuff_fclone_cache", 325, 166400, 196608), // merged into pool_workqueue
			"eventpoll_epi":       use("eventpoll_epi", 1066, 136448, 249856),      // tcp_bind_bucket is in it
		}, 20},
	} {
		t.Run(tt.kernel, func(t *testing.T) {
			k, err := recorded(t, tt.kernel).Kernel()
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]result.CacheUsage{}
			var sum, pages uint64
			for _, c := range k.Caches {
				if _, twice := got[c.Name]; twice {
					t.Errorf("%s is listed twice", c.Name)
				}
				got[c.Name] = c
				sum, pages = sum+c.Bytes, pages+c.PageBytes
			}
			for name, want := range tt.want {
				if got[name] != want {
					t.Errorf("%s = %+v, want %+v", name, got[name], want)
				}
			}
			if len(got) != tt.caches || k.Bytes != sum || k.PageBytes != pages || k.Walked != tt.walked ||
				k.Method != MethodSlab || k.Why != "" {
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
	if tcp := (Snapshot{Kernel: k}).cache("TCP"); tcp.PageBytes != 4*8*65536 || tcp.Bytes != 56*8*65536/14 {
		t.Errorf("TCP takes %d bytes in %d of pages, want %d in %d", tcp.Bytes, tcp.PageBytes, 56*8*65536/14, 4*8*65536)
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
	count := func(text string) (uint64, []result.CacheUsage) {
		s, err := p.countSlabs([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		list, walked := s.usage(p.page)
		return walked, list
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
