package sys

import (
	"runtime"
	"testing"
)

// TestSeat: Go's scheduler has a processor for each locked thread beside those that it
// had, keeps those of threads that have ended for others, and Cores stays what it was.
func TestSeat(t *testing.T) {
	before := Cores()
	if before < 1 {
		t.Fatalf("Cores() = %d", before)
	}
	for _, n := range []int{3, 1, 20, -24, 7} {
		Seat(n)
		defer Seat(-n)
		if got := runtime.GOMAXPROCS(0); got < seats.others+seats.taken || got != seats.others+seats.room {
			t.Errorf("%d threads more: %d processors for %d threads and %d others", n, got, seats.taken, seats.others)
		}
	}
	if room := seats.room; room < 24 || room > 48 {
		t.Errorf("room for %d threads, and there were 24 at most", room)
	}
	if Cores() != before {
		t.Errorf("Cores() = %d, and %d before", Cores(), before)
	}
}
