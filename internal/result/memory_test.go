package result

import "testing"

// Nothing is read off noise: no projection, and no share of a growth that was none.
func TestWhatIsReadOffMemory(t *testing.T) {
	for _, tt := range []struct {
		name string
		m    *Memory
		want float64
	}{
		{"a line", &Memory{Method: "slabinfo", TotalPerConn: 8000, Fit: Fit{R2: 0.999, Samples: 20}, At10M: ptr(80e9)},
			80e9},
		{"an older file", &Memory{Method: "slabinfo", TotalPerConn: 8000, Fit: Fit{R2: 0.999, Samples: 20}}, 80e9},
		{"noise", &Memory{Method: "slabinfo", TotalPerConn: 8000, Fit: Fit{R2: 0.4, Samples: 20}, At10M: ptr(80e9)}, 0},
		{"less than nothing", &Memory{Method: "slabinfo", TotalPerConn: -600, Fit: Fit{R2: 0.99, Samples: 20}}, 0},
		{"no fit", &Memory{Method: "slabinfo", TotalPerConn: 8000, Fit: Fit{Samples: 2}}, 0},
		{"through two points", &Memory{Method: "slabinfo", TotalPerConn: 8000, Fit: Fit{R2: 0.99, Samples: 2}}, 0},
		{"withheld", &Memory{Method: "slabinfo", Withheld: &Warning{Code: "noisy_nothing"}, TotalPerConn: 8000,
			Fit: Fit{R2: 0.99}}, 0},
		{"nothing", nil, 0},
	} {
		if got := tt.m.Projection(); got != tt.want {
			t.Errorf("%s: %g bytes, want %g", tt.name, got, tt.want)
		}
	}
	const mib = 1 << 20
	for _, tt := range []struct {
		name                string
		before, held, after uint64
		want                float64 // -1: not known
	}{
		{"all", 100 * mib, 500 * mib, 100 * mib, 1},
		{"half", 100 * mib, 500 * mib, 300 * mib, 0.5},
		{"none, and more came", 100 * mib, 500 * mib, 600 * mib, 0},
		{"it had not grown", 100 * mib, 90 * mib, 80 * mib, -1},
		{"137 % of what came", 100 * mib, 104 * mib, 98*mib + mib/2, -1},
		{"266 times what came", 100 * mib, 103 * mib, 1, -1},
		{"a heap that breathes", 100 * mib, 100*mib + 4096, 100 * mib, -1},
	} {
		got := returned(tt.before, tt.held, tt.after)
		if tt.want < 0 && got != nil || tt.want >= 0 && (got == nil || *got != tt.want) {
			t.Errorf("%s: %v, want %g", tt.name, got, tt.want)
		}
	}
	noisy := &Memory{Withheld: &Warning{Code: "noisy_nothing"}, Before: &Used{}, Held: &Used{Kernel: 500 * mib},
		After: &Used{}}
	if r := noisy.Returned(); r != (Returned{}) {
		t.Errorf("of a cost that was withheld %+v came back, want nothing said", r)
	}
}
