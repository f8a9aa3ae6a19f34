package shard

import (
	"context"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/echo"
)

// crew is a supervisor of n workers that accept, First of which stay, without
// processes: told lists whom it has told to end.
func crew(t *testing.T, n, first int) (s *Supervisor, told *[]int) {
	t.Helper()
	page := newPage(t, n)
	s, told = &Supervisor{Page: page, First: first, Most: n, Limit: 100, members: make([]member, n)}, new([]int)
	for i := range n {
		page.states[i].exists.Store(1)
		page.Slots[i].State.Store(int32(echo.Ready))
		s.order.join(i)
		s.members[i].stop = func() { *told = append(*told, i) }
	}
	return s, told
}

// dealtAt is a distribution that is attached at once.
func (s *Supervisor) dealtAt(now time.Time) {
	s.exclude(s.excluded(), now)
	s.stale = false
}

// ends is what keep does once worker i has ended as it was told.
func (s *Supervisor) ends(i int) {
	s.gone(i)
	s.vacate(i, false)
}

// TestRetire: once fewer workers have long been enough, those that came last leave the
// distribution, and end from the last on, each when it is empty; the first ones stay.
func TestRetire(t *testing.T) {
	s, told := crew(t, 5, 2)
	at := time.Unix(1000, 0)
	s.retire(at)
	s.Page.Slots[0].Open.Store(101) // of 500, and in need of five
	s.retire(at.Add(9 * time.Second))
	s.Page.Slots[0].Open.Store(51) // in need of three
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
	if w := s.weights(); !slices.Equal(w, []uint32{1, 2, 2, 0, 0}) {
		t.Errorf("weights %v", w)
	}
	s.retire(at.Add(time.Minute))
	if len(*told) != 0 {
		t.Fatalf("%v have been told to end, though connections may still be dealt to them", *told)
	}
	at = at.Add(time.Minute)
	s.dealtAt(at)
	s.retire(at.Add(retireTime - time.Millisecond))
	if len(*told) != 0 {
		t.Fatalf("%v have been told to end after less than %v", *told, retireTime)
	}
	at = at.Add(retireTime)
	s.Page.Slots[4].Open.Store(1)
	s.retire(at)
	s.Page.Slots[4].Open.Store(0)
	s.Page.states[4].handed.Store(1) // a connection is on its way there
	s.retire(at)
	if len(*told) != 0 {
		t.Fatalf("%v have been told to end, with a connection", *told)
	}
	s.Page.states[4].taken.Store(1)
	s.retire(at)
	s.retire(at.Add(time.Minute)) // it takes its time
	if !slices.Equal(*told, []int{4}) {
		t.Fatalf("%v have been told to end, want the last", *told)
	}
	s.ends(4)
	s.retire(at)
	s.ends(3)
	s.retire(at)
	s.retire(at.Add(time.Minute))
	if !slices.Equal(*told, []int{4, 3}) || s.spare() != 0 || s.order.unknown {
		t.Errorf("%v have been told to end, %+v", *told, s.order)
	}
	at = at.Add(time.Hour)
	s.Page.Slots[0].Open.Store(0)
	s.retire(at)
	s.retire(at.Add(retireAfter))
	s.dealtAt(at)
	s.retire(at.Add(retireAfter))
	s.ends(2)
	s.retire(at.Add(time.Hour))
	if !slices.Equal(*told, []int{4, 3, 2}) || s.living() != 2 {
		t.Errorf("%v have been told to end, want all but the first two", *told)
	}
}

// TestRetireTakenBack: workers that are to go stay if they are needed after all, or
// what is known of the order does not allow it.
func TestRetireTakenBack(t *testing.T) {
	at := time.Unix(1000, 0)
	leaving := func() (*Supervisor, *[]int) {
		s, told := crew(t, 4, 1)
		s.retire(at)
		if s.retire(at.Add(retireAfter)); s.spare() != 3 {
			t.Fatalf("%d are to go, want 3", s.spare())
		}
		s.dealtAt(at)
		return s, told
	}
	later := at.Add(time.Minute)
	for name, what := range map[string]func(s *Supervisor){
		"a quarter full":           func(s *Supervisor) { s.Page.Slots[0].Open.Store(76) },
		"one is starting":          func(s *Supervisor) { s.Page.Slots[0].State.Store(int32(echo.Starting)) },
		"one is replaced":          func(s *Supervisor) { s.recycling = &recycling{} },
		"the order is not known":   func(s *Supervisor) { s.order.unknown = true },
		"it could not be attached": func(s *Supervisor) { s.undealt = true },
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
	for i := range 3 {
		s.Page.Slots[i].Open.Store(100)
	}
	if w := s.weights(); !slices.Equal(w, []uint32{1, 1, 1, 0}) {
		t.Errorf("all are full, and the last is going: weights %v", w)
	}
	if i := s.wanted(); i != -1 || !slices.Equal(*told, []int{3}) { // its slot is not free yet
		t.Errorf("full, the last one going: worker %d is to be started", i)
	}
	s.ends(3)
	if i := s.wanted(); i != 3 {
		t.Errorf("full: worker %d is to be started, want 3", i)
	}
}

// TestGoneLast: the end of the last worker moves no socket of another. Whatever ends or
// starts at the same time, the order is known.
func TestGoneLast(t *testing.T) {
	for _, tt := range []struct {
		gone    []int
		binding int32 // of worker 4, which is just starting
		unknown bool
		want    []int
	}{
		{[]int{3, 2, 1}, 0, false, []int{0}},
		{[]int{3, 0}, 0, false, []int{2, 1}},
		{[]int{0, 1}, 0, true, []int{3, 2}},
		{[]int{3, 2}, 1, false, []int{0, 1}},
		{[]int{0}, 1, true, []int{3, 1, 2}},
	} {
		s, _ := crew(t, 5, 1)
		s.order.leave(4)
		s.Page.states[4].binding.Store(tt.binding)
		for _, i := range tt.gone {
			s.gone(i)
		}
		if s.order.unknown != tt.unknown || !slices.Equal(s.order.workers, tt.want) {
			t.Errorf("after %v: %+v, want %v", tt.gone, s.order, tt.want)
		}
	}
}

// TestLeavingCrashes: a worker that is leaving and ends by itself is not started anew,
// but the log says so, and what it held is counted no more.
func TestLeavingCrashes(t *testing.T) {
	page := newPage(t, 1)
	r, w := pipe(t)
	var said journal
	s := &Supervisor{Page: page, First: 1, Most: 1, Limit: 10, Drain: time.Minute, members: make([]member, 1),
		Logf: said.logf,
		Command: func(int) *exec.Cmd {
			cmd := exec.Command("sh", "-c", "read wait; exit 1")
			cmd.Stdin = r
			return cmd
		}}
	defer s.closeSockets()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	s.started.Store(true)
	s.launch(ctx, cancel, 0, nil)
	page.states[0].joined.Store(1)
	page.Slots[0].Open.Store(5)
	page.Slots[0].Buffered.Store(7)
	page.Slots[0].Accepted.Store(9)
	page.TotalOpen.Store(5)
	page.Budget.Used.Store(7)
	s.mu.Lock()
	s.members[0].leave()
	s.mu.Unlock()
	_ = w.Close() // now it ends
	s.workers.Wait()
	slot := page.Slots[0]
	if page.count() != 0 || slot.Open.Load() != 0 || slot.Buffered.Load() != 0 || page.TotalOpen.Load() != 0 ||
		page.Budget.Used.Load() != 0 || slot.Accepted.Load() != 9 {
		t.Errorf("%d workers, %d open, %d buffered, %d in all", page.count(), slot.Open.Load(), slot.Buffered.Load(),
			page.TotalOpen.Load())
	}
	if !strings.Contains(said.String(), "worker 0 ended (exit status 1) with 5 connections, while it was leaving") ||
		s.Restarts(0) != 1 {
		t.Errorf("said %q, %d restarts", said.String(), s.Restarts(0))
	}
	if s.CPU() <= 0 {
		t.Errorf("the processor time of those that have ended is %v", s.CPU())
	}
}
