package scenario

import (
	"time"

	"github.com/c10m/c10m/internal/diagnose"
	"github.com/c10m/c10m/internal/loadgen"
	"github.com/c10m/c10m/internal/result"
)

// heatColumns is how many columns the heat map of latency has.
const heatColumns = 60

// kept is the share of the rate asked for that counts as kept up with: a
// stretch of 10 s may end a few messages short.
const kept = 0.99

// echoes says whether it is the echo scenario, in which messages are what is measured.
func (h *hold) echoes() bool { return h.Plan.Scenario == "echo" }

// echoExchange is what the echo scenario sends over so many connections.
func (h *hold) echoExchange(conns int64, d time.Duration) loadgen.Exchange {
	p := h.Plan
	x := loadgen.Exchange{Size: p.Size, SizeMax: p.SizeMax, Depth: p.Depth, Heat: heatColumns, Duration: d,
		Drain: drain}
	if p.MessageRate > 0 {
		x.Interval = max(1, time.Duration(float64(conns)/float64(p.MessageRate)*1e9))
	}
	return x
}

// fillHeat adds the heat of latency of an echo, and returns its columns.
func (h *hold) fillHeat() []diagnose.Stretch {
	if !h.echoes() || len(h.heat.Columns) == 0 {
		return nil
	}
	h.res.Heat = newHeat(h.heat)
	return stretches(h.res.Heat)
}

// newHeat drops empty columns at the end: a run of a fixed number of loops may
// take less time than the columns cover.
func newHeat(from loadgen.Heat) *result.Heat {
	for n := len(from.Columns); n > 1 && from.Columns[n-1] == [loadgen.HeatRows]int64{}; n-- {
		from.Columns = from.Columns[:n-1]
	}

	to := &result.Heat{Seconds: from.Column.Seconds()}
	for row := range loadgen.HeatRows - 1 {
		to.Bounds = append(to.Bounds, loadgen.HeatBound(row))
	}
	for i := range from.Columns {
		to.Counts = append(to.Counts, from.Columns[i][:])
	}
	return to
}

// settleEcho decides whether an echo run kept up with the rate asked for. If it
// was interrupted before the first answer, it is too early to tell.
func (h *hold) settleEcho() {
	r := h.res
	e := r.Echo
	switch want := float64(h.Plan.MessageRate); {
	case !h.echoes() || e == nil:
	case e.Latency == nil && done(&h.Plan, loadgen.Counts{Sent: e.Sent, Received: e.Received}) == 0:
		r.Behind = !r.Interrupt
	case want > 0:
		r.Behind = e.Rate < kept*want
	}
}
