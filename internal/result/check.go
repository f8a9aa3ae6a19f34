package result

import (
	"fmt"
	"math"
)

// maxNumber is the largest count a file may hold: 2^53, beyond which other
// readers of JSON lose digits, and far enough below 2^63 to add many.
const maxNumber = 1 << 53

// Check says which number cannot be: a count below 0, attempted connections
// that are not established + failed, more lost than established, quantiles or
// a curve that run backwards, a histogram that does not match its summary.
func (r *Result) Check() error {
	if err := r.Conns.check(); err != nil {
		return err
	}
	if err := r.Setup.check(); err != nil {
		return err
	}
	if err := r.TLS.check(); err != nil {
		return err
	}
	if err := r.Echo.check("echo"); err != nil {
		return err
	}
	if err := r.Talk.check(); err != nil {
		return err
	}
	if c := r.CPU; c != nil {
		for _, seconds := range []*float64{c.Server, c.ServerSetup, &c.Client, c.Softirq} {
			if seconds != nil && *seconds < 0 {
				return fmt.Errorf("cpu: %g seconds are negative", *seconds)
			}
		}
	}
	for _, s := range r.Spread {
		// The mean is a sum of quotients: allow for their rounding.
		if s.N < 1 || s.Min < 0 || s.Min > s.Max || s.Mean < float64(s.Min)-0.5 || s.Mean > float64(s.Max)+0.5 {
			return fmt.Errorf("spread over %s: %d to %d with mean %g over %d cannot be", s.Over, s.Min, s.Max, s.Mean,
				s.N)
		}
	}
	if err := r.Heat.check(); err != nil {
		return err
	}
	for _, t := range r.StoredTables {
		if err := t.check(); err != nil {
			return err
		}
	}
	if err := r.Sweep.check(); err != nil {
		return err
	}
	if err := r.checkLoad(); err != nil {
		return err
	}
	if err := r.checkPlan(); err != nil {
		return err
	}
	return r.checkProtocols()
}

// check takes nil, too: there was no ramp.
func (s *Setup) check() error {
	if s == nil {
		return nil
	}
	if s.Seconds < 0 || s.Rate < 0 || s.ClientSeconds < 0 {
		return fmt.Errorf("setup: a number is negative: seconds %g, rate %g, client_seconds %g",
			s.Seconds, s.Rate, s.ClientSeconds)
	}
	if err := checkCurve(s.Curve); err != nil {
		return err
	}
	if err := s.Latency.check("setup.latency"); err != nil {
		return err
	}
	return s.Handshake.check("setup.handshake")
}

func (r *Result) checkPlan() error {
	for _, n := range []int64{r.Plan.Conns, int64(r.Plan.Ports), int64(r.Plan.Sources), int64(r.Plan.Threads),
		int64(r.Plan.FDTables), int64(r.Plan.Size)} {
		if err := legal("plan", n); err != nil {
			return err
		}
	}
	if c := r.Reconcile; c != nil {
		for _, n := range []*int64{&c.Client, c.Server, c.Kernel} {
			// The server's count is less what it held before: it may be below 0.
			if n != nil && (*n < -maxNumber || *n > maxNumber) {
				return fmt.Errorf("reconcile: %d is outside -2^53..2^53", *n)
			}
		}
	}
	return nil
}

func (c Conns) check() error {
	for _, n := range []int64{c.Attempted, c.Established, c.Failed, c.Lost, c.Reconnected} {
		if err := legal("conns", n); err != nil {
			return err
		}
	}
	for _, e := range c.Errors.Top(0) {
		if err := legal("conns.errors."+e.Name, e.N); err != nil {
			return err
		}
	}
	if i := c.Idle; i != nil && (i.Count < 0 || i.From < 0 || i.From > i.To || i.Seconds < 0) || c.IdleTimeout < 0 {
		return fmt.Errorf("conns.lost_idle: %+v, idle_timeout_ns %d cannot be", i, c.IdleTimeout)
	}
	switch {
	case c.Attempted != c.Established+c.Failed:
		return fmt.Errorf("conns: %d attempted is not %d established + %d failed", c.Attempted, c.Established, c.Failed)
	case c.Lost > c.Established+c.Reconnected:
		return fmt.Errorf("conns: %d lost is more than %d established and %d reconnected", c.Lost, c.Established,
			c.Reconnected)
	case c.Reconnected > c.Lost:
		return fmt.Errorf("conns: %d reconnected is more than %d lost", c.Reconnected, c.Lost)
	}
	return nil
}

// check takes nil, too: there were no messages.
func (e *Echo) check(where string) error {
	if e == nil {
		return nil
	}
	for _, n := range []int64{e.Sent, e.Received, e.Lost, e.Mismatched, e.Bytes, e.Verified} {
		if err := legal(where, n); err != nil {
			return err
		}
	}
	if err := e.Latency.check(where + ".latency"); err != nil {
		return err
	}
	return e.Verify.check(where + ".verify_latency")
}

func checkCurve(c []Point) error {
	last := math.Inf(-1)
	for i, p := range c {
		if p.T <= last {
			return fmt.Errorf("setup.curve: point %d at %g s is not after the one before", i, p.T)
		}
		if err := legal("setup.curve", p.Conns); err != nil {
			return err
		}
		last = p.T
	}
	return nil
}

// check takes nil, too: nothing was measured.
func (l *Latency) check(where string) error {
	if l == nil {
		return nil
	}
	if err := legal(where+".count", l.Count); err != nil {
		return err
	}
	if l.P50 < 0 || l.P50 > l.P90 || l.P90 > l.P99 || l.P99 > l.P999 || l.P999 > l.Max {
		return fmt.Errorf("%s: p50 %d, p90 %d, p99 %d, p999 %d, max %d do not rise", where, l.P50, l.P90, l.P99, l.P999,
			l.Max)
	}
	if l.Encoded == "" {
		return nil
	}
	if _, err := l.Histogram(); err != nil {
		return fmt.Errorf("%s: %w", where, err)
	}
	return nil
}

func legal(where string, n int64) error {
	if n < 0 || n > maxNumber {
		return fmt.Errorf("%s: %d is outside 0..2^53", where, n)
	}
	return nil
}
