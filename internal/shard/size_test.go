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
		{"one process where one suffices", 10_000_000, 12_000_000, 200, 32, 0, Size{1, 32, 12_000_000 - 6400 - 100}, true},
		{"exactly full", 19_500, 20_000, 200, 2, 0, Size{1, 2, 19_500}, true},
		{"one more needs two", 19_501, 20_000, 200, 2, 0, Size{2, 1, 19_700}, true},
		{"a million in tables of 20,000", 1_000_000, 20_000, 200, 2, 0, Size{53, 1, 19_700}, true},
		{"as asked", 10, 20_000, 200, 8, 4, Size{4, 2, 19_500}, true},
		{"no room at all", 10, 256, 200, 8, 1, Size{}, false},
		{"too few fds", 10, 256, 200, 8, 0, Size{}, false},
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
