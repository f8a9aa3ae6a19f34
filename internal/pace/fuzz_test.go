package pace

import (
	"testing"
	"time"
)

// FuzzDue: what is due never decreases, never is negative, and a pace that is
// asked about one moment answers the same as about another.
func FuzzDue(f *testing.F) {
	f.Add(50_000.0, 10.0, int64(time.Second), int64(0), int64(time.Hour))
	f.Add(1.0, 1e6, int64(10*time.Second), int64(9999999999), int64(10000000001))
	f.Add(0.5, 0.0, int64(1), int64(-5), int64(3))
	f.Fuzz(func(t *testing.T, from, to float64, over, a, b int64) {
		const most, longest = 1e9, int64(1000 * time.Hour)
		if !(from >= 0 && from <= most && to >= 0 && to <= most) || over <= 0 || over > longest || a > b || a < -longest || b > longest {
			return // no plan asks for it
		}
		for _, p := range []Pacer{Constant{from}, Ramp{from, to, time.Duration(over)}, Steps{[]float64{from, to, from}, time.Duration(over)}} {
			early, late := p.Due(time.Duration(a)), p.Due(time.Duration(b))
			if early < 0 || late < early {
				t.Errorf("%+v: %d due at %d, %d at %d", p, early, a, late, b)
			}
		}
	})
}
