package scenario

import (
	"fmt"
	"time"

	"github.com/c10m/c10m/internal/diagnose"
	"github.com/c10m/c10m/internal/loadgen"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

// heatColumns is into how many pieces a run is cut for its heat of latency.
const heatColumns = 60

// kept is the share of the rate asked for that counts as kept up with: a
// stretch of 10 s may end a few messages short.
const kept = 0.99

// echoExchange is what the echo scenario sends.
func (h *hold) echoExchange() loadgen.Exchange {
	p := h.Plan
	x := loadgen.Exchange{Size: p.Size, SizeMax: p.SizeMax, Depth: p.Depth, Heat: heatColumns, Duration: p.Hold, Drain: drain}
	if p.MessageRate > 0 {
		x.Interval = max(1, time.Duration(float64(p.Total)/p.MessageRate*1e9))
	}
	return x
}

// fillHeat adds the heat of latency of an echo, and returns its columns.
func (h *hold) fillHeat() []diagnose.Stretch {
	if h.Plan.Scenario != "echo" || len(h.heat.Columns) == 0 {
		return nil
	}
	h.res.Heat = newHeat(h.heat)
	return stretches(h.res.Heat)
}

// newHeat leaves out the columns at the end that hold nothing: a run of so many
// loops may take less time than they cover.
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

// echoVerdict says what came of it. It is called once the findings are there.
func (h *hold) echoVerdict() {
	r := h.res
	e := r.Echo
	switch {
	case h.Plan.Scenario != "echo" || e == nil:
		return
	case e.Latency == nil && r.Interrupt:
		return // too early to tell
	case e.Latency == nil:
		r.Behind = true
		r.Verdict = fmt.Sprintf("Nothing came back: %s messages were sent over %s connections, and none was answered%s.",
			unit.Commas(e.Sent), unit.Commas(r.Conns.Established), limitedBy(r.Findings))
		return
	}
	said := fmt.Sprintf("%s echoes a second over %s connections, closed loop: half within %s, 99 %% within %s",
		unit.Commas(int64(e.Rate)), unit.Commas(r.Conns.Established), unit.Nanos(e.Latency.P50), unit.Nanos(e.Latency.P99))
	if want := h.Plan.MessageRate; want > 0 {
		if e.Rate >= kept*want {
			said = fmt.Sprintf("It keeps up with %s messages a second: half of the echoes come within %s, 99 %% within %s, the slowest took %s, each from when it should have been sent",
				unit.Commas(int64(want)), unit.Nanos(e.Latency.P50), unit.Nanos(e.Latency.P99), unit.Nanos(e.Latency.Max))
		} else {
			r.Behind = true
			said = fmt.Sprintf("It does not keep up: of %s messages a second that were asked for, %s came back, and half of them took longer than %s",
				unit.Commas(int64(want)), unit.Commas(int64(e.Rate)), unit.Nanos(e.Latency.P50))
		}
	}
	r.Verdict = said + limitedBy(r.Findings) + "."
}

// limitedBy names the severest finding in half a sentence, if it is severe.
func limitedBy(found []result.Finding) string {
	if len(found) == 0 || found[0].Severity < result.Strains {
		return ""
	}
	return "; what limits first is: " + found[0].Name
}
