package scenario

import (
	"fmt"
	"time"

	"github.com/c10m/c10m/internal/diagnose"
	"github.com/c10m/c10m/internal/loadgen"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/result"
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

// fillHeat adds the heat of latency, and says in words what came of an echo.
func (h *hold) fillHeat() (pieces []diagnose.Stretch) {
	if h.Plan.Scenario != "echo" || len(h.heat.Columns) == 0 {
		return nil
	}
	heat := newHeat(h.heat)
	h.res.Heat = heat
	for i := range heat.Counts {
		s := diagnose.Stretch{Seconds: heat.Seconds, P99: time.Duration(heat.Quantile(i, 0.99))}
		for _, n := range heat.Counts[i] {
			s.Messages += n
		}
		pieces = append(pieces, s)
	}
	return pieces
}

func newHeat(from loadgen.Heat) *result.Heat {
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
	if h.Plan.Scenario != "echo" || e == nil || e.Latency == nil {
		return
	}
	took := nanos
	said := fmt.Sprintf("%s echoes a second over %s connections, closed loop: half within %s, 99 %% within %s",
		plan.Group(int64(e.Rate)), plan.Group(r.Conns.Established), took(e.Latency.P50), took(e.Latency.P99))
	if want := h.Plan.MessageRate; want > 0 {
		if e.Rate >= kept*want {
			said = fmt.Sprintf("It keeps up with %s messages a second: half of the echoes come within %s, 99 %% within %s, the slowest took %s, each from when it should have been sent",
				plan.Group(int64(want)), took(e.Latency.P50), took(e.Latency.P99), took(e.Latency.Max))
		} else {
			r.Behind = true
			said = fmt.Sprintf("It does not keep up: of %s messages a second that were asked for, %s came back, and half of them took longer than %s",
				plan.Group(int64(want)), plan.Group(int64(e.Rate)), took(e.Latency.P50))
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

// shortly writes a duration with three digits.
func shortly(d time.Duration) string {
	for unit := time.Second; unit > time.Nanosecond; unit /= 10 {
		if d >= 100*unit {
			return d.Round(unit).String()
		}
	}
	return d.String()
}
