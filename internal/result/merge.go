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

// Merge adds up the parts of one run, which ran at the same time against the same
// server: those of the agents of a fleet (OfAgent), or any others. It changes none of
// them.
//
//   - Exact: connections, errors by cause, messages, latency histograms (they
//     travel whole, Latency.Encoded), the client's CPU time, threads, rates.
//   - In time: parts are laid side by side by the moments at which their ramps began,
//     on one clock (Agent.ClockOffset). The ramp lasts from the first one's start to
//     the last one's end, and the curve is the sum of the parts' curves, straight
//     between samples.
//   - What several parts see of one machine or one network namespace is taken once;
//     of different ones it is added up (byPlace).
//   - Memory is kept as the one part that measured it has it; of agents it stands
//     beside each of them, and AgentCost is their mean.
//   - Warnings, findings and limits are kept once each, and say which agents they are
//     of; of several findings of one code the severest stands. Host and Command are the
//     first part's. Who had which processor is left to the parts.
//   - What cannot be added (a peak, a soak, a sweep) is refused.
func Merge(parts ...*Result) (*Result, error) { return MergeFleet("", parts...) }

// MergeFleet is Merge where the boot id of the server's machine is known: what an
// agent there measured of its kernel holds the server's ends as well.
func MergeFleet(server string, parts ...*Result) (*Result, error) {
	r, err := merge(server, parts)
	if err != nil {
		return nil, fmt.Errorf("merge results: %w", err)
	}
	return r, nil
}

func merge(server string, from []*Result) (*Result, error) {
	if len(from) == 0 {
		return nil, errors.New("there are none")
	}
	parts := make([]*Result, len(from))
	for i, p := range from {
		if p.Scenario != from[0].Scenario || p.Proto != from[0].Proto {
			return nil, fmt.Errorf("%s over %s and %s over %s are not parts of one run",
				from[0].Scenario, from[0].Proto, p.Scenario, p.Proto)
		}
		c, err := clone(p) // what is kept of it must not be shared with it
		if err != nil {
			return nil, err
		}
		c.ours()
		parts[i] = c
	}
	sum := parts[0]
	if len(parts) == 1 {
		sum.settleAgents(server)
		return sum, nil
	}
	for _, p := range parts {
		if what := p.whole(); what != "" {
			return nil, fmt.Errorf("%s is of a whole run: parts of it cannot be added up", what)
		}
	}
	course := mergeCourses(parts)
	whole, err := ofAll(parts)
	if err != nil {
		return nil, err
	}
	for i, p := range parts[1:] {
		if err := sum.add(p, apart(parts[:i+1], p)); err != nil {
			return nil, err
		}
	}
	if sum.Heat, err = mergeHeats(parts); err != nil {
		sum.warn(Warn("heat_not_added").Word("why", err.Error()))
	}
	sum.Thresholds, sum.Course = nil, course // thresholds are for the whole
	sum.Started, sum.Setup, sum.CPU, sum.Reconcile = whole.Started, whole.Setup, whole.CPU, whole.Reconcile
	sum.Plan.Sources, sum.Usage = whole.Plan.Sources, nil
	sum.Churn = mergeChurn(parts, whole.Churn, sum.Echo)
	if sum.Stress = whole.Stress.withLost(parts); sum.Stress != nil {
		sum.Stress.ErrorShare = sum.ErrorShare(sum.Stress.Users)
	}
	if sum.Protocols != nil && slices.ContainsFunc(from, func(p *Result) bool { return p.Protocols == nil }) {
		sum.Protocols = nil
		sum.warn(Warn("protocols_not_added"))
	}
	sum.ShareSetup()
	sum.settle(from)
	sum.settleAgents(server)
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

// ours puts an agent's part on the clock of who merges, and its name to what is to be
// told of it.
func (r *Result) ours() {
	if len(r.Agents) != 1 {
		return // no agent's, or several's: then it is done
	}
	a := r.Agents[0]
	if !r.Started.IsZero() {
		r.Started = r.Started.Add(-time.Duration(a.ClockOffset))
	}
	if r.Setup != nil && !r.Setup.Began.IsZero() {
		r.Setup.Began = r.Setup.Began.Add(-time.Duration(a.ClockOffset))
	}
	for i := range r.Warnings {
		named(&r.Warnings[i].On, a.Name)
	}
	for i := range r.Limits {
		named(&r.Limits[i].On, a.Name)
	}
	for i := range r.Findings {
		named(&r.Findings[i].On, a.Name)
	}
}

func named(on *[]string, name string) {
	if len(*on) == 0 {
		*on = []string{name}
	}
}

// whole names what a result has that is no sum of parts, as the tags of its fields
// do; "" if there is none.
func (r *Result) whole() string {
	fields := reflect.ValueOf(*r)
	for i := range fields.NumField() {
		if what := fields.Type().Field(i).Tag.Get("whole"); what != "" && !fields.Field(i).IsNil() {
			return what
		}
	}
	return ""
}

// ofAll makes what has to be made of all parts at once.
func ofAll(parts []*Result) (whole *Result, err error) {
	whole = &Result{Started: earliest(parts), CPU: mergeCPU(parts), Reconcile: mergeCounts(parts)}
	if n := byPlace(parts, namespace, func(p *Result) *int64 { n := int64(p.Plan.Sources); return &n }); n != nil {
		whole.Plan.Sources = int(*n)
	}
	if whole.Setup, err = mergeSetups(parts); err != nil {
		return nil, err
	}
	if whole.Churn, err = joinChurn(parts); err != nil {
		return nil, err
	}
	whole.Stress, err = joinStress(parts)
	return whole, err
}

// earliest is when the first part began; of none known, the zero time.
func earliest(parts []*Result) (first time.Time) {
	for _, p := range parts {
		if first.IsZero() || !p.Started.IsZero() && p.Started.Before(first) {
			first = p.Started
		}
	}
	return first
}

// add adds everything that two parts can be added by. apart says that p ran where no
// part before it did.
func (r *Result) add(p *Result, apart bool) (err error) {
	if r.Host.Kernel == "" { // of a part that was lost
		r.Host, r.Command = p.Host, p.Command
	}
	r.Interrupt = r.Interrupt || p.Interrupt
	r.Plan.add(p.Plan)
	r.Conns.add(p.Conns)
	r.FirstFailure = cmp.Or(r.FirstFailure, p.FirstFailure)
	r.ServerEngine = cmp.Or(r.ServerEngine, p.ServerEngine)
	if r.Protocols, err = mergeProtocols(r.Protocols, p.Protocols); err != nil {
		return err
	}
	if r.Echo, err = mergeEcho(r.Echo, p.Echo); err != nil {
		return err
	}
	if r.TLS, err = mergeTLS(r.TLS, p.TLS); err != nil {
		return err
	}
	if r.Talk, err = mergeTalk(r.Talk, p.Talk); err != nil {
		return err
	}
	if r.Pings, err = mergePings(r.Pings, p.Pings); err != nil {
		return err
	}
	r.Packets = mergePackets(r.Packets, p.Packets)
	r.Stages, r.Course = mergeStages(r.Stages, p.Stages), nil // Merge sets the course
	r.Memory = cmp.Or(r.Memory, p.Memory)
	r.Spread = mergeSpread(r.Spread, p.Spread, apart)
	r.Findings = mergeFindings(r.Findings, p.Findings)
	r.StoredTables, r.StoredVerdict = append(r.StoredTables, p.StoredTables...),
		cmp.Or(r.StoredVerdict, p.StoredVerdict)
	r.Behind, r.Leak = r.Behind || p.Behind, r.Leak || p.Leak
	r.Agents = append(r.Agents, p.Agents...)
	r.Limits = mergeLimits(r.Limits, p.Limits)
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
	a.Ports, a.Hold = max(a.Ports, b.Ports), max(a.Hold, b.Hold)
	a.LimitedBy = cmp.Or(a.LimitedBy, b.LimitedBy)
}

// settle says what could not be added up. A cost per connection that several
// parts took on one machine is the growth by all of them divided by the
// connections of each: no sum of those is right. Agents say their own beside
// themselves.
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
	if measured > 1 || len(r.Agents) > 0 {
		r.Memory = nil
	}
	if len(r.Agents) > 0 {
		return
	}
	if measured > 1 {
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
	e = &Echo{Sent: a.Sent + b.Sent, Received: a.Received + b.Received, Lost: a.Lost + b.Lost,
		Mismatched: a.Mismatched + b.Mismatched, Seconds: max(a.Seconds, b.Seconds), Rate: a.Rate + b.Rate,
		Bytes: a.Bytes + b.Bytes, Verified: a.Verified + b.Verified}
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

// mergeLimits keeps of each limit the tightest, and says which agents have that one.
func mergeLimits(a, b []Limit) []Limit {
	for _, l := range b {
		i := slices.IndexFunc(a, func(k Limit) bool { return k.Name == l.Name })
		switch {
		case i < 0:
			a = append(a, l)
		case l.Max < a[i].Max:
			a[i] = l
		case l.Max == a[i].Max:
			a[i].On = union(a[i].On, l.On)
		}
	}
	slices.SortStableFunc(a, func(a, b Limit) int { return cmp.Compare(a.Max, b.Max) })
	return a
}

// union has the names of both, each once, in order.
func union(a, b []string) []string {
	for _, name := range b {
		if !slices.Contains(a, name) {
			a = append(a, name)
		}
	}
	return a
}
