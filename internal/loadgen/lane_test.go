package loadgen

import (
	"context"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/unit"
)

// laneEngine is an engine whose threads have sizes and nothing else.
func laneEngine(lanes int, sizes ...int64) *Engine {
	e := &Engine{lanes: lanes, sizes: sizes}
	for range sizes {
		e.threads = append(e.threads, &thread{})
	}
	return e
}

// Connects come one by one over the whole ramp, in equal steps: no lane begins with
// a burst, none is done before the others, and the threads of a lane follow each
// other, on the way up and on the way down.
func TestLanesTakeTurns(t *testing.T) {
	const rate = 1000
	for _, lanes := range []int{1, 2, 3} {
		e := laneEngine(lanes, 40, 41, 41, 40, 41)
		at := int64(0)
		for _, to := range []int64{203, 100, 101, 7, 203, 0} {
			e.makeLanes(to, rate, to < at)
			began := make([]bool, len(e.threads))
			way := max(to-at, at-to)
			for i := range way {
				since := time.Duration(i) * time.Second / rate
				for _, now := range []struct {
					since time.Duration
					want  int64
				}{{since + 100*time.Microsecond, i + 1}, {since - 100*time.Microsecond, i}} {
					sum := int64(0)
					for k, one := range e.threads {
						size := max(one.lane.to-one.lane.at, one.lane.at-one.lane.to)
						due := min(size, one.lane.due(now.since))
						sum += due
						if due > 0 && !began[k] {
							began[k] = true
							if k >= lanes && min(1, e.threads[k-lanes].lane.due(now.since)) == 0 {
								t.Fatalf("thread %d begins before the one whose place it takes", k)
							}
						}
					}
					if sum != now.want {
						t.Fatalf("%d lanes, %d to %d: %d are due at %v, want %d", lanes, at, to, sum, now.since,
							now.want)
					}
				}
			}
			sum := int64(0)
			for _, one := range e.threads {
				one.lane.at = one.lane.to
				sum += one.lane.at
			}
			if sum != to {
				t.Fatalf("%d lanes: %d are open at the end, want %d", lanes, sum, to)
			}
			at = to
		}
	}
}

// A ramp that was halted leaves threads with fewer than their share: a way down
// opens nothing in them, and a way up closes nothing in others.
func TestLanesAfterAHalt(t *testing.T) {
	e := laneEngine(1, 10, 10)
	e.threads[0].lane.at, e.threads[1].lane.at = 10, 2
	e.makeLanes(8, 0, true)
	if a, b := e.threads[0].lane, e.threads[1].lane; a.to != 4 || b.to != 2 || a.due(0) != 6 || b.due(0) != 0 {
		t.Errorf("on the way down %+v, %+v", a, b)
	}
	e.threads[0].lane.at = 10
	e.makeLanes(12, 0, false)
	if a, b := e.threads[0].lane, e.threads[1].lane; a.to != 10 || b.to != 6 {
		t.Errorf("on the way up %+v, %+v", a, b)
	}
}

// Stages over real threads: what each leaves open is exact, and slots that were
// closed open again.
func TestMoveTo(t *testing.T) {
	for _, threads := range []int{1, 3} {
		p := testPlan(echoServer(t), 300, threads)
		e, err := Start(p, 64)
		if err != nil {
			t.Fatal(err)
		}
		ctx := context.Background()
		want := Counts{}
		for _, to := range []int64{100, 300, 0, 250, 50} {
			before := want.Open()
			e.MoveTo(ctx, to, unit.Rate(20_000))
			want.Attempted += max(0, to-before)
			want.Established += max(0, to-before)
			want.Closed += max(0, before-to)
			if c := e.Counts(); c != want {
				t.Fatalf("%d threads: after the way to %d %+v, want %+v", threads, to, c, want)
			}
		}
		e.Exchange(ctx, Exchange{Size: 64, PerConn: 2, Drain: time.Minute})
		if c := e.Counts(); c.Received != 100 {
			t.Errorf("%d threads: %d echoes over 50 connections, want 100", threads, c.Received)
		}
		e.Halt("enough")
		e.MoveTo(ctx, 300, 0)
		e.MoveTo(ctx, 10, 0)
		if c := e.Counts(); c.Open() != 10 || c.Attempted != want.Attempted {
			t.Errorf("%d threads: halted, a way up and one down: %+v, want 10 open", threads, c)
		}
		if _, err := e.Stop(); err != nil {
			t.Error(err)
		}
	}
}

// An interrupt ends a way down where it is.
func TestMoveToIsInterrupted(t *testing.T) {
	e, err := Start(testPlan(echoServer(t), 300, 2), 64)
	if err != nil {
		t.Fatal(err)
	}
	e.Ramp(context.Background())
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	e.MoveTo(ctx, 0, 1)
	if c := e.Counts(); c.Open() < 290 {
		t.Errorf("%+v: an interrupted way down of one a second went on", c)
	}
	if _, err := e.Stop(); err != nil {
		t.Error(err)
	}
}

// On the way down nobody restores what was lost, whether it waits for its next try
// or is connecting again; on the next way up it is opened like the others.
func TestWayDownGivesUpWhatWasLost(t *testing.T) {
	p := testPlan(1, 20, 1)
	p.Reconnect = true
	one, _ := idleThread(t, p)
	m := newMirror(t, one)
	m.ramp(one)
	cs := one.cs
	for slot := range int64(20) {
		if slot%2 == 0 {
			cs.link.close(slot, false)
			cs.ended(slot, readReset)
		}
	}
	cs.epoch = cs.epoch.Add(-firstPause) // half of them are due
	cs.reconnect.step()
	if len(cs.reconnect.trying) == 0 || len(cs.reconnect.waiting) == 0 {
		t.Fatalf("%d are connecting again, %d wait", len(cs.reconnect.trying), len(cs.reconnect.waiting))
	}
	one.lane = lane{at: 20}
	m.work(one, newRampDown(cs, &one.lane, time.Now(), func() {}))
	cs.epoch = cs.epoch.Add(-time.Minute)
	cs.reconnect.step()
	if c := cs.total(); c.Open() != 10-c.Closed || c.Reconnected != 0 || !cs.reconnect.idle() || c.Closed != 10 {
		t.Fatalf("%+v after the way down, %d are connecting again", c, len(cs.reconnect.trying))
	}
	one.lane.to = 20
	m.work(one, newRamp(cs, &one.lane, time.Now(), func() {}))
	if c := cs.total(); c.Established != 40 || c.Lost != 10 {
		t.Errorf("%+v after the next way up", c)
	}
}

// A plan's own ramp is the way from none to all.
func TestRampIsTheWayToAll(t *testing.T) {
	p := testPlan(echoServer(t), 40, 3)
	e, err := Start(p, 64)
	if err != nil {
		t.Fatal(err)
	}
	e.Ramp(context.Background())
	for i, one := range e.threads {
		if want := plan.Deal(i, 40, e.sizes); one.lane.at != want || one.cs.total().Open() != want {
			t.Errorf("thread %d has %+v, want %d", i, one.lane, want)
		}
	}
	if _, err := e.Stop(); err != nil {
		t.Error(err)
	}
}
