package result

import (
	"fmt"
	"math"
	"slices"
)

// joinChurn checks that the churns of all parts are one, and adds their loads; nil if
// no part has one.
func joinChurn(parts []*Result) (*Churn, error) {
	var sum *Churn
	for _, p := range parts {
		c := p.Churn
		switch {
		case c == nil:
			continue
		case sum == nil:
			sum = &Churn{Load: c.Load, ServerFirst: c.ServerFirst, ClosedFirst: c.ClosedFirst, TWReuse: c.TWReuse,
				PortsReused: c.PortsReused}
		case c.ServerFirst != sum.ServerFirst:
			return nil, fmt.Errorf("churns in which the server closes first, and in which it does not, are not parts " +
				"of one run")
		default:
			if err := sum.Load.add(c.Load); err != nil {
				return nil, err
			}
			sum.joinSettings(c)
		}
		sum.Rate, sum.ConnRate = sum.Rate+c.Rate, sum.ConnRate+c.ConnRate
		sum.NotClosed, sum.NoPort = sum.NotClosed+c.NotClosed, sum.NoPort+c.NoPort
		if sum.Exhausts = sum.Exhausts || c.Exhausts; c.ExhaustedAfter != nil {
			if sum.ExhaustedAfter == nil || *c.ExhaustedAfter < *sum.ExhaustedAfter { // the first that has none left
				sum.ExhaustedAfter = c.ExhaustedAfter
			}
		}
	}
	return sum, nil
}

// joinSettings keeps what holds for both. Where anything was closed by the client
// that the server should have closed, it was the client that closed first.
func (c *Churn) joinSettings(d *Churn) {
	if c.TWReuse == nil || d.TWReuse == nil || *c.TWReuse != *d.TWReuse {
		c.TWReuse = nil
	}
	c.PortsReused = c.PortsReused && d.PortsReused
	if c.ClosedFirst != d.ClosedFirst {
		c.ClosedFirst = ByClient
	}
}

// lostUsers are those of agents that were lost, which say nothing of what they did.
func lostUsers(parts []*Result) (list []*Result) {
	for _, p := range parts {
		if len(p.Agents) == 1 && p.Agents[0].LostIn != "" {
			list = append(list, p)
		}
	}
	return list
}

// withLost adds the work that lost agents were to do, each user as much as the others.
func (s *Stress) withLost(parts []*Result) *Stress {
	if s == nil || s.Users == 0 {
		return s
	}
	each := s.Asked / s.Users
	for _, p := range lostUsers(parts) {
		asked, done := each*p.Plan.Conns, int64(0)
		if p.Echo != nil {
			done = p.Echo.Received
		}
		s.Users, s.Asked, s.Undone = s.Users+p.Plan.Conns, s.Asked+asked, s.Undone+max(0, asked-done)
	}
	return s
}

// add adds the users of two parts, whose connections must come and go alike.
func (l *Load) add(m Load) error {
	if l.Mode != m.Mode || l.Requests != m.Requests {
		return fmt.Errorf("users in mode %s, %d requests, and in mode %s, %d requests, are not parts of one run",
			l.Mode, l.Requests, m.Mode, m.Requests)
	}
	l.Users, l.Pool = l.Users+m.Users, l.Pool+m.Pool
	return nil
}

// mergeChurn adds to a sum of loads what each part saw of its network namespace.
func mergeChurn(parts []*Result, sum *Churn, e *Echo) *Churn {
	if sum == nil {
		return nil
	}
	for _, p := range lostUsers(parts) {
		if sum.Mode == Pool {
			sum.Pool += p.Plan.Conns
		} else {
			sum.Users += p.Plan.Conns
		}
	}
	if e != nil && e.Latency != nil {
		sum.P50, sum.P99 = &e.Latency.P50, &e.Latency.P99
	}
	count := func(of func(*Churn) *int64) *int64 {
		return byPlace(parts, namespace, func(p *Result) *int64 {
			if p.Churn == nil {
				return nil
			}
			return of(p.Churn)
		})
	}
	sum.LocalPorts = *count(func(c *Churn) *int64 { return &c.LocalPorts })
	sum.LocalPortsUsed = *count(func(c *Churn) *int64 { return &c.LocalPortsUsed })
	sum.TimeWait = TimeWait{Client: *count(func(c *Churn) *int64 { return &c.TimeWait.Client }),
		Server: count(func(c *Churn) *int64 { return c.TimeWait.Server }),
		Others: count(func(c *Churn) *int64 { return c.TimeWait.Others })}
	sum.Series = churnSeries(parts)
	return sum
}

// churnSeries adds the samples of the parts, at the moments of the part that has most.
func churnSeries(parts []*Result) (all []ChurnSample) {
	var times []ChurnSample
	for _, p := range parts {
		if p.Churn != nil && len(p.Churn.Series) > len(times) {
			times = p.Churn.Series
		}
	}
	for _, s := range times {
		at := func(of func(ChurnSample) *int64) *int64 {
			return byPlace(parts, namespace, func(p *Result) *int64 {
				if p.Churn == nil || len(p.Churn.Series) == 0 {
					return nil
				}
				return of(nearest(p.Churn.Series, s.T))
			})
		}
		one := ChurnSample{T: s.T, LocalPortsUsed: *at(func(s ChurnSample) *int64 { return &s.LocalPortsUsed }),
			TimeWait: TimeWait{Client: *at(func(s ChurnSample) *int64 { return &s.TimeWait.Client }),
				Server: at(func(s ChurnSample) *int64 { return s.TimeWait.Server }),
				Others: at(func(s ChurnSample) *int64 { return s.TimeWait.Others })}}
		for _, p := range parts {
			if p.Churn != nil && len(p.Churn.Series) > 0 {
				one.Rate += nearest(p.Churn.Series, s.T).Rate
			}
		}
		all = append(all, one)
	}
	return all
}

// nearest is the sample nearest in time.
func nearest(all []ChurnSample, t float64) ChurnSample {
	return slices.MinFunc(all, func(a, b ChurnSample) int {
		switch da, db := math.Abs(a.T-t), math.Abs(b.T-t); {
		case da < db:
			return -1
		case da > db:
			return 1
		}
		return 0
	})
}

// joinStress adds the work of all parts; nil if no part has any.
func joinStress(parts []*Result) (*Stress, error) {
	var sum *Stress
	for _, p := range parts {
		s := p.Stress
		switch {
		case s == nil:
			continue
		case sum == nil:
			sum = &Stress{Load: s.Load}
		default:
			if err := sum.Load.add(s.Load); err != nil {
				return nil, err
			}
		}
		sum.Asked, sum.Undone, sum.Failures = sum.Asked+s.Asked, sum.Undone+s.Undone, sum.Failures+s.Failures
		sum.ServerBefore = look(sum.ServerBefore, s.ServerBefore, -1)
		sum.ServerAfter = look(sum.ServerAfter, s.ServerAfter, 1)
	}
	return sum, nil
}

// look is the smaller (-1) or larger (1) of two looks at one server: the first
// look before the run, the last after it.
func look(a, b *ProcMemory, want int) *ProcMemory {
	if a == nil || b != nil && (b.PSS < a.PSS) == (want < 0) {
		return b
	}
	return a
}
