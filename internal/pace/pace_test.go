package pace

import (
	"testing"
	"time"
)

func TestDue(t *testing.T) {
	tests := []struct {
		name string
		p    Pacer
		at   time.Duration
		want int64
	}{
		{"max", Max{}, time.Hour, -1},
		{"constant starts at once", Constant{100}, 0, 1},
		{"constant", Constant{100}, 2 * time.Second, 201},
		{"constant before the start", Constant{100}, -1, 0},
		{"ramp start", Ramp{0, 100, 10 * time.Second}, 0, 1},
		{"ramp half", Ramp{0, 100, 10 * time.Second}, 5 * time.Second, 126},
		{"ramp end", Ramp{0, 100, 10 * time.Second}, 10 * time.Second, 501},
		{"ramp after", Ramp{0, 100, 10 * time.Second}, 11 * time.Second, 601},
		{"steps first", Steps{[]float64{10, 20}, time.Second}, 500 * time.Millisecond, 6},
		{"steps second", Steps{[]float64{10, 20}, time.Second}, 1500 * time.Millisecond, 21},
		{"steps stay at the last", Steps{[]float64{10, 20}, time.Second}, 3 * time.Second, 51},
	}
	for _, tt := range tests {
		if got := tt.p.Due(tt.at); got != tt.want {
			t.Errorf("%s: Due(%v) = %d, want %d", tt.name, tt.at, got, tt.want)
		}
	}
}

func TestDueNeverDecreases(t *testing.T) {
	for _, p := range []Pacer{Constant{12345}, Ramp{10, 5000, 3 * time.Second}, Ramp{5000, 10, 3 * time.Second}, Steps{[]float64{5, 500, 1}, time.Second}} {
		last := int64(0)
		for at := time.Duration(0); at < 5*time.Second; at += 777 * time.Microsecond {
			n := p.Due(at)
			if n < last {
				t.Fatalf("%T: Due fell from %d to %d at %v", p, last, n, at)
			}
			last = n
		}
	}
}
