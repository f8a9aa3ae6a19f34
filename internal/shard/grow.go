package shard

import (
	"cmp"
	"context"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/c10m/c10m/internal/echo"
)

const (
	// adjustEvery is how often the supervisor checks whether workers are full.
	adjustEvery = 20 * time.Millisecond
	// Another worker is started when fullPart of fullOf of all workers' room is taken,
	// or will be by the time that a new worker accepts.
	fullPart, fullOf = 4, 5
	// At most one part in mostAhead of all room is expected to fill until a new worker
	// accepts: a rate that is high for a moment must not start processes for a ramp that
	// is nearly over.
	mostAhead = 2
	// dealEvery is the least time between two changes of the distribution: attaching the
	// program to hundreds of ports takes milliseconds.
	dealEvery = 500 * time.Millisecond
	// growAgain is how long to wait after a worker could not be started.
	growAgain = time.Second
	// dealAgain is the same after the program could not be attached: where the kernel
	// forbids it, it will the next time.
	dealAgain = 10 * time.Second
	// leaveTime is the least time that a worker goes on accepting after it was taken out
	// of the distribution: its backlogs may still have connections.
	leaveTime = time.Second
	// goneTime is how far apart two workers must have ended for it to be known which of
	// them was first.
	goneTime = time.Second
)

// member is what the supervisor knows of a worker, beside what they share in the Page.
type member struct {
	stop    context.CancelFunc // drains it
	entered time.Time          // when it was started; zero once it accepts
	leaving bool               // it gets no more connections: it is being recycled or retired
	left    time.Time          // since when the distribution says so; zero: it does not yet
	spare   bool               // it is being retired
	told    bool               // it has been told to end, as a spare one
	fresh   bool               // it was added after the server was ready, and does not accept yet
	began   int64              // messages that its slot had counted before it was started
	most    int64              // messages after which it is recycled; 0: never
}

// recycling is the replacement of a worker that is under way.
type recycling struct {
	old, successor int
	left           time.Time // when old began to leave; zero: the successor is not ready yet
}

// adjust adjusts the number of workers and the distribution among them, until ctx
// ends.
func (s *Supervisor) adjust(ctx context.Context, start func(i int)) {
	tick := time.NewTicker(adjustEvery)
	defer tick.Stop()
	// A worker that is told to attach the program may be slow or stopped: that must not
	// hold up the rest, so deal runs in a goroutine of its own.
	dealt, dealing, changed := make(chan struct{}, 1), false, false
	for {
		select {
		case <-ctx.Done():
			return
		case <-dealt:
			dealing = false
		case <-tick.C:
		}
		changed = s.observe() || changed
		if i := s.wanted(); i >= 0 {
			start(i)
		}
		if !dealing && !changed {
			s.retire(time.Now())
		}
		if !dealing && (changed || s.outdated(time.Now())) {
			dealing, changed = true, false
			go func() {
				s.deal()
				dealt <- struct{}{}
			}()
		}
		s.unpark()
		if i := s.recycle(time.Now()); i >= 0 {
			start(i)
		}
	}
}

// observe notes which workers have begun to listen; true if the distribution of
// connections has to be changed for them.
func (s *Supervisor) observe() (changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		next, who := int64(math.MaxInt64), -1
		for i := range s.Page.Workers() {
			if joined := s.Page.states[i].joined.Load(); joined > s.seen && joined < next {
				next, who = joined, i
			}
		}
		if who < 0 {
			break
		}
		s.order.join(who)
		s.members[who].fresh = false
		if at := &s.members[who].entered; !at.IsZero() {
			s.startTook, *at = time.Since(*at), time.Time{}
		}
		s.seen, changed = next, true
	}
	changed = changed || s.stale
	s.stale = false
	return changed
}

// gone notes that worker i has ended.
func (s *Supervisor) gone(i int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.order.last() != i { // the last one's end moves no other, whoever comes or goes meanwhile
		for j := range s.Page.Workers() {
			if state := s.Page.states[j]; j != i && (state.binding.Load() != 0 || state.joined.Load() > s.seen) {
				s.order.unknown = true // it has joined some groups before that and some after
			}
		}
		now := time.Now()
		if now.Sub(s.lastGone) < goneTime {
			s.order.unknown = true // two at a time: in some groups either may have gone first
		}
		s.lastGone = now
	}
	s.order.leave(i)
	state := s.Page.states[i]
	state.joined.Store(0)
	state.binding.Store(0)
	state.handed.Store(0)
	state.taken.Store(0)
	s.stale = true
}

// weights are the shares of new connections that the sockets of a port get, in the
// order of the sockets. If that order is not known all get the same, and full workers
// pass connections on.
func (s *Supervisor) weights() (weights []uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	room := make([]int64, 0, len(s.order.workers))
	for _, i := range s.order.workers {
		r := s.room(i)
		if s.order.unknown {
			r = 1
		} else if s.members[i].leaving {
			r = never
		}
		room = append(room, r)
	}
	for _, w := range weigh(room) {
		for range max(1, s.Loops) {
			weights = append(weights, w)
		}
	}
	return weights
}

// outdated says whether workers have filled so differently that they should get
// other shares.
func (s *Supervisor) outdated(now time.Time) bool {
	if s.undealt {
		return now.Sub(s.dealt) >= dealAgain
	}
	return now.Sub(s.dealt) >= dealEvery && !slices.Equal(s.weights(), s.attached)
}

// deal has one worker attach the BPF program with new weights to the SO_REUSEPORT
// groups. Any worker can, as each has a socket in every group. The one with the most
// room is asked first: a full one may be waiting in PassOn.
func (s *Supervisor) deal() {
	leaving := s.excluded()
	weights := s.weights()
	if len(weights) == 0 {
		return
	}
	s.attached, s.dealt, s.dealings = weights, time.Now(), s.dealings+1
	var err error
	for _, i := range s.byRoom() {
		if err = s.tellDealing(i, dealing{s.key, s.dealings, weights}); err == nil {
			s.undealt = false
			s.exclude(leaving, time.Now())
			return
		}
	}
	s.undealt = true
	if err != nil && !s.quiet && !s.ended.Load() {
		s.quiet = true // say it once
		s.Logf("%v; workers get their connections by the kernel's hash", err)
	}
}

// excluded are the members that the next distribution leaves out, and the one in force
// did not.
func (s *Supervisor) excluded() (list []*member) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.Page.Workers() {
		if m := &s.members[i]; m.leaving && m.left.IsZero() && !s.order.unknown {
			list = append(list, m)
		}
	}
	return list
}

// exclude notes that they have been left out.
func (s *Supervisor) exclude(list []*member, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range list {
		if m.leaving {
			m.left = now
		}
	}
}

// byRoom lists the workers that accept, the one with the most room first, and those
// that are leaving last.
func (s *Supervisor) byRoom() (list []int) {
	room := map[int]int64{}
	for i, slot := range s.Page.Workers() {
		if echo.State(slot.State.Load()) == echo.Ready {
			if room[i] = s.room(i); s.leaves(i) {
				room[i] = never
			}
			list = append(list, i)
		}
	}
	slices.SortStableFunc(list, func(i, j int) int { return cmp.Compare(room[j], room[i]) })
	return list
}

// living is how many workers there are, without those that are leaving.
func (s *Supervisor) living() (n int) {
	for i := range s.Page.Workers() {
		if !s.members[i].leaving {
			n++
		}
	}
	return n
}

// starting is how many of the workers do not accept yet.
func (s *Supervisor) starting() (n int) {
	for _, slot := range s.Page.Workers() {
		if echo.State(slot.State.Load()) == echo.Starting {
			n++
		}
	}
	return n
}

// canGrow says whether there may be one more worker.
func (s *Supervisor) canGrow() bool {
	return s.living() < s.Most && time.Since(s.failed) >= growAgain
}

// wanted is the slot in which one more worker is to be started; -1 if there are enough
// workers, or no more can be started now.
func (s *Supervisor) wanted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	open := s.open()
	rate := s.pace.measure(time.Now(), open)
	if !s.canGrow() || s.starting() >= runtime.NumCPU() {
		return -1
	}
	if !s.tooFull(open, rate) || s.keepSpare() {
		return -1
	}
	return s.vacant()
}

// open is how many connections the workers hold, and how many wait for one.
func (s *Supervisor) open() int64 {
	open := int64(len(s.parked))
	for _, slot := range s.Page.Workers() {
		open += slot.Open.Load()
	}
	return open
}

// tooFull says whether the workers have too little room for open connections and for
// those that come, at rate a second, until another worker accepts.
func (s *Supervisor) tooFull(open int64, rate float64) bool {
	holds := s.Limit * int64(s.living())
	ahead := min(int64(rate*s.startTook.Seconds()), holds/mostAhead)
	return fullOf*(open+ahead) >= fullPart*holds
}

// pace is how fast the number of connections grows.
type pace struct {
	at   time.Time
	open int64
	rate float64 // a second
}

// paceTime is the shortest time over which a rate is measured.
const paceTime = adjustEvery / 2

// measure takes in how many connections are open now and returns by how many a second
// they grow. From one measurement to the next the rate falls by half at most, because a
// ramp halts now and then.
func (p *pace) measure(now time.Time, open int64) float64 {
	past := now.Sub(p.at)
	if past < paceTime {
		return p.rate
	}
	if !p.at.IsZero() {
		p.rate = max(float64(open-p.open)/past.Seconds(), p.rate/2)
	}
	p.at, p.open = now, open
	return p.rate
}

// vacant is a slot without a worker, -1 if there is none.
func (s *Supervisor) vacant() int {
	for i, state := range s.Page.states {
		if state.exists.Load() == 0 {
			return i
		}
	}
	return -1
}

// recycle replaces workers that have echoed their number of messages, one at a time:
// a successor is started; once it accepts, the old worker gets no more connections; and
// when its last connection has closed, or after Drain, the old worker is ended. recycle
// returns the slot of a successor to be started, or -1.
func (s *Supervisor) recycle(now time.Time) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.recycling
	if r == nil {
		return s.recycleNext()
	}
	states, slots := s.Page.states, s.Page.Slots
	switch {
	case states[r.old].exists.Load() == 0: // it has ended, by stop below or by itself
		if !r.left.IsZero() {
			s.recycled.Add(1)
		}
		s.recycling = nil
	case r.left.IsZero() && states[r.successor].exists.Load() == 0:
		s.recycling = nil // it could not be started
	case r.left.IsZero():
		if echo.State(slots[r.successor].State.Load()) == echo.Ready && states[r.successor].joined.Load() <= s.seen {
			r.left, s.stale = now, true
			s.members[r.old].leave()
		}
	case now.Sub(r.left) >= max(s.Drain, leaveTime), s.mayEnd(r.old, now, leaveTime):
		s.members[r.old].stop()
	}
	return -1
}

// recycleNext begins to replace a worker that has echoed its number of messages, unless
// one is just starting. It returns what recycle does.
func (s *Supervisor) recycleNext() int {
	if s.starting() > 0 || time.Since(s.failed) < growAgain {
		return -1
	}
	for i, slot := range s.Page.Workers() {
		m := &s.members[i]
		if m.most == 0 || m.leaving {
			continue
		}
		if messages, _ := slot.Messages(); messages-m.began < m.most {
			continue
		}
		if successor := s.vacant(); successor >= 0 {
			s.recycling = &recycling{old: i, successor: successor}
			return successor
		}
	}
	return -1
}

// enter gives slot i to a new worker, which stop drains.
func (s *Supervisor) enter(i int, stop context.CancelFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := &s.members[i]
	*m = member{stop: stop, fresh: s.started.Load(), entered: time.Now()}
	s.Page.Slots[i].Reset()
	s.Page.Slots[i].PID.Store(0)
	s.Page.states[i].exists.Store(1)
}

// begin notes that worker i's process is about to start.
func (s *Supervisor) begin(i int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := &s.members[i]
	m.began, _ = s.Page.Slots[i].Messages()
	if m.most = 0; s.RecycleAfter > 0 {
		m.most = s.RecycleAfter + rand.Int64N(s.RecycleJitter+1)
	}
}

// vacate frees slot i. failed says that its worker never accepted.
func (s *Supervisor) vacate(i int, failed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Page.Slots[i].Reset()
	s.Page.states[i].exists.Store(0)
	if failed {
		s.failed = time.Now()
	}
}

// Leaving says whether worker i gets no more connections because it is being replaced,
// or, which spare says, because fewer workers are enough. It may be called before Run.
func (s *Supervisor) Leaving(i int) (leaving, spare bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i >= len(s.members) {
		return false, false
	}
	return s.members[i].leaving, s.members[i].spare
}

// leaves says whether worker i gets no more connections.
func (s *Supervisor) leaves(i int) bool {
	leaving, _ := s.Leaving(i)
	return leaving
}

// Needed says whether the server is not ready without worker i: one that is just
// being added is not needed yet.
func (s *Supervisor) Needed(i int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return i >= len(s.members) || !s.members[i].fresh && !s.members[i].leaving
}

// Recycled is how many workers have been replaced after their number of messages.
func (s *Supervisor) Recycled() int64 { return s.recycled.Load() }

// launch starts worker i and keeps it running until ctx ends or it is stopped.
func (s *Supervisor) launch(ctx context.Context, cancel context.CancelCauseFunc, i int, life *os.File) {
	mine, stop := context.WithCancel(ctx)
	s.enter(i, stop)
	s.workers.Go(func() {
		defer stop()
		s.keep(ctx, mine, cancel, i, life)
	})
}
