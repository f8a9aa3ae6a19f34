package pace

import (
	"testing"
	"time"
)

// FuzzDue: what is due never decreases and never is negative.
func FuzzDue(f *testing.F) {
	f.Add(50_000.0, int64(0), int64(time.Hour))
	f.Add(1.0, int64(9999999999), int64(10000000001))
	f.Add(0.5, int64(-5), int64(3))
	f.Fuzz(func(t *testing.T, rate float64, a, b int64) {
		const most, longest = 1e9, int64(1000 * time.Hour)
		if !(rate >= 0 && rate <= most) || a > b || a < -longest || b > longest {
			return // no plan asks for it
		}
		p := Constant{rate}
		if early, late := p.Due(time.Duration(a)), p.Due(time.Duration(b)); early < 0 || late < early {
			t.Errorf("%+v: %d due at %d, %d at %d", p, early, a, late, b)
		}
	})
}
