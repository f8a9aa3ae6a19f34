package proc

import (
	"strconv"
	"strings"
	"testing"
)

// TestKernelFiles: what /sys/kernel says, and what it cannot say.
func TestKernelFiles(t *testing.T) {
	slab := func(order, objects, size string) map[string]string {
		return map[string]string{"kernel/slab/TCP/order": order, "kernel/slab/TCP/objs_per_slab": objects,
			"kernel/slab/TCP/slab_size": size}
	}
	const page = "kernel/mm/transparent_hugepage/enabled"
	waste := func(p FS) (float64, string, error) { share, err := p.SlabWaste("TCP"); return share, "", err }
	huge := func(p FS) (float64, string, error) { word, err := p.TransparentHugepage(); return 0, word, err }
	for _, tt := range []struct {
		name  string
		files map[string]string
		read  func(FS) (float64, string, error)
		share float64
		word  string
		err   string
	}{
		{"a slab", slab("3\n", "13\n", "2368\n"), waste, 1984. / 32768, "", ""},
		{"a full slab", slab("0\n", "4\n", "1024\n"), waste, 0, "", ""},
		{"no slab", nil, waste, 0, "", "no such file"},
		{"an order that is none", slab("21\n", "1\n", "1\n"), waste, 0, "", "21 is no page order"},
		{"a negative order", slab("-1\n", "13\n", "2368\n"), waste, 0, "", "is not a number"},
		{"more objects than fit", slab("0\n", "13\n", "2368\n"), waste, 0, "", "do not fit"},
		{"objects beyond 64 bits together", slab("0\n", "9223372036854775807\n", "9223372036854775807\n"), waste, 0, "",
			"do not fit"},
		{"an empty file", slab("", "13\n", "2368\n"), waste, 0, "", "it is empty"},
		{"huge pages", map[string]string{page: "always [madvise] never\n"}, huge, 0, "madvise", ""},
		{"huge pages hidden", nil, huge, 0, "", "no such file"},
		{"none of them chosen", map[string]string{page: "always\n"}, huge, 0, "", `nothing is chosen in "always"`},
		{"no end", map[string]string{page: "[always"}, huge, 0, "", "nothing is chosen"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root, put := fuzzRoot(t)
			for name, text := range tt.files {
				put(name, []byte(text))
			}
			p, err := New(root, root)
			if err != nil {
				t.Fatal(err)
			}
			p.page = 4096
			share, word, err := tt.read(p)
			if share != tt.share || word != tt.word || !strings.Contains(message(err), tt.err) ||
				(err != nil) != (tt.err != "") {
				t.Errorf("%v, %q, %v, want %v, %q, %q", share, word, err, tt.share, tt.word, tt.err)
			}
		})
	}
}

func TestParsePorts(t *testing.T) {
	for in, want := range map[string]string{"": "0", "\n": "0", "8080": "1", "8080,10000-10199\n": "201", "0,65535": "2",
		"5-1": "error", "-1": "error", "1-": "error", "70000": "error", "1,,2": "error", "a": "error"} {
		all, err := ParsePorts(in)
		n := 0
		for _, one := range all {
			n += one.N
		}
		if got := map[bool]string{true: "error", false: strconv.Itoa(n)}[err != nil]; got != want {
			t.Errorf("%q holds %s ports, want %s (%v)", in, got, want, err)
		}
	}
}

func TestMemTotal(t *testing.T) {
	for in, want := range map[string]string{"MemTotal: 1000 kB\n": "", "MemFree: 1 kB\n": "no line MemTotal",
		"MemTotal: 0 kB\n": `"0" is not a size`,
		"MemTotal: x kB\n": `"x" is not a size`, "": "no such file"} {
		root, put := fuzzRoot(t)
		if in != "" {
			put("meminfo", []byte(in))
		}
		p, err := New(root, root)
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.MemTotal()
		if !strings.Contains(message(err), want) || (err != nil) != (want != "") || err == nil && got != 1000*kB {
			t.Errorf("%q: %d, %v, want %q", in, got, err, want)
		}
	}
	if total, err := here(t).MemTotal(); err != nil || total < 1<<20 {
		t.Errorf("here: %d, %v", total, err)
	}
}
