package fleet

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/c10m/c10m/tests/nettest"
)

// TestTenAgents: a fleet of ten goes through its gates together, each with its own
// command line, and again with the same agents.
func TestTenAgents(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var agents []*running
	for i := range 10 {
		agents = append(agents, r.agent(fmt.Sprintf("a%d", i), &simulated{room: int64(100 + i)}))
	}
	for round := range 2 {
		l := r.lead
		if round > 0 {
			l = r.follow(r.hub.Lead, "again")
		}
		ctx := within(t)
		if err := l.Gather(ctx, 10, 30*time.Second); err != nil {
			t.Fatal(err)
		}
		rooms, err := l.Look(ctx, argsFor(10))
		if err != nil {
			t.Fatal(err)
		}
		for i, room := range rooms {
			if room.Agent != fmt.Sprint("a", i) || room.Limits[0].Max != int64(100+i) {
				t.Errorf("room %d is %+v, in the order of the names it is %d", i, room, 100+i)
			}
		}
		out, err := l.through(ctx, argsFor(10), func(gate string) {
			for _, a := range agents {
				if !a.work.last().openedAt(gate).IsZero() {
					t.Errorf("gate %s was open for one before all stood there", gate)
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, o := range out {
			var got struct{ Part []string }
			if err := json.Unmarshal(o.Result, &got); err != nil || len(got.Part) != 3 ||
				got.Part[2] != fmt.Sprint(i+1) {
				t.Errorf("result of %s is %q (%s)", o.Name, o.Result, o.Why)
			}
		}
		l.Close()
	}
}

// TestClocks: gates open together on machines whose clocks are an hour apart, and
// at once where a clock was set between.
func TestClocks(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var skew [3]time.Duration
	skew[1], skew[2] = time.Hour, -time.Hour
	var agents []*running
	for i := range 3 {
		agents = append(agents, r.agent(fmt.Sprintf("a%d", i), &simulated{}, func(o *AgentOptions) {
			o.Now = func() time.Time { return time.Now().Add(skew[i]) }
		}))
	}
	ctx := within(t)
	if err := r.lead.Gather(ctx, 3, 30*time.Second); err != nil {
		t.Fatal(err)
	}
	out, err := r.lead.through(ctx, argsFor(3), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range out {
		if off := (o.Offset - skew[i]).Abs(); off > o.Within+time.Second {
			t.Errorf("offset of %s is %v, want %v", o.Name, o.Offset, skew[i])
		}
		if o.Drift.Abs() > time.Second {
			t.Errorf("%s drifted by %v", o.Name, o.Drift)
		}
	}
	for _, gate := range gates {
		first, last := agents[0].work.last().openedAt(gate), agents[0].work.last().openedAt(gate)
		for _, a := range agents {
			at := a.work.last().openedAt(gate)
			if at.IsZero() {
				t.Fatalf("gate %s was never opened", gate)
			}
			if at.Before(first) {
				first = at
			}
			if at.After(last) {
				last = at
			}
		}
		t.Logf("gate %s: %v apart", gate, last.Sub(first))
	}
}

func TestDelay(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	for _, tt := range []struct{ ahead, want time.Duration }{
		{200 * time.Millisecond, 200 * time.Millisecond}, {0, 0}, {-time.Second, 0},
		{time.Hour, 0}, {-time.Hour, 0}, {maxDelay, maxDelay},
	} {
		if got := delay(now.Add(tt.ahead), now); got != tt.want {
			t.Errorf("told to go in %v it waits %v, want %v", tt.ahead, got, tt.want)
		}
	}
}

// TestQuickestTripCounts: one slow round trip does not make a clock wrong.
func TestQuickestTripCounts(t *testing.T) {
	t.Parallel()
	now, n := time.Unix(0, 0), 0
	c, err := measureClock(func() time.Time { return now }, func() (time.Time, error) {
		n++
		there := time.Duration(n%3) * 40 * time.Millisecond
		theirs := now.Add(there + time.Millisecond + time.Hour)
		now = now.Add(there + 2*time.Millisecond)
		if n == 3 {
			return time.Time{}, errors.New("lost")
		}
		return theirs, nil
	})
	if err != nil || c.Offset != time.Hour || c.Within != time.Millisecond {
		t.Errorf("offset %v within %v, %v: want 1h within 1ms", c.Offset, c.Within, err)
	}
	if _, err := measureClock(time.Now, func() (time.Time, error) {
		return time.Time{}, errors.New("gone")
	}); err == nil {
		t.Error("a clock that never answers has an offset")
	}
}

// TestGatherSays: who is there, who is not, and whom another has.
func TestGatherSays(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.agent("a", &simulated{})
	r.agent("b", &simulated{})
	ctx := within(t)
	other := r.follow(r.hub.Lead, "other")
	if err := other.Gather(ctx, 1, 30*time.Second); err != nil {
		t.Fatal(err)
	}
	err := r.lead.Gather(ctx, 2, 5*time.Second)
	if !errors.Is(err, ErrTooFew) || !strings.Contains(err.Error(), "1 of 2") ||
		!strings.Contains(err.Error(), "busy with a run of other") {
		t.Errorf("gathering two where one is busy: %v", err)
	}
	if !r.noticed(NoticeBusy, "") {
		t.Error("nobody was told of the busy one")
	}
}

// TestOneTooMany: who is not needed is left alone, and so is one that comes later.
func TestOneTooMany(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var works []*simulated
	for i := range 3 {
		works = append(works, &simulated{})
		r.agent(fmt.Sprint("a", i), works[i])
	}
	ctx := within(t)
	if err := r.lead.Gather(ctx, 2, 30*time.Second); err != nil {
		t.Fatal(err)
	}
	late := &simulated{}
	_, err := r.lead.through(ctx, argsFor(2), func(gate string) {
		if gate == "hold" {
			r.agent("late", late)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	worked := 0
	for _, w := range append(works, late) {
		if w.last() != nil {
			worked++
		}
	}
	if worked != 2 || late.last() != nil {
		t.Errorf("%d of 4 agents worked, the late one: %t; want the 2 that were taken", worked, late.last() != nil)
	}
}

// TestClonedName: two agents of one name are two agents.
func TestClonedName(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.agent("clone", &simulated{})
	r.agent("clone", &simulated{})
	if err := r.lead.Gather(within(t), 2, 30*time.Second); err != nil {
		t.Fatal(err)
	}
	v := r.lead.View()
	if len(v.Members) != 2 || v.Members[0].Name != "clone" || v.Members[1].Name != "clone#2" {
		t.Errorf("members are %+v", v.Members)
	}
}

// TestRestartedAgent takes its own place while the fleet gathers.
func TestRestartedAgent(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	first := r.agent("a", &simulated{})
	ctx := within(t)
	gathered := make(chan error, 1)
	go func() { gathered <- r.lead.Gather(ctx, 2, time.Minute) }()
	nettest.Await(t, "the first to be claimed", func() bool { return len(r.lead.View().Members) == 1 })
	first.kill()
	nettest.Await(t, "its end to be noticed", func() bool { return r.noticed(NoticeGone, "a") })
	r.agent("a", &simulated{})
	r.agent("b", &simulated{})
	if err := <-gathered; err != nil {
		t.Fatal(err)
	}
	out, err := r.lead.through(ctx, argsFor(2), nil)
	if err != nil || out[0].Result == nil || out[1].Result == nil {
		t.Errorf("after the restart: %v, %v", out, err)
	}
}

// TestImpossiblePlan: what one agent cannot do nobody begins, and it is said who.
func TestImpossiblePlan(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	work := &simulated{}
	r.agent("a", work)
	r.agent("b", &simulated{lookErr: fmt.Errorf("%w: no route to 10.9.9.9", ErrUsage)})
	ctx := within(t)
	if err := r.lead.Gather(ctx, 2, 30*time.Second); err != nil {
		t.Fatal(err)
	}
	_, err := r.lead.Look(ctx, argsFor(2))
	if !errors.Is(err, ErrUsage) || !strings.Contains(err.Error(), "agent b: ") ||
		!strings.Contains(err.Error(), "no route") {
		t.Errorf("look: %v", err)
	}
	if err := r.lead.Prepare(ctx, [][]string{{"hold"}, {"hold", "--refuse"}}); !errors.Is(err, ErrUsage) ||
		!strings.Contains(err.Error(), "agent b: ") {
		t.Errorf("prepare: %v", err)
	}
	if p := work.last(); p != nil && !p.openedAt("ramp").IsZero() {
		t.Error("the other has begun")
	}
}

// TestLargeResult: 3 MiB come in parts, whole.
func TestLargeResult(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	large := make([]byte, 3<<20+17)
	_, _ = rand.Read(large)
	r.agent("a", &simulated{result: large})
	ctx := within(t)
	if err := r.lead.Gather(ctx, 1, 30*time.Second); err != nil {
		t.Fatal(err)
	}
	out, err := r.lead.through(ctx, argsFor(1), nil)
	if err != nil || !bytes.Equal(out[0].Result, large) {
		t.Errorf("%d of %d bytes came (%s), %v", len(out[0].Result), len(large), out[0].Why, err)
	}
}

// TestInterrupt in each phase: every part ends with what it has, and the agents are
// free again.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	for _, phase := range gates {
		t.Run(phase, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			for i := range 3 {
				r.agent(fmt.Sprint("a", i),
					&simulated{ramp: time.Hour, hangs: map[bool]string{true: "close"}[phase == "close"]})
			}
			ctx := within(t)
			if err := r.lead.Gather(ctx, 3, 30*time.Second); err != nil {
				t.Fatal(err)
			}
			if err := r.lead.Prepare(ctx, argsFor(3)); err != nil {
				t.Fatal(err)
			}
			if phase != "ramp" { // else all still stand at their first gate
				if err := r.lead.Open(ctx, "ramp", 0); err != nil {
					t.Fatal(err)
				}
			}
			r.lead.Stop(ctx, "interrupted")
			if gate, err := r.lead.Next(ctx); gate != "" || err != nil {
				t.Fatalf("after the interrupt they stand at gate %q: %v", gate, err)
			}
			for _, o := range r.lead.Results(ctx) {
				if string(o.Result) != `{"interrupted":true}` {
					t.Errorf("%s has %q (%s)", o.Name, o.Result, o.Why)
				}
			}
			r.lead.Close()
			again := r.follow(r.hub.Lead, "again")
			if err := again.Gather(ctx, 3, 30*time.Second); err != nil {
				t.Errorf("the next run: %v", err)
			}
		})
	}
}

// BenchmarkHundredAgents: the preflight of a hundred, and one round of gates.
func BenchmarkHundredAgents(b *testing.B) {
	r := newRig(b)
	for i := range 100 {
		r.agent(fmt.Sprintf("a%02d", i), &simulated{})
	}
	for b.Loop() {
		l := r.follow(r.hub.Lead, "bench")
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		if err := l.Gather(ctx, 100, 30*time.Second); err != nil {
			b.Fatal(err)
		}
		if _, err := l.through(ctx, argsFor(100), nil); err != nil {
			b.Fatal(err)
		}
		l.Close()
		cancel()
	}
}
