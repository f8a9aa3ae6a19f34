package sys

import (
	"runtime"
	"testing"
)

// TestSeat: Go's scheduler has a processor for each locked thread beside those that it
// had, keeps those of threads that have ended for others, makes few more than are
// needed, and Cores stays what it was.
func TestSeat(t *testing.T) {
	before := Cores()
	most := 0
	for _, n := range []int{3, 1, 20, -24, 7, 40, 1, -1, -40, 60} {
		Seat(n)
		defer Seat(-n)
		most = max(most, seats.taken)
		got := runtime.GOMAXPROCS(0)
		if got < before+seats.taken || got > before+max(most, 67)+spareSeats {
			t.Errorf("%d threads more: %d processors for %d threads and %d cores", n, got, seats.taken, before)
		}
	}
	if Cores() != before {
		t.Errorf("Cores() = %d, and %d before", Cores(), before)
	}
}
