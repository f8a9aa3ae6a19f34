package sys

import "testing"

// A kernel with so many watches, and what is taken of them.
func TestWatchReserve(t *testing.T) {
	w, err := NewWatchReserve()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for i := range 2 {
		if !w.Left() {
			t.Errorf("look %d: the kernel has none left", i+1)
		}
	}
	w.release()
	type watch struct{ set, fd int }
	taken, most, others := map[watch]bool{}, 100, 0
	w.add = func(e Epoll, fd int) Errno {
		if len(taken)+others >= most {
			return ENOSPC
		}
		taken[watch{e.fd, fd}] = true
		return 0
	}
	w.remove = func(e Epoll, fd int) { delete(taken, watch{e.fd, fd}) }
	for _, tt := range []struct {
		others int // watches that others have taken
		left   bool
		held   int
	}{
		{0, true, 64}, {30, true, 64}, {36, false, 0}, {99, false, 0}, {100, false, 0}, {40, false, 0}, {36, true, 64},
		{35, true, 64},
	} {
		others = tt.others
		if left := w.Left(); left != tt.left || len(taken) != tt.held {
			t.Errorf("others have %d of %d: left %v, %d in hand; want %v and %d", others, most, left, len(taken),
				tt.left, tt.held)
		}
	}
}
