package result

import "fmt"

// Pings are the client's WebSocket pings (--ping), RFC 6455 section 5.5.2. Those of
// connections that were lost for want of a pong are among conns.errors as
// ping_timeout.
type Pings struct {
	Sent     int64    `json:"sent"`
	Answered int64    `json:"answered"`
	Latency  *Latency `json:"latency,omitempty"` // from the ping to its pong
}

func (p *Pings) check() error {
	if p == nil {
		return nil
	}
	if p.Sent < 0 || p.Answered < 0 || p.Answered > p.Sent || p.Sent > maxNumber {
		return fmt.Errorf("pings: %d of %d answered cannot be", p.Answered, p.Sent)
	}
	return p.Latency.check("pings.latency")
}

func mergePings(a, b *Pings) (p *Pings, err error) {
	switch {
	case a == nil:
		return b, nil
	case b == nil:
		return a, nil
	}
	p = &Pings{Sent: a.Sent + b.Sent, Answered: a.Answered + b.Answered}
	p.Latency, err = mergeLatency(a.Latency, b.Latency)
	return p, err
}
