package shard

import (
	"slices"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/echo"
)

// crew is a supervisor of n workers that accept, First of which stay, without
// processes: told lists whom it has told to end.
func crew(t *testing.T, n, first int) (s *Supervisor, told *[]int) {
	t.Helper()
	page, err := NewPage(n)
	if err != nil {
		t.Fatal(err)
	}
	s, told = &Supervisor{Page: page, First: first, Most: n, Limit: 100, members: make([]member, n)}, new([]int)
	for i := range n {
		page.states[i].exists.Store(1)
		page.Slots[i].State.Store(int32(echo.Ready))
		s.order.join(i)
		s.members[i].stop = func() { *told = append(*told, i) }
	}
	return s, told
}

// ends is what keep does once worker i has ended as it was told.
func (s *Supervisor) ends(i int) {
	s.gone(i)
	s.vacate(i, false)
	s.stale = false // it has been dealt anew
}

// TestRetire: once fewer workers have long been enough, those that came last leave the
// distribution, and end from the last on, each when it is empty; the first ones stay.
func TestRetire(t *testing.T) {
	s, told := crew(t, 5, 2)
	at := time.Unix(1000, 0)
	s.retire(at)
	s.Page.Slots[0].Open.Store(200) // one of 500, and in need of five
	s.retire(at.Add(9 * time.Second))
	s.Page.Slots[0].Open.Store(81) // in need of three
	at = at.Add(9500 * time.Millisecond)
	s.retire(at)
	s.retire(at.Add(retireAfter - time.Millisecond))
	if s.spare() != 0 {
		t.Fatalf("%d are to go, though five were needed within %v", s.spare(), retireAfter)
	}
	at = at.Add(retireAfter)
	if s.retire(at); s.spare() != 2 || !s.stale || !s.members[3].leaving || !s.members[4].leaving {
		t.Fatalf("%+v are not to go", s.members)
	}
	if w := s.weights(); !slices.Equal(w, []uint32{1, 4, 4, 0, 0}) {
		t.Errorf("weights %v", w)
	}
	s.Page.Slots[4].Open.Store(1)
	s.retire(at.Add(leaveTime - time.Millisecond))
	s.retire(at.Add(time.Minute))
	if len(*told) != 0 {
		t.Fatalf("%v have been told to end, too early or with a connection", *told)
	}
	s.Page.Slots[4].Open.Store(0)
	s.Page.states[4].handed.Store(1) // a connection is on its way there
	s.retire(at.Add(time.Minute))
	s.Page.states[4].taken.Store(1)
	s.retire(at.Add(time.Minute))
	s.retire(at.Add(2 * time.Minute)) // it takes its time
	if !slices.Equal(*told, []int{4}) {
		t.Fatalf("%v have been told to end, want the last", *told)
	}
	s.ends(4)
	s.retire(at.Add(2 * time.Minute))
	s.ends(3)
	s.retire(at.Add(2 * time.Minute))
	s.retire(at.Add(3 * time.Minute))
	if !slices.Equal(*told, []int{4, 3}) || s.spare() != 0 || s.order.unknown {
		t.Errorf("%v have been told to end, %+v", *told, s.order)
	}
	s.Page.Slots[0].Open.Store(0)
	s.retire(at.Add(4 * time.Minute))
	s.retire(at.Add(5 * time.Minute))
	s.retire(at.Add(6 * time.Minute))
	s.ends(2)
	s.retire(at.Add(7 * time.Minute))
	s.retire(at.Add(8 * time.Minute))
	if !slices.Equal(*told, []int{4, 3, 2}) || s.living() != 2 {
		t.Errorf("%v have been told to end, want all but the first two", *told)
	}
}

// TestRetireTakenBack: workers that are to go stay if they are needed after all, or
// another has taken the last place.
func TestRetireTakenBack(t *testing.T) {
	at := time.Unix(1000, 0)
	leaving := func() (*Supervisor, *[]int) {
		s, told := crew(t, 4, 1)
		s.retire(at)
		if s.retire(at.Add(retireAfter)); s.spare() != 3 {
			t.Fatalf("%d are to go, want 3", s.spare())
		}
		return s, told
	}
	later := at.Add(time.Minute)
	for name, what := range map[string]func(s *Supervisor){
		"more than half full":      func(s *Supervisor) { s.Page.Slots[0].Open.Store(150) },
		"one is starting":          func(s *Supervisor) { s.Page.Slots[0].State.Store(int32(echo.Starting)) },
		"one is replaced":          func(s *Supervisor) { s.recycling = &recycling{} },
		"the order is not known":   func(s *Supervisor) { s.order.unknown = true },
		"the first has come again": func(s *Supervisor) { s.order.leave(0); s.order.join(0) },
	} {
		s, told := leaving()
		what(s)
		s.retire(later)
		if len(*told) != 0 || s.spare() != 0 || s.members[3].leaving || !s.stale {
			t.Errorf("%s: %v have been told to end, %d are to go", name, *told, s.spare())
		}
	}
	s, told := leaving()
	s.retire(later) // the last is told
	s.Page.Slots[0].Open.Store(90)
	if i := s.wanted(); i != -1 || s.spare() != 1 || !s.members[3].leaving || s.members[2].leaving {
		t.Errorf("full: worker %d is to be started, %+v", i, s.members)
	}
	s.Page.Slots[1].Open.Store(100)
	s.Page.Slots[2].Open.Store(100)
	if i := s.wanted(); i != -1 || !slices.Equal(*told, []int{3}) { // its slot is not free yet
		t.Errorf("full, the last one going: worker %d is to be started", i)
	}
	s.ends(3)
	if i := s.wanted(); i != 3 {
		t.Errorf("full: worker %d is to be started, want 3", i)
	}
}
