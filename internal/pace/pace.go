package pace

import "time"

// Constant is a steady rate per second; the first event is due at once.
type Constant struct{ PerSecond float64 }

// Due counts the events up to t, the one at 0 included; it never decreases.
func (c Constant) Due(t time.Duration) int64 {
	if t < 0 {
		return 0
	}
	return 1 + int64(c.PerSecond*t.Seconds())
}
