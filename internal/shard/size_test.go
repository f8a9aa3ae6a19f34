package shard

import "testing"

func TestFit(t *testing.T) {
	tests := []struct {
		name    string
		conns   int64
		nofile  uint64
		ports   int
		cores   int
		workers int
		want    Size
		ok      bool
	}{
		{"one process where one suffices", 10_000_000, 12_000_000, 200, 32, 0, Size{1, 32, 12_000_000 - 32*206 - 200}, true},
		{"exactly full", 19_388, 20_000, 200, 2, 0, Size{1, 2, 19_388}, true},
		{"one more needs two", 19_389, 20_000, 200, 2, 0, Size{2, 1, 19_594}, true},
		{"a million in tables of 20,000", 1_000_000, 20_000, 200, 2, 0, Size{53, 1, 19_594}, true},
		{"64 loops", 10, 20_000, 1, 64, 1, Size{1, 64, 19_352}, true},
		{"192 loops", 10, 20_000, 1, 192, 1, Size{1, 192, 18_456}, true},
		{"more workers than half the cores", 10, 20_000, 1, 64, 33, Size{33, 2, 19_786}, true},
		{"a worker for each core", 10, 20_000, 1, 64, 64, Size{64, 1, 19_793}, true},
		{"more than that", 10, 20_000, 1, 64, 65, Size{65, 1, 19_793}, true},
		{"as asked", 10, 20_000, 200, 8, 4, Size{4, 2, 19_388}, true},
		{"no room at all", 10, 256, 200, 8, 1, Size{}, false},
		{"too few fds", 10, 256, 200, 8, 0, Size{}, false},
		{"what its supervisor has fds for", 274 * 327, 1024, 400, 2, 0, Size{274, 1, 418}, true},
		{"what it has not", 274*327 + 1, 1024, 400, 2, 0, Size{}, false},
		{"more workers than that", 10, 1024, 400, 2, 275, Size{}, false},
		{"too many", 1 << 40, 1024, 1, 1, 0, Size{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Fit(tt.conns, tt.nofile, tt.ports, tt.cores, tt.workers)
			if (err == nil) != tt.ok || tt.ok && got != tt.want {
				t.Errorf("Fit = %+v, %v; want %+v, ok %v", got, err, tt.want, tt.ok)
			}
		})
	}
}

// TestOverhead: what a process opens beside connections fits beside its limit of
// them, however many loops it has. Counted here as gnet and the control endpoint
// open it: a listener a port, an epoll, an eventfd and one connection on its way
// out for each loop, 64 requests with their files, and what every process has.
func TestOverhead(t *testing.T) {
	for _, cores := range []int{1, 2, 64, 192} {
		for _, ports := range []int{1, 200, 400} {
			nofile := uint64(100_000)
			s, err := Fit(10, nofile, ports, cores, 1)
			if err != nil {
				t.Fatal(err)
			}
			opens := int64(cores*ports+cores+cores+cores) + 64 + 64 + 20
			if s.Loops != cores || s.Limit+opens > int64(nofile) {
				t.Errorf("%d cores, %d ports: %+v, and %d fds of %d beside", cores, ports, s, opens, nofile)
			}
		}
	}
}

// TestFitTables: an engine with fd tables for its loops is one process, of as many
// loops as cores, unless their listeners alone would fill half a table.
func TestFitTables(t *testing.T) {
	for _, tt := range []struct {
		name                          string
		conns                         int64
		nofile                        uint64
		ports, cores, workers, looped int
		want                          Size // Workers 0: an error
	}{
		{"far above the fd limit", 2_500_000, 20_000, 400, 2, 0, 0, Size{Workers: 1, Loops: 2, Limit: 2_500_000}},
		{"below it", 1000, 20_000, 400, 2, 0, 0, Size{Workers: 1, Loops: 2, Limit: 1000}},
		{"as many workers as asked for", 100_000, 20_000, 400, 8, 3, 0, Size{Workers: 3, Loops: 3, Limit: 100_000}},
		{"as many loops as asked for", 100_000, 20_000, 400, 8, 0, 5, Size{Workers: 1, Loops: 5, Limit: 100_000}},
		{"64 cores and little room for listeners", 10_000_000, 20_000, 400, 64, 0, 0,
			Size{Workers: 1, Loops: 24, Limit: 10_000_000}},
		{"more loops than there is room for", 1000, 20_000, 400, 2, 0, 50, Size{}},
		{"more ports than fds", 1000, 500, 400, 2, 0, 0, Size{}},
		{"more workers than a supervisor holds", 1000, 1024, 10, 2, 275, 0, Size{}},
	} {
		got, err := FitTables(tt.conns, tt.nofile, tt.ports, tt.cores, tt.workers, tt.looped)
		if err != nil {
			got = Size{}
		}
		if got != tt.want || (err != nil) != (tt.want.Workers == 0) {
			t.Errorf("%s: %+v, %v; want %+v", tt.name, got, err, tt.want)
		}
	}
}
