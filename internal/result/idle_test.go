package result

import (
	"testing"
	"time"
)

func TestIdleTimeout(t *testing.T) {
	const s = int64(time.Second)
	for _, tt := range []struct {
		name        string
		idle        *Idle
		established int64
		want        time.Duration
		moment      bool
	}{
		{"nothing was lost", nil, 1000, 0, false},
		{"all after 2 s, over the 10 s of a slow ramp", &Idle{1000, 2 * s, 2*s + s/10, 10}, 1000, 2 * time.Second, false},
		{"a server that looks four times in a timeout", &Idle{2000, 2 * s, 2*s + s/2, 2}, 2000, 2 * time.Second, false},
		{"the same on a busy machine", &Idle{2000, 2050 * s / 1000, 2815 * s / 1000, 1.6}, 2000,
			2050 * time.Millisecond, true},
		{"some after 15 s, when the run ended", &Idle{200, 15 * s, 15*s + s/10, 5}, 1000, 15 * time.Second, false},
		{"all after 2 s, at one moment", &Idle{1000, 2 * s, 2 * s, 0.01}, 1000, 2 * time.Second, true},
		{"a worker died: some of one age, at one moment", &Idle{200, 2 * s, 2 * s, 0.01}, 1000, 0, false},
		{"the server died: all ages of a slow ramp, at one moment", &Idle{1000, s, 10 * s, 0.01}, 1000, 0, false},
		{"a limit: closed at once", &Idle{500, s / 1000, s / 500, 5}, 1000, 0, false},
		{"two", &Idle{2, 2 * s, 2 * s, 5}, 2, 0, false},
	} {
		got, moment, ok := tt.idle.Timeout(tt.established)
		if got != tt.want || moment != tt.moment || ok != (tt.want > 0) {
			t.Errorf("%s: %v, at one moment %v, %v; want %v, %v", tt.name, got, moment, ok, tt.want, tt.moment)
		}
	}
}
