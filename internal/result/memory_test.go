package result

import "testing"

// Nothing is read off noise: no projection, and no share of a growth that was none.
func TestWhatIsReadOffMemory(t *testing.T) {
	line := func(cost, r2 float64, samples int, conns int64) *Memory {
		return &Memory{Method: "slabinfo", TotalPerConn: cost, Fit: Fit{R2: r2, Samples: samples, Conns: conns}}
	}
	with := func(m *Memory, change func(*Memory)) *Memory {
		change(m)
		return m
	}
	for _, tt := range []struct {
		name   string
		m      *Memory
		want   float64
		enough int64 // 0: it is not for want of connections
	}{
		{"a line", with(line(8000, 0.999, 20, 100_000), func(m *Memory) { m.At10M = ptr(81e9) }), 81e9, 0},
		{"an older file", with(line(8000, 0.999, 20, 0), func(m *Memory) {
			m.Samples = []Sample{{Conns: 5000}, {Conns: 90_000}, {Conns: 80_000}}
		}), 80e9, 0},
		{"an older file of few", with(line(8000, 0.999, 20, 0), func(m *Memory) {
			m.At10M, m.Samples = ptr(80e9), []Sample{{Conns: 900}}
		}), 0, 10_000},
		{"noise", with(line(8000, 0.4, 20, 100_000), func(m *Memory) { m.At10M = ptr(80e9) }), 0, 0},
		{"less than nothing", line(-600, 0.99, 20, 100_000), 0, 0},
		{"no fit", line(8000, 0, 2, 100_000), 0, 0},
		{"through two points", line(8000, 0.99, 2, 100_000), 0, 0},
		{"a thousand connections, however well they fit", line(8500, 1, 20, 1000), 0, 5000},
		{"as many as it takes", line(8500, 1, 20, 5000), 85e9, 0},
		{"the server's end alone, 5,000 of it", line(4100, 1, 20, 5000), 0, 20_000},
		{"the server's end alone", line(4100, 1, 20, 20_000), 41e9, 0},
		{"TLS at both ends", line(26_000, 1, 20, 2000), 260e9, 0},
		{"a hundred of what takes much", line(1e6, 1, 20, 100), 0, 1000},
		{"withheld", with(line(8000, 0.99, 20, 100_000), func(m *Memory) {
			m.Withheld = &Warning{Code: "noisy_nothing"}
		}), 0, 0},
		{"nothing", nil, 0, 0},
	} {
		if got := tt.m.Projection(); got != tt.want || tt.m.Carries() != (tt.want > 0) {
			t.Errorf("%s: %g bytes, want %g; it carries: %v", tt.name, got, tt.want, tt.m.Carries())
		}
		if tt.m == nil {
			continue
		}
		if few := tt.m.FewConns(); few != (tt.enough > 0) || few && tt.m.Enough() != tt.enough {
			t.Errorf("%s: few %v, enough %d, want %d", tt.name, few, tt.m.Enough(), tt.enough)
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
