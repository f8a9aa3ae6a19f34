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

// TestUnseated: few processors while it runs, and all of them again afterwards.
func TestUnseated(t *testing.T) {
	Seat(5)
	defer Seat(-5)
	before, during := runtime.GOMAXPROCS(0), 0
	Unseated(func() { during = runtime.GOMAXPROCS(0) })
	if after := runtime.GOMAXPROCS(0); before <= Cores() || during != Cores() || after != before {
		t.Errorf("%d processors, %d meanwhile, %d afterwards; want %d meanwhile and as many as before", before, during,
			after, Cores())
	}
}
