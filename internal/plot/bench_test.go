package plot

import "testing"

// A page that draws once a second must not notice.
func BenchmarkLine(b *testing.B) {
	l := Line{Series: []Series{{Points: ramp(600, 40, 60e3)}}}
	for b.Loop() {
		_ = l.SVG()
	}
}
