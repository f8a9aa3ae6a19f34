package scenario

import (
	"testing"
	"time"

	"github.com/c10m/c10m/internal/loadgen"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/result"
)

// What was heard is there where it was listened to, with a rate of the time held.
func TestNewTalk(t *testing.T) {
	tally := loadgen.Tally{Part: loadgen.Part{Counts: loadgen.Counts{Firsts: 10, FirstsAnswered: 9, Skipped: 10,
		Pushed: 100, PushedBytes: 400, Listeners: 5}},
		FanOut: &loadgen.FanOut{Broadcasts: 20, Fewest: 4, Median: 5, Most: 5, Whole: result.NewHistogram()}}
	p := &plan.Plan{Asked: plan.Asked{Hold: 10 * time.Second}}
	if got := newTalk(p, loadgen.Tally{}, heardWithin{}); got != nil {
		t.Errorf("of an echo server something was heard: %+v", got)
	}
	p.Talk = plan.Talk{Expect: plan.ExpectAny, First: "secret", Skip: 1}
	got := newTalk(p, tally, heardWithin{pushes: 50, took: 10 * time.Second})
	if got.Skipped != 10 || *got.First != (result.FirstMessage{Sent: 10, Answered: 9}) {
		t.Errorf("%+v, %+v", got, got.First)
	}
	if *got.Pushes != (result.Pushes{Received: 100, Bytes: 400, Conns: 5, Seconds: 10, Rate: 5, RatePerConn: 1}) {
		t.Errorf("%+v", got.Pushes)
	}
	if *got.FanOut != (result.FanOut{Broadcasts: 20, Fewest: 4, Median: 5, Most: 5}) || got.Deflate != nil {
		t.Errorf("%+v, %+v", got.FanOut, got.Deflate)
	}
	if asked := publicly(p.Asked); asked.Talk.First != "6 bytes" || p.Talk.First != "secret" {
		t.Errorf("a report says %q, the plan %q", asked.Talk.First, p.Talk.First)
	}
	h := &hold{Prepared: &Prepared{}, res: &result.Result{}}
	for answered, warnings := range map[int64]int{0: 0, 10: 0, 9: 1} {
		h.Warnings = nil
		if h.warnOfFirst(&result.Talk{First: &result.FirstMessage{Sent: 10,
			Answered: answered}}); len(h.Warnings) != warnings {
			t.Errorf("%d of 10 answered: %+v", answered, h.Warnings)
		}
	}
}
