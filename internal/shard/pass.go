package shard

import (
	"errors"
	"net"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/c10m/c10m/internal/echo"
)

// A full worker passes on what it accepts: it sends the descriptor to the
// supervisor, which sends it to the worker with the most room. The alternatives
// are worse. A full worker that closes its listeners resets all connections in
// their backlogs; one that stops accepting lets them wait until another connection
// ends; and a BPF program that distributes connections cannot know which worker is
// full. This is only for what the distribution gets wrong, so it may cost more
// than an accept does.

// watchDoor finds a place for what worker from passes on, until its door is shut.
func (s *Supervisor) watchDoor(from int, door *net.UnixConn) {
	for {
		_, fd, err := receive(door)
		switch {
		case errors.Is(err, errNothing):
			continue
		case err != nil:
			return
		}
		s.place(waiting{fd, from})
	}
}

// waiting is a connection that has no worker yet, and which worker accepted it.
type waiting struct{ fd, from int }

// waitAgain is how often one that waits in its worker's door looks for a place.
const waitAgain = 2 * time.Millisecond

// place gives a connection to a worker with room. If there is none, but soon will
// be, or one is busy, it waits here; otherwise it is refused, like one above
// --max-conns. When too many wait, the doors are not read until there is room: full
// workers block there, and new connections wait in the backlog.
func (s *Supervisor) place(w waiting) {
	for {
		given, busy := s.give(w)
		if given {
			return
		}
		s.mu.Lock()
		hope := !s.ended.Load() && (s.canGrow() || s.starting() > 0)
		park := hope && len(s.parked) < s.Parked
		if park {
			s.parked = append(s.parked, w)
		}
		s.mu.Unlock()
		switch {
		case park:
			return
		case !hope && !busy:
			s.refuse(w)
			return
		}
		time.Sleep(waitAgain)
	}
}

// giveTime is how long a worker with room may take to let one in. Nobody may wait
// for long here: two workers that have just become full, each with a door full of
// what it was handed before, would wait for what they themselves pass on.
const giveTime = 2 * time.Millisecond

// give sends a connection to the worker that has the most room, if any has. busy
// says that one has, but its door is full.
func (s *Supervisor) give(w waiting) (given, busy bool) {
	var tried []int // in vain: these workers have just died, or are busy
	for {
		to := s.roomiest(tried)
		if to < 0 {
			return false, busy
		}
		s.Page.seats[to].handed.Add(1)
		if door := s.doorOf(to); door != nil {
			err := hand(door, client, w.fd, giveTime)
			if err == nil {
				_ = syscall.Close(w.fd)
				return true, false
			}
			busy = busy || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, syscall.ETOOMANYREFS)
		}
		s.Page.seats[to].handed.Add(-1)
		tried = append(tried, to)
	}
}

// room is how many connections worker i can still take.
func (s *Supervisor) room(i int) int64 {
	seat := s.Page.seats[i]
	return s.Limit - s.Page.Slots[i].Open.Load() - max(0, seat.handed.Load()-seat.taken.Load())
}

// roomiest is the worker with the most room, except for some; -1 if none has any.
func (s *Supervisor) roomiest(but []int) int {
	best, most := -1, int64(0)
	for i, slot := range s.Page.Workers() {
		if echo.State(slot.State.Load()) != echo.Ready || s.isLeaving(i) || slices.Contains(but, i) {
			continue
		}
		if r := s.room(i); r > most {
			best, most = i, r
		}
	}
	return best
}

// unpark gives waiting connections to workers that now have room. If no worker
// will have any, they are refused.
func (s *Supervisor) unpark() {
	for {
		s.mu.Lock()
		if len(s.parked) == 0 {
			s.mu.Unlock()
			return
		}
		w, hope := s.parked[0], s.canGrow() || s.starting() > 0
		s.parked = s.parked[1:]
		s.mu.Unlock()
		given, busy := s.give(w)
		if given {
			continue
		}
		if !hope && !busy {
			s.refuse(w)
			continue
		}
		s.mu.Lock()
		s.parked = append(s.parked, w)
		s.mu.Unlock()
		return
	}
}

// refuse ends a connection with RST, and counts it where it was accepted.
func (s *Supervisor) refuse(w waiting) {
	slot := s.Page.Slots[w.from]
	slot.Accepted.Add(1)
	slot.Closed.Add(1)
	slot.Causes[echo.OverLimit].Add(1)
	_ = syscall.SetsockoptLinger(w.fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1})
	_ = syscall.Close(w.fd)
}

// dropParked refuses the connections that still wait at the end.
func (s *Supervisor) dropParked() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.parked {
		s.refuse(w)
	}
	s.parked = nil
}
