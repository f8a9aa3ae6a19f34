package pace

import (
	"testing"
	"time"
)

func TestDue(t *testing.T) {
	for _, tt := range []struct {
		name string
		rate float64
		at   time.Duration
		want int64
	}{
		{"starts at once", 100, 0, 1},
		{"two seconds", 100, 2 * time.Second, 201},
		{"before the start", 100, -1, 0},
		{"less than one a second", 0.5, 3 * time.Second, 2},
		{"a long run", 50_000, 1000 * time.Hour, 180_000_000_001},
	} {
		if got := (Constant{tt.rate}).Due(tt.at); got != tt.want {
			t.Errorf("%s: Due(%v) = %d, want %d", tt.name, tt.at, got, tt.want)
		}
	}
}
