package result

import (
	"strings"
	"testing"
)

// Two parts of a run heard their shares of the same broadcasts.
func TestMergeTalk(t *testing.T) {
	h := NewHistogram()
	for i := range int64(10) {
		h.Record(i * 1e6)
	}
	part := func() *Result {
		r := minimal()
		r.Talk = &Talk{Skipped: 3, First: &FirstMessage{4, 3, h.Summary()},
			Pushes:  &Pushes{50, 200, 5, 10, 5, 1, h.Summary()},
			FanOut:  &FanOut{10, 4, 5, 5, h.Summary(), h.Summary()},
			Deflate: &Deflate{5, 1, 100, 60, 300, 40, 0.25, 20, 0.5}}
		return r
	}
	without := minimal()
	sum, err := Merge(part(), without, part())
	if err != nil {
		t.Fatal(err)
	}
	got := sum.Talk
	if got.Skipped != 6 || got.First.Sent != 8 || got.First.Answered != 6 || got.First.Latency.Count != 20 {
		t.Errorf("%+v, %+v", got, got.First)
	}
	if p := got.Pushes; p.Received != 100 || p.Bytes != 400 || p.Conns != 10 || p.Seconds != 10 || p.Rate != 10 ||
		p.RatePerConn != 1 || p.Gap.Count != 20 {
		t.Errorf("%+v", p)
	}
	if f := got.FanOut; f.Broadcasts != 10 || f.Fewest != 8 || f.Median != 10 || f.Most != 10 || f.Delay.Count != 20 ||
		f.Whole.Count != 20 {
		t.Errorf("%+v", f)
	}
	if d := got.Deflate; *d != (Deflate{10, 2, 200, 120, 600, 80, 0.25, 40, 1}) {
		t.Errorf("%+v", d)
	}
	if err := sum.Check(); err != nil {
		t.Error(err)
	}
}

func TestCheckTalk(t *testing.T) {
	for want, talk := range map[string]*Talk{
		"talk: -1":           {Skipped: -1},
		"talk.pushes":        {Pushes: &Pushes{Rate: -1}},
		"talk.pushes.gap":    {Pushes: &Pushes{Gap: &Latency{P50: 2, P90: 1}}},
		"talk.fan_out":       {FanOut: &FanOut{Fewest: 2, Median: 1, Most: 3}},
		"talk.fan_out.delay": {FanOut: &FanOut{Delay: &Latency{Count: -1}}},
		"talk.deflate":       {Deflate: &Deflate{Seconds: -1}},
	} {
		if err := talk.check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// Paths of what was heard, as --fail-if takes them, with the units of their kinds.
func TestTalkMetrics(t *testing.T) {
	for _, cond := range []string{"talk.pushes.rate<100/s", "pushes.gap.p99>2s", "fan_out.delay.p99>500ms",
		"fan_out.whole.max>1s", "fan_out.fewest_conns<1000",
		"first.latency.p50>1ms", "deflate.wire_share>50%", "talk.first.answered<10", "pushes.rate_per_conn<1/s",
		"deflate.sent_wire_bytes>1MiB"} {
		if _, err := ParseThreshold(cond); err != nil {
			t.Errorf("%s: %v", cond, err)
		}
	}
}

func TestTalkBetter(t *testing.T) {
	for path, want := range map[string]Direction{"talk.pushes.rate": More, "talk.pushes.gap.p50": Neither,
		"talk.pushes.bytes": Neither, "talk.fan_out.delay.p99": Less,
		"talk.fan_out.fewest_conns": More, "talk.first.answered": More, "talk.deflate.wire_share": Less,
		"talk.deflate.sent_wire_bytes": Neither} {
		if m, err := ParseMetric(path); err != nil || m.Better() != want {
			t.Errorf("%s: %v, %v", path, m.Better(), err)
		}
	}
}
