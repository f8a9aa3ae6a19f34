package result

import (
	"fmt"
	"maps"
	"slices"
	"sort"
)

// Merge adds up the parts of one run (plan.Split): counts and errors add,
// histograms merge without loss, the ramp lasts as long as its slowest part.
// Memory and CPU are a machine's and not a part's: the first part's stay.
func Merge(parts ...*Result) (*Result, error) {
	if len(parts) == 0 {
		return nil, fmt.Errorf("merge results: there are none")
	}
	sum := *parts[0]
	sum.Conns.Errors = maps.Clone(sum.Conns.Errors)
	sum.Warnings = slices.Clone(sum.Warnings)
	if sum.Setup != nil {
		setup := *sum.Setup
		sum.Setup = &setup
	}
	if sum.Echo != nil {
		echo := *sum.Echo
		sum.Echo = &echo
	}
	for _, p := range parts[1:] {
		if err := sum.add(p); err != nil {
			return nil, fmt.Errorf("merge results: %w", err)
		}
	}
	return &sum, nil
}

func (r *Result) add(p *Result) (err error) {
	if p.Scenario != r.Scenario || p.Proto != r.Proto {
		return fmt.Errorf("%s over %s and %s over %s are not parts of one run", r.Scenario, r.Proto, p.Scenario, p.Proto)
	}
	r.Interrupt = r.Interrupt || p.Interrupt
	r.Plan.Conns += p.Plan.Conns
	r.Plan.Threads += p.Plan.Threads
	r.Plan.FDTables += p.Plan.FDTables
	r.Plan.Rate += p.Plan.Rate
	c := &r.Conns
	c.Attempted, c.Established = c.Attempted+p.Conns.Attempted, c.Established+p.Conns.Established
	c.Failed, c.Lost = c.Failed+p.Conns.Failed, c.Lost+p.Conns.Lost
	c.Errors = c.Errors.Plus(p.Conns.Errors)
	for _, w := range p.Warnings {
		if !slices.Contains(r.Warnings, w) {
			r.Warnings = append(r.Warnings, w)
		}
	}
	if r.Setup, err = mergeSetup(r.Setup, p.Setup, c.Established); err != nil {
		return err
	}
	r.Echo, err = mergeEcho(r.Echo, p.Echo)
	return err
}

// Plus is the sum of two counts; either may be nil.
func (e ErrorCounts) Plus(f ErrorCounts) ErrorCounts {
	if len(e)+len(f) == 0 {
		return e
	}
	sum := maps.Clone(e)
	if sum == nil {
		sum = ErrorCounts{}
	}
	for name, n := range f {
		sum[name] += n
	}
	return sum
}

// Top lists the counts, most first, equal ones by name.
func (e ErrorCounts) Top() []string {
	names := slices.Sorted(maps.Keys(e))
	sort.SliceStable(names, func(i, j int) bool { return e[names[i]] > e[names[j]] })
	return names
}

func mergeSetup(a, b *Setup, established int64) (s *Setup, err error) {
	if a == nil || b == nil {
		if a == nil {
			a = b
		}
		return a, nil
	}
	s = &Setup{Seconds: max(a.Seconds, b.Seconds), ClientSeconds: max(a.ClientSeconds, b.ClientSeconds)}
	if s.Seconds > 0 {
		s.Rate = float64(established) / s.Seconds
	}
	if s.Latency, err = mergeLatency(a.Latency, b.Latency); err != nil {
		return nil, err
	}
	s.Curve = mergeCurves(a.Curve, b.Curve)
	return s, nil
}

// mergeCurves adds two curves at all points in time that either has.
func mergeCurves(a, b []Point) []Point {
	var times []float64
	for _, p := range slices.Concat(a, b) {
		times = append(times, p.T)
	}
	slices.Sort(times)
	times = slices.Compact(times)
	sum := make([]Point, 0, len(times))
	for _, t := range times {
		p := Point{T: t, Conns: connsAt(a, t) + connsAt(b, t)}
		if n := len(sum); n > 0 {
			p.Rate = float64(p.Conns-sum[n-1].Conns) / (t - sum[n-1].T)
		}
		sum = append(sum, p)
	}
	return sum
}

// connsAt interpolates a curve; before its first point it is 0, after its last
// it stays.
func connsAt(c []Point, t float64) int64 {
	for i, p := range c {
		switch {
		case p.T < t:
			continue
		case p.T == t:
			return p.Conns
		case i == 0:
			return 0
		}
		last := c[i-1]
		return last.Conns + int64(float64(p.Conns-last.Conns)*(t-last.T)/(p.T-last.T))
	}
	if len(c) == 0 {
		return 0
	}
	return c[len(c)-1].Conns
}

func mergeEcho(a, b *Echo) (e *Echo, err error) {
	if a == nil || b == nil {
		if a == nil {
			a = b
		}
		return a, nil
	}
	e = &Echo{Sent: a.Sent + b.Sent, Received: a.Received + b.Received, Lost: a.Lost + b.Lost, Mismatched: a.Mismatched + b.Mismatched,
		Seconds: max(a.Seconds, b.Seconds), Rate: a.Rate + b.Rate, Bytes: a.Bytes + b.Bytes, Verified: a.Verified + b.Verified}
	e.Latency, err = mergeLatency(a.Latency, b.Latency)
	return e, err
}
