package proc

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

const slabHead = "slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize> <objperslab> " +
	"<pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n"

func TestParseSlab(t *testing.T) {
	row := func(name string) string {
		return name + " 442 507 2368 13 8 : tunables 0 0 0 : slabdata 38 39 0\n"
	}
	for _, tt := range []struct {
		name, in string
		want     []string // "name active total size slabs pages"
		err      string
	}{
		{"none", slabHead, nil, ""},
		{"one", slabHead + row("TCP"), []string{"TCP 442 507 2368 39 8"}, ""},
		{"padded", slabHead + "TCP                  442    507   2368   13    8 : tunables    0    0    0 : slabdata " +
			"    38     39      0\n", []string{"TCP 442 507 2368 39 8"}, ""},
		{"no line end", slabHead + strings.TrimSuffix(row("TCP"), "\n"), []string{"TCP 442 507 2368 39 8"}, ""},
		{"a name with spaces", slabHead + row("my own cache"), []string{"my own cache 442 507 2368 39 8"}, ""},
		{"a name with numbers and colons", slabHead + row("bio 312 : slabdata : tunables 5"),
			[]string{"bio 312 : slabdata : tunables 5 442 507 2368 39 8"}, ""},
		{"the SLAB allocator's tunables", slabHead + "TCP 442 507 2368 3 2 : tunables 24 12 8 : slabdata 169 170 2\n",
			[]string{"TCP 442 507 2368 170 2"}, ""},
		{"a debugging SLAB", slabHead + "TCP 442 507 2368 3 2 : tunables 24 12 8 : slabdata 169 170 2 : globalstat " +
			"900 510 9 8 0 0 1 2 0 : cpustat 90 80 70 60\n", []string{"TCP 442 507 2368 170 2"}, ""},
		{"many", slabHead + row("TCP") + "\n" + row("filp"), []string{"TCP 442 507 2368 39 8", "filp 442 507 2368 39 8"}, ""},
		{"empty", "", nil, `"" is not the head of version 2`},
		{"another version", "slabinfo - version: 1.1\nTCP 1 2 3 4 5\n", nil,
			`"slabinfo - version: 1.1" is not the head of version 2`},
		{"cut short", slabHead + "TCP 442 507 23", nil, `line 3: "TCP 442 507 23" is not a cache`},
		{"no slabs", slabHead + "TCP 442 507 2368 13 8 : tunables 0 0 0 : slabdata 38\n", nil, "is not a cache"},
		{"no tunables", slabHead + "TCP 442 507 2368 13 8 : slabdata 38 39 0\n", nil, "is not a cache"},
		{"no name", slabHead + " 442 507 2368 13 8 : tunables 0 0 0 : slabdata 38 39 0\n", nil, "is not a cache"},
		{"no number", slabHead + "TCP 442 x 2368 13 8 : tunables 0 0 0 : slabdata 38 39 0\n", nil, "is not a cache"},
		{"negative", slabHead + "TCP 442 -507 2368 13 8 : tunables 0 0 0 : slabdata 38 39 0\n", nil, "is not a cache"},
		{"more slabs than any machine has", slabHead +
			"TCP 442 507 2368 13 8 : tunables 0 0 0 : slabdata 38 99999999999999 0\n", nil, "is not a cache"},
		{"larger slabs than there are", slabHead + "TCP 442 507 2368 13 8000 : tunables 0 0 0 : slabdata 38 39 0\n",
			nil, "is not a cache"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			err := parseSlab([]byte(tt.in), func(s slab) {
				got = append(got, fmt.Sprintf("%s %d %d %d %d %d", s.name, s.active, s.total, s.size, s.slabs, s.pages))
			})
			if !reflect.DeepEqual(got, tt.want) || (tt.err == "") != (err == nil) || !strings.Contains(message(err), tt.err) {
				t.Errorf("got %q, error %v\nwant %q, error %q", got, err, tt.want, tt.err)
			}
		})
	}
}

// TestParseSlabAgrees holds our parser against procfs's, where that can read.
func TestParseSlabAgrees(t *testing.T) {
	for _, kernel := range []string{"5.15", "6.1", "6.18"} {
		t.Run(kernel, func(t *testing.T) {
			p := recorded(t, kernel)
			theirs, err := p.fs.SlabInfo()
			if err != nil {
				t.Fatal(err)
			}
			i := 0
			err = p.read("slabinfo", func(b []byte) error {
				return parseSlab(b, func(s slab) {
					w := theirs.Slabs[i]
					want := slab{[]byte(w.Name), uint64(w.ObjActive), uint64(w.ObjNum), uint64(w.ObjSize),
						uint64(w.ObjPerSlab), uint64(w.SlabNum), uint64(w.PagesPerSlab)}
					if !reflect.DeepEqual(s, want) {
						t.Errorf("%s: %+v, procfs reads %+v", s.name, s, want)
					}
					i++
				})
			})
			if err != nil || i != len(theirs.Slabs) || i < 20 {
				t.Errorf("%d caches, error %v, procfs reads %d", i, err, len(theirs.Slabs))
			}
		})
	}
}

// FuzzParseSlab starts from testdata/fuzz.
func FuzzParseSlab(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		_ = parseSlab(b, func(s slab) {
			if len(s.name) == 0 || s.slabs*s.pages*65536/65536 != s.slabs*s.pages || s.pages != 0 &&
				s.slabs*s.pages/s.pages != s.slabs {
				t.Errorf("%q: %d slabs of %d pages", s.name, s.slabs, s.pages)
			}
			line := fmt.Appendf(nil, "%s %d %d %d %d %d : tunables 0 0 0 : slabdata 1 %d 0", s.name, s.active, s.total,
				s.size, s.perSlab, s.pages, s.slabs)
			if again, ok := parseCache(line); !ok || !reflect.DeepEqual(again, s) {
				t.Errorf("%q reads as %+v, written again %+v", line, s, again)
			}
		})
		if !bytes.Equal(b, before) {
			t.Error("parseSlab wrote into its input")
		}
	})
}
