package result

import (
	"cmp"
	"fmt"
	"slices"
)

// Protocol is one protocol's share of a mixed run: its connections, latencies
// and messages.
type Protocol struct {
	Proto     string   `json:"proto"`
	Conns     Conns    `json:"conns"`
	SetupRate float64  `json:"setup_rate,omitempty"` // established per second of the ramp
	Connect   *Latency `json:"connect,omitempty"`
	Handshake *Latency `json:"handshake,omitempty"` // WebSocket: from connect to the verified answer
	Echo      *Echo    `json:"echo,omitempty"`
}

// checkProtocols wants the shares to add up to the whole.
func (r *Result) checkProtocols() error {
	var sum Conns
	for _, p := range r.Protocols {
		if p.SetupRate < 0 {
			return fmt.Errorf("protocols: %s: setup_rate %g is negative", p.Proto, p.SetupRate)
		}
		if err := p.Conns.check(); err != nil {
			return fmt.Errorf("protocols: %s: %w", p.Proto, err)
		}
		sum.Attempted, sum.Established = sum.Attempted+p.Conns.Attempted, sum.Established+p.Conns.Established
		sum.Failed, sum.Lost = sum.Failed+p.Conns.Failed, sum.Lost+p.Conns.Lost
		sum.Reconnected += p.Conns.Reconnected
		err := cmp.Or(p.Connect.check("protocols."+p.Proto+".connect"), p.Handshake.check("protocols."+p.Proto+".handshake"),
			p.Echo.check("protocols."+p.Proto+".echo"))
		if err != nil {
			return err
		}
	}
	if c := r.Conns; len(r.Protocols) > 0 && (sum.Attempted != c.Attempted || sum.Established != c.Established ||
		sum.Failed != c.Failed || sum.Lost != c.Lost || sum.Reconnected != c.Reconnected) {
		return fmt.Errorf("protocols: their connections (%d attempted, %d established, %d failed, %d lost, %d "+
			"reconnected) do not add up to conns",
			sum.Attempted, sum.Established, sum.Failed, sum.Lost, sum.Reconnected)
	}
	return nil
}

// mergeProtocols adds shares of the same protocol.
func mergeProtocols(a, b []Protocol) ([]Protocol, error) {
	sum := slices.Clone(a)
	for _, p := range b {
		i := slices.IndexFunc(sum, func(q Protocol) bool { return q.Proto == p.Proto })
		if i < 0 {
			sum = append(sum, p)
			continue
		}
		var err error
		q := &sum[i]
		q.Conns.add(p.Conns)
		if q.Connect, err = mergeLatency(q.Connect, p.Connect); err != nil {
			return nil, err
		}
		if q.Handshake, err = mergeLatency(q.Handshake, p.Handshake); err != nil {
			return nil, err
		}
		if q.Echo, err = mergeEcho(q.Echo, p.Echo); err != nil {
			return nil, err
		}
	}
	return sum, nil
}

// ShareSetup gives each protocol its rate of the ramp, which all had together.
func (r *Result) ShareSetup() {
	for i := range r.Protocols {
		if s := r.Setup; s != nil && s.Seconds > 0 {
			r.Protocols[i].SetupRate = float64(r.Protocols[i].Conns.Established) / s.Seconds
		}
	}
}

func (c *Conns) add(d Conns) {
	c.Attempted, c.Established = c.Attempted+d.Attempted, c.Established+d.Established
	c.Failed, c.Lost, c.Reconnected = c.Failed+d.Failed, c.Lost+d.Lost, c.Reconnected+d.Reconnected
	c.Errors = c.Errors.Plus(d.Errors)
	c.IdleTimeout = max(c.IdleTimeout, d.IdleTimeout)
	if c.Idle == nil || d.Idle != nil && d.Idle.Count > c.Idle.Count { // their quantiles cannot be added
		c.Idle = d.Idle
	}
}
