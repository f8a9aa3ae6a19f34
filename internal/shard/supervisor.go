package shard

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/c10m/c10m/internal/echo"
	"github.com/c10m/c10m/internal/sys"
)

// Supervisor starts worker processes, one in a slot of Page, and keeps them
// running: First of them at once, one more each time that those there are nearly
// full, up to Most, and fewer again once they have long been nearly empty.
type Supervisor struct {
	Page    *Page
	First   int                   // workers to begin with
	Most    int                   // workers at a time; Page has a slot more if they are recycled
	Limit   int64                 // connections of each worker
	Loops   int                   // event loops of each worker
	Parked  int                   // connections that may wait here for a worker that is being started
	Command func(i int) *exec.Cmd // worker i's command line; fds are added here
	Secrets []byte                // what workers read by InheritSecrets; nil: nothing
	Drain   time.Duration         // how long a worker may take to end once it is told to
	Logf    func(format string, args ...any)
	// A worker is recycled after RecycleAfter messages and a random number of further
	// ones, up to RecycleJitter, so that not all are due at once. 0: never.
	RecycleAfter, RecycleJitter int64

	counted   sync.Once
	restarts  []atomic.Int64 // by restartsOf
	started   atomic.Bool    // the first workers have all been ready
	recycled  atomic.Int64
	workers   sync.WaitGroup
	socketsMu sync.Mutex
	sockets   []*net.UnixConn // by worker; nil: not started
	secrets   *os.File        // nil: there are none
	key       sys.SteerKey    // the secret key of the distribution
	attached  []uint32        // the weights in force, and since when
	dealt     time.Time
	dealings  int64 // how many distributions there have been
	undealt   bool  // the last could not be attached
	quiet     bool  // that has been logged
	ended     atomic.Bool
	usedUp    atomic.Int64 // processor time of workers that have ended, ns

	mu        sync.Mutex // over all below
	members   []member   // by worker
	order     order
	seen      int64 // the last of Page.joins that order knows
	stale     bool  // order has changed since the program was attached
	lastGone  time.Time
	startTook time.Duration // until the last one that was started accepted
	pace      pace
	failed    time.Time // when a worker could not be started
	parked    []waiting
	recycling *recycling // nil: none is under way

	spareSince time.Time // since when fewer workers would be enough; zero: they are not
}

// startTimeout bounds how long all workers together may take to accept, plus
// startOfWorker for each.
const (
	startTimeout  = 60 * time.Second
	startOfWorker = 100 * time.Millisecond
)

// minLife is how long a worker must have run for a restart without delay. One that
// ends sooner is restarted at once the first time, too; from the second time in a row
// on the restart waits for minLife, so that a broken worker does not loop.
const minLife = time.Second

// Run starts the workers, calls ready when all of them accept, and returns nil
// after ctx has ended and all workers have. A worker that cannot start at all
// ends the others: nothing half-started stays behind.
func (s *Supervisor) Run(ctx context.Context, ready func()) error {
	// The supervisor allocates only for reports. A small heap keeps its garbage out of
	// the memory that is measured for the connections.
	debug.SetGCPercent(smallHeap)
	life, hold, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make lifeline: %w", err)
	}
	defer func() { _ = life.Close() }()
	defer func() { _ = hold.Close() }()
	defer s.closeSockets()
	if s.Secrets != nil {
		if s.secrets, err = secretFile(s.Secrets); err != nil {
			return err
		}
		defer func() { _ = s.secrets.Close() }()
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s.mu.Lock()
	s.key, s.members = sys.NewSteerKey(), make([]member, len(s.Page.Slots))
	s.mu.Unlock()
	start := func(i int) { s.launch(ctx, cancel, i, life) }
	for i := range s.First {
		start(i)
	}
	if s.awaitReady(ctx, cancel) {
		s.observe()
		s.deal()
		s.started.Store(true)
		ready()
		s.adjust(ctx, start)
	}
	<-ctx.Done()
	s.ended.Store(true)
	s.workers.Wait()
	s.dropParked()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// CPU is the processor time of all workers that have ended.
func (s *Supervisor) CPU() time.Duration { return time.Duration(s.usedUp.Load()) }

// Restarts is how often a worker i has ended by itself, after which it was restarted
// unless it was leaving anyway. It may be called before Run.
func (s *Supervisor) Restarts(i int) int64 { return s.restartsOf(i).Load() }

func (s *Supervisor) restartsOf(i int) *atomic.Int64 {
	s.counted.Do(func() { s.restarts = make([]atomic.Int64, len(s.Page.Slots)) })
	return &s.restarts[i]
}

// awaitReady polls the page until every worker is ready.
func (s *Supervisor) awaitReady(ctx context.Context, cancel context.CancelCauseFunc) bool {
	timeout := startTimeout + time.Duration(s.First)*startOfWorker
	deadline := time.Now().Add(timeout)
	for ctx.Err() == nil {
		waiting := 0
		for i, slot := range s.Page.Workers() {
			if s.Page.states[i].joined.Load() == 0 || echo.State(slot.State.Load()) != echo.Ready {
				waiting++
			}
		}
		if waiting == 0 {
			return true
		}
		if time.Now().After(deadline) {
			cancel(fmt.Errorf("start workers: %d of %d do not accept after %v", waiting, s.First, timeout))
			return false
		}
		time.Sleep(2 * time.Millisecond)
	}
	return false
}

// keep runs worker i until ctx (the server) or mine (its own) ends. A worker that
// has never accepted is not restarted here: the others go on without it.
func (s *Supervisor) keep(ctx, mine context.Context, cancel context.CancelCauseFunc, i int, life *os.File) {
	slot := s.Page.Slots[i]
	young := 0 // times in a row that it ended before minLife
	for first := true; mine.Err() == nil; first = false {
		began := time.Now()
		s.begin(i)
		err := s.once(mine, i, life)
		if ctx.Err() != nil {
			return
		}
		accepted := s.Page.states[i].joined.Load() != 0
		s.setSocket(i, nil)
		s.gone(i)
		lost := slot.Open.Load()
		s.Page.TotalOpen.Add(-lost)
		s.Page.Budget.Used.Add(-slot.Buffered.Load())
		switch {
		case mine.Err() != nil: // recycled or retired
			s.vacate(i, false)
			return
		case s.leaves(i):
			s.vacate(i, false)
			s.restartsOf(i).Add(1)
			s.Logf("worker %d ended (%v) with %d connections, while it was leaving", i, err, lost)
			return
		case !s.started.Load():
			cancel(fmt.Errorf("start worker %d: %w", i, err))
			return
		case first && !accepted:
			s.vacate(i, true)
			s.Logf("worker %d could not be started (%v): the server goes on without it", i, err)
			return
		}
		slot.Reset()
		s.restartsOf(i).Add(1)
		s.Logf("worker %d ended (%v) with %d connections; restarting it", i, err, lost)
		if time.Since(began) >= minLife {
			young = 0
			continue
		}
		if young++; young < 2 {
			continue
		}
		select {
		case <-mine.Done():
		case <-time.After(minLife):
		}
	}
}

// timerSlack is how much longer the timers of a worker that shares its core may
// take; none of them measures anything finer than 100 ms.
const timerSlack = 10 * time.Millisecond

// smallHeap is the GC percentage that keeps a small heap small: a collection
// each megabyte rather than each four.
const smallHeap = 25

// groupSignal is how much later than a worker the supervisor may get a signal that was
// sent to the whole process group.
const groupSignal = 300 * time.Millisecond

// once starts worker i and waits for its end.
func (s *Supervisor) once(ctx context.Context, i int, life *os.File) error {
	cmd := s.Command(i)
	socket, err := s.openSocket(i)
	if err != nil {
		return err
	}
	cmd.ExtraFiles = []*os.File{s.Page.file, life, socket} // pageFD, lifelineFD, socketFD
	if s.secrets != nil {
		cmd.ExtraFiles = append(cmd.ExtraFiles, s.secrets) // secretsFD
	}
	start := (*exec.Cmd).Start
	if len(s.Page.Slots) > runtime.NumCPU() {
		start = func(c *exec.Cmd) error { return sys.StartSlack(c, timerSlack) }
	}
	err = start(cmd)
	_ = socket.Close() // only the worker has this end now: ours ends with the worker
	if err != nil {
		return fmt.Errorf("start process: %w", err)
	}
	ended := make(chan error, 1)
	go func() {
		err := cmd.Wait()
		if of := cmd.ProcessState; of != nil {
			s.usedUp.Add(int64(of.UserTime() + of.SystemTime()))
		}
		ended <- err
	}()
	select {
	case err := <-ended:
		if err != nil {
			return err
		}
		// It ended with status 0, though we did not tell it to.
		select {
		case <-ctx.Done():
		case <-time.After(groupSignal):
		}
		return errors.New("ended by another process")
	case <-ctx.Done():
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-ended:
		return err
	case <-time.After(s.Drain):
		s.Logf("worker %d did not end within %v (--drain): killed with %d connections", i, s.Drain,
			s.Page.Slots[i].Open.Load())
		_ = cmd.Process.Kill()
		return <-ended
	}
}
