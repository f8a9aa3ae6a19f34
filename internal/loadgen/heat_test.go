package loadgen

import (
	"testing"
	"time"
)

// A heat whose end is open holds every message, in columns that cover the time
// so far and are all of one width.
func TestOpenHeat(t *testing.T) {
	h := newHeat(15, 0)
	const n = 1000
	for i := range n {
		h.add(time.Duration(i)*time.Millisecond, 5_000_000)
	}
	if h.Column != 80*time.Millisecond || len(h.Columns) != 15 {
		t.Fatalf("%d columns of %v, want 15 of 80ms", len(h.Columns), h.Column)
	}
	for i, c := range h.Columns {
		var sum int64
		for _, m := range c {
			sum += m
		}
		want := min(80, max(0, n-80*int64(i)))
		if sum != want {
			t.Errorf("column %d holds %d messages, want %d", i, sum, want)
		}
	}
	closed := newHeat(10, 100*time.Millisecond)
	closed.add(time.Hour, 1)
	if closed.Column != 10*time.Millisecond || closed.Columns[9][0] != 1 {
		t.Errorf("what comes after the end belongs into the last column: %+v", closed)
	}
}
