package proc

import (
	"bytes"
	"os"
	"reflect"
	"strings"
	"testing"
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
			CleanCache: (3059712 + 3276800 - 512 - 128) * kB, Slab: 135680 * kB, SReclaimable: 95000 * kB,
			KernelStack: 16384 * kB, PageTables: 24576 * kB, Percpu: 12288 * kB, VmallocUsed: 61440 * kB,
			groups: []groupRoom{{16 << 30, 14 << 30}},
		}, 5979136 * kB},
		{"6.1", Mem{
			Total: 8144000 * kB, Free: 5120000 * kB, PageCache: (1638400 + 51200 - 20480) * kB,
			CleanCache: (819200 + 716800 - 64) * kB, Slab: 50432 * kB, SReclaimable: 33000 * kB,
			KernelStack: 4096 * kB, PageTables: 8192 * kB, Percpu: 4096 * kB, VmallocUsed: 30720 * kB,
			groups: []groupRoom{{2 << 30, 1536 << 20}},
		}, 1354880 * kB},
		{"6.18", Mem{
			Total: 24684092 * kB, Free: 24269136 * kB, PageCache: (133656 + 4200 - 8856) * kB,
			CleanCache: (68056 + 61088 - 108) * kB, Slab: 158016 * kB, SReclaimable: 123676 * kB,
			KernelStack: 1672 * kB, PageTables: 2008 * kB, Percpu: 688 * kB, VmallocUsed: 14444 * kB,
			groups: []groupRoom{{4 << 30, 3 << 30}},
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
		{"names that others begin with", head + "SwapCached: 1 kB\nCached: 100 kB\nActive: 999 kB\nKReclaimable: 7 kB\n", 499 * kB, ""},
		{"lines of a kernel to come", head + "FluxCapacitor: many jigawatts\nno colon\n\n", 600 * kB, ""},
		{"shmem is no page cache", head + "Cached: 100 kB\nShmem: 60 kB\n", 560 * kB, ""},
		{"more shmem than cache", head + "Cached: 10 kB\nShmem: 60 kB\n", 600 * kB, ""},
		{"more cache than memory in use", head + "Cached: 900 kB\n", 0, ""},
		{"no unit", "MemTotal: 1000\nMemFree: 400\n", 600 * kB, ""},
		{"no line end", "MemTotal: 1000 kB\nMemFree: 400 kB", 600 * kB, ""},
		{"nothing", "", 0, "MemTotal 0 and MemFree 0 bytes cannot be"},
		{"more free than there is", "MemTotal: 1 kB\nMemFree: 2 kB\n", 0, "MemTotal 1024 and MemFree 2048 bytes cannot be"},
		{"no number", "MemTotal: lots kB\n", 0, `MemTotal: "lots" is not a number of kB`},
		{"negative", "MemTotal: -1 kB\n", 0, `MemTotal: "-1" is not a number of kB`},
		{"no value", head + "Slab: kB\n", 0, `Slab: "" is not a number of kB`},
		{"beyond 64 bits", "MemTotal: 99999999999999999999 kB\n", 0, `MemTotal: "99999999999999999999" is not a number of kB`},
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
		{"a group's limit", Mem{Total: 1000, Free: 400, groups: []groupRoom{{200, 120}}}, 0.05, 110},
		{"a group with its reserve left", Mem{Total: 1000, Free: 400, groups: []groupRoom{{200, 10}}}, 0.05, 0},
		{"a group larger than what is free", Mem{Total: 1000, Free: 400, groups: []groupRoom{{900, 800}}}, 0, 400},
		{"the tightest of groups", Mem{Total: 1000, Free: 400, groups: []groupRoom{{200, 120}, {300, 90}}}, 0.1, 60},
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
		"Free": m.Free, "Used": m.Used(), "PageCache": m.PageCache, "Slab": m.Slab, "KernelStack": m.KernelStack, "Room": m.Room(0),
	} {
		if v == 0 || v >= m.Total {
			t.Errorf("%s = %d of %d bytes", name, v, m.Total)
		}
	}
	if m.Room(1) != 0 {
		t.Errorf("Room(1) = %d, want 0: all is reserved", m.Room(1))
	}
}

func TestMemErrors(t *testing.T) {
	for _, tt := range []struct {
		name, in, want string
	}{
		{"no file", "", "no such file or directory"},
		{"empty file", "\x00", "it is empty"},
		{"not meminfo", "hello\n", "read meminfo: MemTotal 0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if tt.in != "" {
				write(t, dir+"/meminfo", strings.Trim(tt.in, "\x00"))
			}
			p, err := New(dir, dir)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.Mem(); !strings.Contains(message(err), tt.want) {
				t.Errorf("error %v, want %q in it", err, tt.want)
			}
		})
	}
	if _, err := New(t.TempDir()+"/nowhere", ""); err == nil {
		t.Error("New took a directory that is not there")
	}
}

func write(t testing.TB, name, text string) {
	t.Helper()
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
