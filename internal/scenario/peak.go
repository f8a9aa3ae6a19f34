package scenario

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/c10m/c10m/internal/diagnose"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

// Until is a condition that a load must not meet: errors>0.1%, p99>500ms,
// rate<1000.
type Until struct {
	Text    string
	metric  string
	greater bool
	value   float64 // a share, nanoseconds, or per second
}

// ParseUntil reads one.
func ParseUntil(text string) (u Until, err error) {
	bad := fault(result.Warn("until_unfit").Word("text", strconv.Quote(text)), nil)
	at := strings.IndexAny(text, "<>")
	if at < 1 {
		return u, bad
	}
	u = Until{Text: text, metric: strings.TrimSpace(text[:at]), greater: text[at] == '>'}
	value := strings.TrimSpace(text[at+1:])
	switch u.metric {
	case "errors":
		u.value, err = unit.ParseShare(value)
	case "p50", "p90", "p99", "p999", "max":
		var d time.Duration
		d, err = unit.ParseDuration(value)
		u.value = float64(d)
	case "rate":
		var r unit.Rate
		err = r.Set(value)
		u.value = float64(r)
	default:
		return u, bad
	}
	switch {
	case err != nil:
		return u, fault(result.Warn("until_unfit").Word("text", strconv.Quote(text)), err)
	case u.metric != "errors" && u.value <= 0, u.value >= 1 && u.metric == "errors":
		return u, bad
	}
	return u, nil
}

// met says whether a run of so many users meets the condition. Users that still
// wait for an answer count as slow ones: they have waited for at least drain.
func (u Until) met(r *result.Result, users int64) bool {
	v, known := 0.0, true
	l := r.Echo.Latency
	switch u.metric {
	case "errors":
		v = r.ErrorShare(users)
	case "rate":
		v = r.Echo.Rate
	default:
		if known = l != nil; known {
			v = float64(map[string]int64{"p50": l.P50, "p90": l.P90, "p99": l.P99, "p999": l.P999,
				"max": l.Max}[u.metric])
		}
		slower := map[string]float64{"p50": 0.5, "p90": 0.1, "p99": 0.01,
			"p999": 0.001}[u.metric] // the share of users that may be slower
		if float64(r.Hung()) > slower*float64(users) {
			v = max(v, float64(drain))
		}
	}
	if !known {
		return true // nothing was answered at all
	}
	if u.greater {
		return v > u.value
	}
	return v < u.value
}

// PeakOptions say how the number of users rises.
type PeakOptions struct {
	ChurnOptions
	From, Max int64
	Factor    float64 // of each step
	Precision float64 // of the answer, 0.05: within 5 %
	Until     []Until
}

// peakStep is one number of users and what came of it.
type peakStep struct {
	users int64
	r     *result.Result
	broke string // the condition that was met; "": none
	seen  diagnose.Window
	local plan.LocalPorts
}

// Peak raises the number of users in steps until a condition is met, and then
// narrows down the highest number that meets none. A step that fails is tried
// twice, because the machine may have been busy with something else.
func Peak(ctx context.Context, o PeakOptions, fp proc.FS, watch Watch) (*result.Result, error) {
	p := &peak{opt: o, fp: fp, watch: watch}
	good, bad, err := p.rise(ctx)
	if err != nil {
		return nil, err
	}
	for good != nil && bad != nil && ctx.Err() == nil && p.gone == nil &&
		float64(bad.users-good.users) > max(1, o.Precision*float64(good.users)) {
		step, err := p.try(ctx, (good.users+bad.users)/2)
		if err != nil {
			p.giveUp(err)
			break
		}
		if step.broke == "" {
			good = step
		} else {
			bad = step
		}
	}
	return p.result(ctx, good, bad), nil
}

type peak struct {
	opt   PeakOptions
	fp    proc.FS
	watch Watch
	steps []*peakStep
	gone  error // why no more steps could be made; nil: they could
}

// giveUp notes that a step could not be made, as when the server has ended. The
// steps before it stand.
func (p *peak) giveUp(err error) {
	if !errors.Is(err, ErrInterrupted) {
		p.gone = err
	}
}

// rise raises the users until a step fails. good is nil if the first step fails,
// bad if none does.
func (p *peak) rise(ctx context.Context) (good, bad *peakStep, err error) {
	for users := p.opt.From; ; {
		step, err := p.try(ctx, users)
		if err != nil && good != nil {
			p.giveUp(err)
			return good, nil, nil
		}
		if err != nil {
			return nil, nil, err
		}
		if step.broke != "" {
			return good, step, nil
		}
		good = step
		if users == p.opt.Max || ctx.Err() != nil {
			return good, nil, nil
		}
		users = min(p.opt.Max, max(users+1, int64(float64(users)*p.opt.Factor)))
	}
}

// try runs one number of users, and a second time if that fails.
func (p *peak) try(ctx context.Context, users int64) (step *peakStep, err error) {
	for range 2 {
		o := p.opt.ChurnOptions
		o.Users, o.Conns = users, unit.Count{N: users}
		c, seen, pieces, err := runChurn(ctx, o, p.fp, p.watch)
		if err != nil && step != nil { // the server has not outlived the first try, which stands
			p.giveUp(err)
			break
		}
		if err != nil {
			return nil, err
		}
		settleFindings(seen, c.res, c.Plan.Local, pieces)
		c.res.Warnings = c.Warnings
		step = &peakStep{users: users, r: c.res, seen: seen, local: c.Plan.Local}
		for _, u := range p.opt.Until {
			if u.met(c.res, users) {
				step.broke = u.Text
				break
			}
		}
		if step.broke == "" || ctx.Err() != nil {
			break
		}
		if err := c.answersNobody(ctx); err != nil { // no load would show anything else
			p.giveUp(err)
			break
		}
	}
	p.steps = append(p.steps, step)
	return step, nil
}

// answersNobody says why a server is taken for stopped, after a run: its control
// endpoint does not answer without load either or, where it has none, not one user had
// an answer.
func (c *churn) answersNobody(ctx context.Context) error {
	if c.control.known() && c.control.foreign == nil {
		if _, err := c.control.counts(ctx); err != nil && ctx.Err() == nil {
			return err
		}
		return nil
	}
	if c.res.Echo.Received == 0 && c.res.Hung() > 0 {
		return fault(result.Warn("server_answers_nobody"), nil)
	}
	return nil
}

// rising is the steps up to upTo as pieces of a single run, fewest users first:
// within a step latency is steady; it grows from step to step.
func (p *peak) rising(upTo *peakStep) (pieces []diagnose.Stretch) {
	for _, s := range p.byUsers() {
		if l := s.r.Echo.Latency; s.users <= upTo.users && l != nil {
			pieces = append(pieces, diagnose.Stretch{Seconds: s.r.Echo.Seconds, Messages: s.r.Echo.Received,
				P99: time.Duration(l.P99)})
		}
	}
	return pieces
}

// fewestSteps is how many steps diagnose needs to see growth.
const fewestSteps = 4

// result is that of the highest number that held, with the findings of the
// lowest that did not, and who had the processors then.
func (p *peak) result(ctx context.Context, good, bad *peakStep) *result.Result {
	r, limit := cmp.Or(good, bad).r, cmp.Or(bad, good)
	r.Scenario, r.Interrupt = "peak", ctx.Err() != nil
	r.FirstFailure = cmp.Or(limit.r.FirstFailure, r.FirstFailure)
	r.Usage = limit.r.Usage
	r.Peak = p.outcome(good, bad)
	r.Behind = good == nil || p.gone != nil
	if p.gone != nil {
		r.Warnings = append(r.Warnings, result.Warn("given_up").Because(p.gone))
	}
	if bad != nil {
		if across := p.rising(bad); len(across) >= fewestSteps {
			settleFindings(bad.seen, bad.r, bad.local, across)
		}
		r.Findings = bad.r.Findings
	}
	return r
}

// outcome turns the steps into a result. A step that was tried twice appears
// twice.
func (p *peak) outcome(good, bad *peakStep) *result.Peak {
	o := &result.Peak{Mode: p.opt.Mode, LowerBound: bad == nil}
	if o.Mode == KeepAlive {
		o.Requests = int64(p.opt.Requests)
	}
	if good != nil {
		o.Users, o.Rate = &good.users, &good.r.Echo.Rate
		if l := good.r.Echo.Latency; l != nil {
			o.P99 = &l.P99
		}
	}
	if bad != nil {
		o.BreaksAt, o.Broke = &bad.users, bad.broke
	}
	for _, s := range p.byUsers() {
		step := result.PeakStep{Users: s.users, Rate: s.r.Echo.Rate, ErrorShare: s.r.ErrorShare(s.users),
			Broke: s.broke}
		if l := s.r.Echo.Latency; l != nil {
			step.P50, step.P99 = &l.P50, &l.P99
		}
		o.Steps = append(o.Steps, step)
	}
	return o
}

// byUsers are the steps from the fewest users on.
func (p *peak) byUsers() []*peakStep {
	return slices.SortedStableFunc(slices.Values(p.steps),
		func(a, b *peakStep) int { return cmp.Compare(a.users, b.users) })
}
