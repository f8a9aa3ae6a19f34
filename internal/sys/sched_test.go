package sys

import (
	"runtime"
	"testing"
)

// TestSeat: Go's scheduler has a processor for each locked thread beside those that it
// had, few more than are needed, and gives back those of threads that have ended;
// Cores stays what it was.
func TestSeat(t *testing.T) {
	before := Cores()
	for _, n := range []int{3, 1, 20, -24, 7, 40, 1, -1, -40, 60} {
		Seat(n)
		defer Seat(-n)
		got := runtime.GOMAXPROCS(0)
		if got < before+seats.taken || got > before+2*seats.taken+spareSeats {
			t.Errorf("%d threads more: %d processors for %d threads and %d cores", n, got, seats.taken, before)
		}
	}
	if Cores() != before {
		t.Errorf("Cores() = %d, and %d before", Cores(), before)
	}
}
