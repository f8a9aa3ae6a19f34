package proc

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"github.com/c10m/c10m/internal/sys"
)

const kB = 1024

func TestMem(t *testing.T) {
	for _, tt := range []struct {
		kernel string
		want   Mem
		used   uint64
	}{
		{"5.15", Mem{
			Total: 32768000 * kB, Free: 20480000 * kB, PageCache: (6144000 + 204800 + 1024 - 40960) * kB,
			CleanCache: (3059712 + 3276800 - 512 - 128) * kB, Slab: 135680 * kB,
			groups: []groupRoom{{"memory.max of control group /user.slice", 16 << 30, 14 << 30}},
		}, 5979136 * kB},
		{"6.1", Mem{
			Total: 8144000 * kB, Free: 5120000 * kB, PageCache: (1638400 + 51200 - 20480) * kB,
			CleanCache: (819200 + 716800 - 64) * kB, Slab: 50432 * kB,
			groups: []groupRoom{{"memory.max of control group /", 2 << 30, 1536 << 20}},
		}, 1354880 * kB},
		{"6.18", Mem{
			Total: 24684092 * kB, Free: 24269136 * kB, PageCache: (133656 + 4200 - 8856) * kB,
			CleanCache: (68056 + 61088 - 108) * kB, Slab: 158016 * kB,
			groups: []groupRoom{{"memory.limit_in_bytes of control group /jobs/c10m", 4 << 30, 3 << 30}},
		}, 285956 * kB},
	} {
		t.Run(tt.kernel, func(t *testing.T) {
			m, err := recorded(t, tt.kernel).Mem()
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(m, tt.want) {
				t.Errorf("Mem = %+v\nwant  %+v", m, tt.want)
			}
			if m.Used() != tt.used {
				t.Errorf("Used = %d, want %d", m.Used(), tt.used)
			}
		})
	}
}

func TestParseMem(t *testing.T) {
	const head = "MemTotal: 1000 kB\nMemFree: 400 kB\n"
	for _, tt := range []struct {
		name, in string
		used     uint64
		err      string
	}{
		{"the least there can be", head, 600 * kB, ""},
		{"names that others begin with",
			head + "SwapCached: 1 kB\nCached: 100 kB\nActive: 999 kB\nKReclaimable: 7 kB\n", 499 * kB, ""},
		{"lines of a kernel to come", head + "FluxCapacitor: many jigawatts\nno colon\n\n", 600 * kB, ""},
		{"shmem is no page cache", head + "Cached: 100 kB\nShmem: 60 kB\n", 560 * kB, ""},
		{"more shmem than cache", head + "Cached: 10 kB\nShmem: 60 kB\n", 600 * kB, ""},
		{"more cache than memory in use", head + "Cached: 900 kB\n", 600 * kB, ""},
		{"no unit", "MemTotal: 1000\nMemFree: 400\n", 600 * kB, ""},
		{"no line end", "MemTotal: 1000 kB\nMemFree: 400 kB", 600 * kB, ""},
		{"nothing", "", 0, "MemTotal 0 and MemFree 0 bytes cannot be"},
		{"more free than there is", "MemTotal: 1 kB\nMemFree: 2 kB\n", 0,
			"MemTotal 1024 and MemFree 2048 bytes cannot be"},
		{"no number", "MemTotal: lots kB\n", 0, `MemTotal: "lots" is not a number of kB`},
		{"negative", "MemTotal: -1 kB\n", 0, `MemTotal: "-1" is not a number of kB`},
		{"no MemFree", "MemTotal: 1000 kB\n", 0, "no line MemFree"},
		{"no value", head + "Slab: kB\n", 0, `Slab: "" is not a number of kB`},
		{"beyond 64 bits", "MemTotal: 99999999999999999999 kB\n", 0,
			`MemTotal: "99999999999999999999" is not a number of kB`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := parseMem([]byte(tt.in))
			if got := message(err); got != tt.err || m.Used() != tt.used {
				t.Errorf("Used = %d, error %q, want %d, %q", m.Used(), got, tt.used, tt.err)
			}
		})
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestRoom(t *testing.T) {
	for _, tt := range []struct {
		name    string
		in      Mem
		reserve float64
		want    uint64
	}{
		{"all that is free", Mem{Total: 1000, Free: 400}, 0, 400},
		{"cache that can be dropped", Mem{Total: 1000, Free: 400, PageCache: 300, CleanCache: 100}, 0, 500},
		{"less the reserve", Mem{Total: 1000, Free: 400, CleanCache: 100}, 0.05, 450},
		{"the reserve reached", Mem{Total: 1000, Free: 50}, 0.05, 0},
		{"the reserve passed", Mem{Total: 1000, Free: 10}, 0.05, 0},
		{"a group's limit", Mem{Total: 1000, Free: 400, groups: []groupRoom{{"", 200, 120}}}, 0.05, 110},
		{"a group with its reserve left", Mem{Total: 1000, Free: 400, groups: []groupRoom{{"", 200, 10}}}, 0.05, 0},
		{"a group larger than what is free", Mem{Total: 1000, Free: 400, groups: []groupRoom{{"", 900, 800}}}, 0, 400},
		{"more to drop than there is", Mem{Total: 1000, Free: 400, CleanCache: 5000}, 0, 1000},
		{"nothing known", Mem{}, 0.05, Boundless},
		{"nothing known but a group", Mem{groups: []groupRoom{{"", 200, 120}}}, 0.05, 110},
		{"the tightest of groups", Mem{Total: 1000, Free: 400, groups: []groupRoom{{"", 200, 120}, {"", 300, 90}}}, 0.1,
			60},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.in.Room(tt.reserve); got != tt.want {
				t.Errorf("Room(%v) = %d, want %d", tt.reserve, got, tt.want)
			}
		})
	}
}

// TestMemHere holds the real kernel's answer against what it cannot be.
func TestMemHere(t *testing.T) {
	m, err := here(t).Mem()
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]uint64{
		"Free": m.Free, "Used": m.Used(), "PageCache": m.PageCache, "Slab": m.Slab, "Room": m.Room(0),
	} {
		if v == 0 || v >= m.Total {
			t.Errorf("%s = %d of %d bytes", name, v, m.Total)
		}
	}
	if m.Room(1) != 0 {
		t.Errorf("Room(1) = %d, want 0: all is reserved", m.Room(1))
	}
}

// TestMemOdd: what a container is shown need not be of one machine, nor be shown
// at all. A bound that cannot be is left out with its cause, and what is left
// never has more room than there is.
func TestMemOdd(t *testing.T) {
	const gib = 1 << 30
	small := func() (sys.MachineMemory, error) {
		return sys.MachineMemory{Total: 8 * gib, Free: 3 * gib, Buffers: gib}, nil
	}
	none := func() (sys.MachineMemory, error) { return sys.MachineMemory{}, syscall.ENOSYS }
	group := map[string]string{"memory.max": "1073741824", "memory.current": "268435456"}
	for _, tt := range []struct {
		name, meminfo string // "": hidden
		cgroup        map[string]string
		sysinfo       func() (sys.MachineMemory, error)
		total, room   uint64 // without a reserve
		bound         string
		doubts        []string
		err           string
	}{
		{"lxcfs with the host's file cache",
			"MemTotal: 4194304 kB\nMemFree: 1048576 kB\nCached: 524288 kB\nBuffers: 0 kB\nShmem: 0 kB\nDirty: " +
				"262144 kB\nActive(file): 1048576 kB\nInactive(file): 23068672 kB\n", nil, small, 4 * gib, gib + gib/4,
			"this machine's memory",
			[]string{"Active(file) + Inactive(file), 24427626496 bytes, are left out: only 3221225472 of 4294967296 " +
				"are taken"}, ""},
		{"nothing but zeros", "MemTotal: 0 kB\nMemFree: 0 kB\n", nil, small, 8 * gib, 4 * gib, "this machine's memory",
			[]string{"memory is that of sysinfo(2), the page cache counts as taken: read meminfo: MemTotal 0"}, ""},
		{"all free but a zero", "MemTotal: 4194304 kB\nMemFree: 0 kB\n", nil, small, 4 * gib, 0,
			"this machine's memory", nil, ""},
		{"more cache than memory", "MemTotal: 1048576 kB\nMemFree: 524288 kB\nCached: 4194304 kB\n", nil, small, gib,
			gib / 2, "this machine's memory",
			[]string{"a page cache of 4294967296 bytes is left out"}, ""},
		{"more slab than memory", "MemTotal: 1048576 kB\nMemFree: 524288 kB\nSlab: 4194304 kB\n", nil, small, gib,
			gib / 2, "this machine's memory",
			[]string{"Slab, 4294967296 bytes, is left out"}, ""},
		{"hidden: subset=pid", "", nil, small, 8 * gib, 4 * gib, "this machine's memory",
			[]string{"memory is that of sysinfo(2)"}, ""},
		{"hidden, and a cgroup", "", group, small, 8 * gib, 3 * gib / 4, "memory.max of control group /",
			[]string{"sysinfo(2)"}, ""},
		{"hidden, sysinfo too, a cgroup", "", group, none, 0, 3 * gib / 4, "memory.max of control group /",
			[]string{"the machine's memory is left out: read meminfo: open "}, ""},
		{"all of it hidden", "", nil, none, 0, 0, "", nil, "read meminfo: open "},
		{"all of it hidden from a recording", "", nil, nil, 0, 0, "", nil, "no such file or directory"},
		{"an empty file", "\x00", nil, none, 0, 0, "", nil, "it is empty"},
		{"not meminfo", "hello\n", nil, none, 0, 0, "", nil, "read meminfo: MemTotal 0"},
		{"not meminfo, but sysinfo", "hello\n", nil, small, 8 * gib, 4 * gib, "this machine's memory",
			[]string{"sysinfo(2)"}, ""},
		{"a line cut off", "MemTotal: 4194304 kB\nMemFr", nil, small, 8 * gib, 4 * gib, "this machine's memory",
			[]string{"no line MemFree"}, ""},
		{"a sysinfo that cannot be", "", group,
			func() (sys.MachineMemory, error) { return sys.MachineMemory{Total: 1, Free: 2}, nil }, 0, 3 * gib / 4,
			"memory.max of control group /", []string{"the machine's memory is left out"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root, put := fuzzRoot(t)
			if tt.meminfo != "" {
				put("meminfo", []byte(strings.Trim(tt.meminfo, "\x00")))
			}
			put("self/cgroup", []byte("0::/\n"))
			for name, text := range tt.cgroup {
				put("fs/cgroup/"+name, []byte(text))
			}
			p, err := New(root, root)
			if err != nil {
				t.Fatal(err)
			}
			p.sysinfo = tt.sysinfo
			m, err := p.Mem()
			if !strings.Contains(message(err), tt.err) || (err != nil) != (tt.err != "") {
				t.Fatalf("error %v, want %q in it", err, tt.err)
			}
			if err != nil {
				return
			}
			if m.Total != tt.total || m.Room(0) != tt.room || m.BoundName(0) != tt.bound {
				t.Errorf("total %d, room %d of %s, want %d, %d of %s", m.Total, m.Room(0), m.BoundName(0), tt.total,
					tt.room, tt.bound)
			}
			if _, total, _ := m.Bound(0); m.Room(0) > total || m.Room(0.05) > m.Room(0) {
				t.Errorf("room %d, %d with a reserve, of %d", m.Room(0), m.Room(0.05), total)
			}
			if len(m.Doubts) != len(tt.doubts) {
				t.Fatalf("doubts %q, want %q", m.Doubts, tt.doubts)
			}
			for i := range m.Doubts {
				if !strings.Contains(m.Doubts[i], tt.doubts[i]) {
					t.Errorf("doubt %q, want %q in it", m.Doubts[i], tt.doubts[i])
				}
			}
		})
	}
	if _, err := New(t.TempDir()+"/nowhere", ""); err == nil {
		t.Error("New took a directory that is not there")
	}
}

func write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// FuzzParseMem starts from testdata/fuzz.
func FuzzParseMem(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		m, err := parseMem(b)
		if err == nil && (m.Total == 0 || m.Used() > m.Total || m.Free > m.Total || m.Room(0.05) > m.Room(0)) {
			t.Errorf("%+v: used %d, room %d", m, m.Used(), m.Room(0))
		}
		if !bytes.Equal(b, before) {
			t.Error("parseMem wrote into its input")
		}
	})
}

func BenchmarkMem(b *testing.B) {
	p := here(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Mem(); err != nil {
			b.Fatal(err)
		}
	}
}
