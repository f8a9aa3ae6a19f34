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
// full. Few connections take this way, those that the distribution gets wrong, so it
// may cost more than an accept does.

// serveSocket finds a worker for each connection that worker from passes on, until
// that worker's socket is closed.
func (s *Supervisor) serveSocket(from int, socket *net.UnixConn) {
	for {
		_, fd, err := receiveFD(socket)
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

// waitAgain is how often place tries again.
const waitAgain = 2 * time.Millisecond

// place gives a connection to a worker with room. Where there is none, but one is
// being started, the connection is parked, so that the next can be read; where all
// with room are busy, place tries again; otherwise the connection is refused, like one
// above --max-conns. Once as many are parked as may be, place does not return, so
// nothing more is read from that worker: it blocks in PassOn, and new connections wait
// in its backlog.
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

// giveTime is how long a worker with room may take to accept a connection from the
// supervisor. It must be short: of two workers that have just become full, each with a
// socket full of connections that it was sent before, each would wait until the
// supervisor reads what the other passes on.
const giveTime = 2 * time.Millisecond

// give sends a connection to the worker that has the most room, if any has. busy
// says that one has, but the send buffer of its socket is full.
func (s *Supervisor) give(w waiting) (given, busy bool) {
	var tried []int // workers that have just died, or are busy
	for {
		to := s.roomiest(tried)
		if to < 0 {
			return false, busy
		}
		s.Page.states[to].handed.Add(1)
		if socket := s.socketOf(to); socket != nil {
			err := sendFD(socket, kindClient, w.fd, giveTime)
			if err == nil {
				_ = syscall.Close(w.fd)
				return true, false
			}
			busy = busy || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, syscall.ETOOMANYREFS)
		}
		s.Page.states[to].handed.Add(-1)
		tried = append(tried, to)
	}
}

// room is how many connections worker i can still take.
func (s *Supervisor) room(i int) int64 {
	state := s.Page.states[i]
	return s.Limit - s.Page.Slots[i].Open.Load() - max(0, state.handed.Load()-state.taken.Load())
}

// roomiest is the worker with the most room, except for some; -1 if none has any.
func (s *Supervisor) roomiest(but []int) int {
	best, most := -1, int64(0)
	for i, slot := range s.Page.Workers() {
		if echo.State(slot.State.Load()) != echo.Ready || s.leaves(i) || slices.Contains(but, i) {
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
