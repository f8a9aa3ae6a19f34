package proc

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/c10m/c10m/internal/result"
)

// TestSeriesWithholds: a cost that does not stand out is no figure, and no
// projection: what was in use stays, and what it would take is said.
func TestSeriesWithholds(t *testing.T) {
	byMem := func(s Series, drift ...int64) Series {
		i := 0
		each(&s, func(p *Snapshot) {
			p.Kernel.Mem.Free = uint64(int64(p.Kernel.Mem.Free) - drift[i%len(drift)]<<20)
			p.Kernel = Kernel{Method: MethodMem, Why: "slabinfo cannot be read", Bytes: p.Kernel.Mem.Used(),
				Mem: p.Kernel.Mem}
			i++
		})
		return s
	}
	for _, tt := range []struct {
		name string
		in   Series
		want string // "": a cost is given
	}{
		{"slabs tell a thousand", typical.ramp(1000, 20, 0), ""},
		{"two samples of slabs are plain figures", typical.ramp(1000, 1, 0), ""},
		{"slabs that breathe", noisy(), "noisy_fit conns 1000 enough"},
		{"a server that shrank", func() Series {
			s := typical.ramp(1000, 1, 0)
			s.Held.Server.PSS -= 20 << 20
			return s
		}(), "noisy_below_nothing enough 100000 server_bytes_per_conn -20551.5"},
		{"a client that gave back a little",
			func() Series { c := typical; c.client = -20; return c.ramp(1000, 20, 0) }(), ""},
		{"meminfo on a quiet machine", byMem(typical.ramp(1_000_000, 20, 0), 0), ""},
		{"meminfo, two samples", byMem(typical.ramp(1000, 1, 0), 0),
			"noisy_few_samples enough 200000 samples 2 or root without /proc/slabinfo"},
		{"meminfo, too few samples", byMem(typical.ramp(100_000, 5, 0), 0),
			"noisy_few_samples enough 200000 samples 6 or root"},
		{"meminfo, memory that came back",
			byMem(typical.ramp(2000, 20, 0), 0, -1, -2, -3, -4, -5, -6, -7, -8, -9, -10, -11, -12, -13, -14, -15, -16,
				-17, -18, -19, -20, -21),
			"noisy_below_nothing enough 50000 kernel_bytes_per_conn -"},
		{"meminfo, a server that comes out below nothing",
			byMem(func() Series { c := typical; c.server = -1; return c.ramp(100_000, 20, 0) }(), 0),
			"server_bytes_per_conn -1.0"},
		{"meminfo, a machine that breathes", byMem(typical.ramp(20_000, 20, 0), 0, 64), "noisy_fit"},
		{"meminfo, a slope that is hardly known", byMem(typical.ramp(20_000, 12, 0), 0, 20), "noisy_slope enough"},
		{"meminfo, a step before the ramp",
			byMem(typical.ramp(20_000, 60, 0), append([]int64{0}, slices.Repeat([]int64{45}, 60)...)...),
			"noisy_difference enough"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, _ := tt.in.Memory()
			said := ""
			if m.Withheld != nil {
				said = facts(*m.Withheld)[0]
			}
			if (said != "") != (tt.want != "") || !strings.Contains(said, tt.want) {
				t.Fatalf("withheld %q, want %q; total %v, r² %v of %d", said, tt.want, m.TotalPerConn, m.Fit.R2,
					m.Fit.Samples)
			}
			if m.Before == nil || m.Held == nil || m.Method != tt.in.Held.Kernel.Method {
				t.Errorf("Method %q, before %v, held %v: what was in use is known all the same", m.Method, m.Before,
					m.Held)
			}
			if m.Method == MethodMem && (m.Outside != nil || m.PagesPerConn != nil) {
				t.Error("meminfo is checked with itself")
			}
			carries := tt.want == "" && m.Fit.Samples >= minPoints && tt.in.Held.Conns >= 10_000
			if projected := m.At10M != nil; projected != carries {
				t.Errorf("projected %v from %d samples over %d connections", projected, m.Fit.Samples, m.Fit.Conns)
			}
			if m.Measured() != (tt.want == "") {
				t.Errorf("Measured %v", m.Measured())
			}
		})
	}
}

// TestEnough: the advice is a round number, above what the run had.
func TestEnough(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   Series
		want int64
	}{
		{"nothing seen", typical.ramp(1000, 1, 0), 10_000},
		{"nothing seen of many", typical.ramp(3_000_000, 1, 0), 10_000_000},
		{"64 MiB to and fro", noisy(), 200_000},
	} {
		f := newFitter(append(append([]Snapshot{tt.in.Before}, tt.in.Ramp...), tt.in.Held))
		m := tt.in.cost(f, tt.in.Held.Sub(tt.in.Before))
		if got := tt.in.enough(f, m); got != tt.want {
			t.Errorf("%s: %d connections, want %d", tt.name, got, tt.want)
		}
	}
}

// facts are warnings as text: code, numbers and words.
func facts(list ...result.Warning) (all []string) {
	for _, w := range list {
		said := w.Code
		for _, name := range slices.Sorted(maps.Keys(w.Numbers)) {
			if v := w.Numbers[name]; v == math.Trunc(v) && !strings.HasSuffix(name, "_per_conn") {
				said += fmt.Sprintf(" %s %.0f", name, v)
			} else {
				said += fmt.Sprintf(" %s %.1f", name, v)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(w.Words)) {
			said += " " + name + " " + w.Words[name]
		}
		all = append(all, said)
	}
	return all
}

// figure is 0 for a figure that there is not.
func figure(p *float64) float64 {
	if p == nil {
		return 0
	}
	return *p
}

// TestSeriesTells: what a process takes for a connection is a figure only if all of
// them together stand out from what its memory does by itself, and is never less
// than nothing.
func TestSeriesTells(t *testing.T) {
	const kernel = 5042 + 390 + 32 + 70
	for _, tt := range []struct {
		name                string
		conns               int
		server, client      int
		wantServer          float64 // 0: it is less than
		wantBelow           float64
		wantClient          float64
		wantBelowClient     float64
		wantPlain, wantCost float64
	}{
		{"both stand out", 200_000, 420, 28, 420, 0, 28, 0, kernel + 448, kernel + 448},
		{"a server that takes next to nothing", 200_000, 3, 28, 0, 5.24288, 28, 0, kernel + 31, kernel + 31},
		{"below nothing", 30_000, -31, 48, 0, 34.95, 48, 0, kernel + 48, kernel + 48},
		{"further below nothing than memory breathes", 20_000, -84, 60, 0, 84, 60, 0, kernel + 60, kernel + 60},
		{"a client below nothing", 20_000, 420, -2, 420, 0, 0, 52.4288, kernel + 420, kernel + 420},
		{"too few connections to tell", 2_000, 420, 28, 0, 524.288, 0, 524.288, kernel + 448, kernel + 448},
	} {
		for _, steps := range []int{1, 20} {
			c := typical
			c.server, c.client = tt.server, tt.client
			m, warnings := c.ramp(tt.conns, steps, 0).Memory()
			for name, v := range map[string][2]float64{
				"server":       {figure(m.ServerPerConn), tt.wantServer},
				"server below": {figure(m.ServerBelow), tt.wantBelow},
				"client":       {figure(m.ClientPerConn), tt.wantClient},
				"client below": {figure(m.ClientBelow), tt.wantBelowClient},
				"plain server": {figure(m.Plain.Server), tt.wantServer},
				"plain client": {figure(m.Plain.Client), tt.wantClient},
				"plain total":  {m.Plain.Total, tt.wantPlain}, "total": {m.TotalPerConn, tt.wantCost},
			} {
				if math.Abs(v[0]-v[1]) > 0.01 {
					t.Errorf("%s, %d steps: %s %v B, want %v", tt.name, steps, name, v[0], v[1])
				}
			}
			if m.At10M != nil && math.Abs(*m.At10M-tt.wantCost*1e7) > 1e6 {
				t.Errorf("%s: 10,000,000 take %v B", tt.name, *m.At10M)
			}
			if slices.ContainsFunc(facts(warnings...),
				func(w string) bool { return strings.HasPrefix(w, "memory_without_server") }) {
				t.Errorf("%s: %v, but it was asked", tt.name, warnings)
			}
		}
	}
}
