package result

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"
)

// Merge adds up the parts of one run (plan.Split), which ran at the same time
// against the same server. It changes none of them.
//
//   - Exact: connections, errors by cause, messages, latency histograms (they
//     travel whole, Latency.Encoded), the client's CPU time, threads, rates.
//   - In time: parts are laid side by side by Started. The ramp lasts from the
//     first one's start to the last one's end, and the curve is the sum of the
//     parts' curves, straight between samples.
//   - A machine's, not a part's (Memory, softirq and the server's CPU time, the
//     kernel's and the server's counts): kept as the one part that measured
//     it has it; where several did, see the functions below.
//   - Warnings and limits are kept once each; Host and Command are the first's.
//   - Spread: see mergeSpread.
func Merge(parts ...*Result) (*Result, error) {
	if len(parts) == 0 {
		return nil, errors.New("merge results: there are none")
	}
	sum, err := clone(parts[0])
	if err != nil {
		return nil, fmt.Errorf("merge results: %w", err)
	}
	for _, p := range parts[1:] {
		if p.Scenario != sum.Scenario || p.Proto != sum.Proto {
			return nil, fmt.Errorf("merge results: %s over %s and %s over %s are not parts of one run", sum.Scenario, sum.Proto, p.Scenario, p.Proto)
		}
	}
	if len(parts) == 1 {
		return sum, nil
	}
	sum.Thresholds = nil // they are for the whole
	sum.Started = earliest(parts)
	if sum.Setup, err = mergeSetups(parts, sum.Started); err != nil {
		return nil, fmt.Errorf("merge results: %w", err)
	}
	for _, p := range parts[1:] {
		p, err := clone(p) // what is kept of it must not be shared with it
		if err != nil {
			return nil, fmt.Errorf("merge results: %w", err)
		}
		if err := sum.add(p); err != nil {
			return nil, fmt.Errorf("merge results: %w", err)
		}
	}
	sum.ShareSetup()
	sum.settle(parts)
	return sum, nil
}

// clone is a deep copy, by way of the file.
func clone(r *Result) (*Result, error) {
	if err := finite(r); err != nil {
		return nil, err
	}
	b, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	c := new(Result)
	return c, json.Unmarshal(b, c)
}

// earliest is when the first part began; of none known, the zero time.
func earliest(parts []*Result) time.Time {
	first := parts[0].Started
	for _, p := range parts[1:] {
		if p.Started.Before(first) {
			first = p.Started
		}
	}
	return first
}

// add adds everything that two parts can be added by.
func (r *Result) add(p *Result) (err error) {
	r.Interrupt = r.Interrupt || p.Interrupt
	r.Plan.add(p.Plan)
	r.Conns.add(p.Conns)
	r.FirstFailure = cmp.Or(r.FirstFailure, p.FirstFailure)
	if r.Protocols, err = mergeProtocols(r.Protocols, p.Protocols); err != nil {
		return err
	}
	if r.Echo, err = mergeEcho(r.Echo, p.Echo); err != nil {
		return err
	}
	r.Memory = cmp.Or(r.Memory, p.Memory)
	r.CPU, r.Reconcile = mergeCPU(r.CPU, p.CPU), mergeCounts(r.Reconcile, p.Reconcile)
	r.Spread = mergeSpread(r.Spread, p.Spread)
	r.Findings, r.Usage = mergeFindings(r.Findings, p.Findings), cmp.Or(r.Usage, p.Usage)
	r.Churn, r.Stress, r.Soak = cmp.Or(r.Churn, p.Churn), cmp.Or(r.Stress, p.Stress), cmp.Or(r.Soak, p.Soak)
	r.StoredTables, r.StoredVerdict = append(r.StoredTables, p.StoredTables...), cmp.Or(r.StoredVerdict, p.StoredVerdict)
	r.Heat, r.Behind, r.Leak = mergeHeat(r.Heat, p.Heat), r.Behind || p.Behind, r.Leak || p.Leak
	for _, l := range p.Limits {
		if !slices.Contains(r.Limits, l) {
			r.Limits = append(r.Limits, l)
		}
	}
	slices.SortStableFunc(r.Limits, func(a, b Limit) int { return cmp.Compare(a.Max, b.Max) })
	for _, w := range p.Warnings {
		r.warn(w)
	}
	return nil
}

// add: a part has its own connections and threads, at its own rate, but the
// same ports. As fast as possible (0) beside a rate is as fast as possible.
func (a *Plan) add(b Plan) {
	a.Conns, a.Threads, a.FDTables = a.Conns+b.Conns, a.Threads+b.Threads, a.FDTables+b.FDTables
	a.MessageRate += b.MessageRate
	if a.Rate > 0 && b.Rate > 0 {
		a.Rate += b.Rate
	} else {
		a.Rate = 0
	}
	a.Ports, a.Sources, a.Hold = max(a.Ports, b.Ports), max(a.Sources, b.Sources), max(a.Hold, b.Hold)
	a.LimitedBy = cmp.Or(a.LimitedBy, b.LimitedBy)
}

// settle says what could not be added up. A cost per connection that several
// parts took on one machine is the growth by all of them divided by the
// connections of each: no sum of those is right.
func (r *Result) settle(parts []*Result) {
	measured, hosts := 0, 0
	for _, p := range parts {
		if p.Memory != nil {
			measured++
		}
		if !reflect.DeepEqual(p.Host, parts[0].Host) {
			hosts++
		}
	}
	if measured > 1 {
		r.Memory = nil
		r.warn(Warn("memory_of_parts").Count("parts", int64(measured)))
	}
	if hosts > 0 {
		r.warn(Warn("parts_on_hosts"))
	}
}

func mergeEcho(a, b *Echo) (e *Echo, err error) {
	if a == nil || b == nil {
		return cmp.Or(a, b), nil
	}
	e = &Echo{Sent: a.Sent + b.Sent, Received: a.Received + b.Received, Lost: a.Lost + b.Lost, Mismatched: a.Mismatched + b.Mismatched,
		Seconds: max(a.Seconds, b.Seconds), Rate: a.Rate + b.Rate, Bytes: a.Bytes + b.Bytes, Verified: a.Verified + b.Verified}
	if e.Received > 0 {
		e.Calls = (a.Calls*float64(a.Received) + b.Calls*float64(b.Received)) / float64(e.Received)
	}
	if e.Latency, err = mergeLatency(a.Latency, b.Latency); err != nil {
		return nil, err
	}
	e.Verify, err = mergeLatency(a.Verify, b.Verify)
	return e, err
}

// mergeLatency adds two summaries without loss; either may be nil.
func mergeLatency(a, b *Latency) (*Latency, error) {
	if a == nil || b == nil {
		return cmp.Or(a, b), nil
	}
	ha, err := a.Histogram()
	if err != nil {
		return nil, err
	}
	hb, err := b.Histogram()
	if err != nil {
		return nil, err
	}
	ha.Merge(hb)
	return ha.Summary(), nil
}
