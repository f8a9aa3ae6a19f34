package scenario

import (
	"context"
	"strconv"
	"time"

	"github.com/c10m/c10m/internal/loadgen"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/result"
)

// firstPeak is the last way up before the first way down: up to there the count of
// connections only grew, and so did what they took. Later ways up find memory that
// the ways down left behind, so no cost is fitted to them.
func firstPeak(stages []plan.Stage) (peak int) {
	last := int64(0)
	for i, s := range stages {
		switch {
		case s.Conns < last:
			return peak
		case s.Conns > last:
			peak = i
		}
		last = s.Conns
	}
	return peak
}

// lastWayDown is the first of the stages that only close, at the end; how many
// stages there are, if the last one is another.
func lastWayDown(stages []plan.Stage) int {
	at := len(stages)
	for at > 1 && stages[at-1].Moves() && stages[at-1].Conns < stages[at-2].Conns {
		at--
	}
	return at
}

// runStages goes through the stages of a plan. At the first peak both ends get their
// time to settle, and a sample of the connections echoes before the last way down.
func (h *hold) runStages(ctx context.Context) {
	h.began = time.Now()
	h.res.Setup = &result.Setup{Began: h.began.UTC()}
	h.rate.add(0, 0)
	h.course.add(0, 0)
	stopGuard := every(guardEvery, func() {
		h.guard()
		h.course.add(time.Since(h.began).Seconds(), h.engine.Counts().Open())
	})
	h.climb(ctx, firstPeak(h.Plan.Stages))
	down := lastWayDown(h.Plan.Stages)
	for i := firstPeak(h.Plan.Stages) + 1; i < len(h.Plan.Stages) && ctx.Err() == nil; i++ {
		if i == down {
			h.verify(ctx)
		}
		h.runStage(ctx, i)
	}
	if down == len(h.Plan.Stages) {
		h.verify(ctx)
	}
	stopGuard()
	h.course.add(time.Since(h.began).Seconds(), h.engine.Counts().Open())
	h.res.Course = h.course.points
	h.stage.Store(0)
}

// climb goes through the stages up to the first peak, to which the cost of a
// connection is fitted, and settles there.
func (h *hold) climb(ctx context.Context, peak int) {
	stopRate := every(guardEvery, func() { h.rate.add(time.Since(h.began).Seconds(), h.engine.Counts().Established) })
	stopSamples := h.sampleOn(ctx)
	for i := 0; i <= peak && (i == 0 || ctx.Err() == nil); i++ {
		h.runStage(ctx, i)
		if h.Plan.Stages[i].Moves() {
			h.res.Setup.ClientSeconds += h.res.Stages[i].Seconds
		}
	}
	h.ramped, h.atPeak = time.Now(), h.engine.Counts().Established
	stopRate()
	stopSamples()
	h.setPhase("settle")
	h.settle(ctx)
	h.awaitFirst(ctx)
	h.gate.wait(ctx, GateHold)
}

// runStage goes through one stage and keeps what became of it.
func (h *hold) runStage(ctx context.Context, i int) {
	s, before, began := h.Plan.Stages[i], h.engine.Counts(), time.Now()
	h.stage.Store(int64(i + 1))
	kind := result.StageHold
	switch {
	case !s.Moves():
		h.setPhase("hold")
		h.holdFor(ctx, s.Conns, s.Hold)
	case s.Conns < h.openAfter(i-1):
		kind = result.StageDown
		h.setPhase("down")
		h.engine.MoveTo(ctx, s.Conns, s.Rate)
	default:
		kind = result.StageUp
		h.setPhase("ramp")
		h.engine.MoveTo(ctx, s.Conns, s.Rate)
	}
	h.keepStage(ctx, i, kind, before, time.Since(began))
}

// openAfter is how many connections are to be open after a stage.
func (h *hold) openAfter(i int) int64 {
	if i < 0 {
		return 0
	}
	return h.Plan.Stages[i].Conns
}

// keepStage adds a stage to the result. The time that its memory takes to measure is
// not part of it.
func (h *hold) keepStage(ctx context.Context, i int, kind result.StageKind, before loadgen.Counts, took time.Duration) {
	s, now := h.Plan.Stages[i], h.engine.Counts()
	r := result.Stage{Name: strconv.Itoa(i + 1), Kind: kind, Asked: s.Conns, RateAsked: float64(s.Rate),
		Reached: now.Open(), Seconds: took.Seconds(), Failed: now.Failed - before.Failed, Lost: now.Lost - before.Lost,
		Messages: done(&h.Plan, now) - done(&h.Plan, before)}
	if moved := now.Established - before.Established + now.Closed - before.Closed; s.Moves() && took > 0 {
		r.Rate = float64(moved) / took.Seconds()
	}
	if ctx.Err() == nil {
		h.measuring.Lock()
		defer h.measuring.Unlock()
		if snap, _, err := h.snapshot(ctx); err == nil {
			used := snap.Used()
			r.Memory = &used
		} else {
			h.missed(err)
		}
	}
	h.res.Stages = append(h.res.Stages, r)
}

// inStage adds to progress which stage it is, and what that goes for.
func (h *hold) inStage(watch Watch) Watch {
	return func(p Progress) {
		if p.Stage = int(h.stage.Load()); p.Stage > 0 {
			p.Target = h.Plan.Stages[p.Stage-1].Conns
		}
		watch(p)
	}
}
