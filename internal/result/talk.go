package result

import (
	"cmp"
	"fmt"
)

// Talk is what was heard of a server that is no echo (plan.Talk), beside the answers,
// which are in Echo.
type Talk struct {
	Skipped int64         `json:"skipped,omitempty"` // messages of the server that were passed over
	First   *FirstMessage `json:"first,omitempty"`
	Pushes  *Pushes       `json:"pushes,omitempty"`
	FanOut  *FanOut       `json:"fan_out,omitempty"`
	Deflate *Deflate      `json:"deflate,omitempty"`
}

// FirstMessage is what each connection said as soon as it was established.
type FirstMessage struct {
	Sent     int64    `json:"sent"`
	Answered int64    `json:"answered"`
	Latency  *Latency `json:"latency,omitempty"` // to the next message
}

// Pushes are the messages that came unasked.
type Pushes struct {
	Received    int64    `json:"received"`
	Bytes       int64    `json:"bytes"`
	Conns       int64    `json:"conns"`                   // connections that had any
	Seconds     float64  `json:"seconds,omitempty"`       // of the hold, for the rates
	Rate        float64  `json:"rate,omitempty"`          // all connections together
	RatePerConn float64  `json:"rate_per_conn,omitempty"` // of those that had any
	Gap         *Latency `json:"gap,omitempty"`           // between two pushes to a connection
}

// FanOut is how messages that many connections had came to all of them: the same
// bytes are the same message.
type FanOut struct {
	Broadcasts int64    `json:"broadcasts"`
	Fewest     int64    `json:"fewest_conns"` // that one reached
	Median     int64    `json:"median_conns"`
	Most       int64    `json:"most_conns"`
	Delay      *Latency `json:"delay,omitempty"` // of each arrival since the first connection had it
	Whole      *Latency `json:"whole,omitempty"` // of each broadcast, from its first arrival to its last
}

// Deflate is what permessage-deflate (RFC 7692) saved and cost the client. Bytes are of
// payload, as it was and on the wire.
type Deflate struct {
	Agreed       int64   `json:"agreed"`  // handshakes
	Refused      int64   `json:"refused"` // of servers that did not take the offer
	Sent         int64   `json:"sent_bytes"`
	SentWire     int64   `json:"sent_wire_bytes"`
	Received     int64   `json:"received_bytes"`
	ReceivedWire int64   `json:"received_wire_bytes"`
	WireShare    float64 `json:"wire_share,omitempty"` // of both ways: what was left of the payload
	Messages     int64   `json:"messages"`             // that were compressed or inflated here
	Seconds      float64 `json:"seconds"`              // that took, of the client's threads
}

// Settle works out the share.
func (d *Deflate) Settle() {
	if plain := d.Sent + d.Received; plain > 0 {
		d.WireShare = float64(d.SentWire+d.ReceivedWire) / float64(plain)
	}
}

// check takes nil, too: all was an echo.
func (t *Talk) check() error {
	if t == nil {
		return nil
	}
	counts, times := []int64{t.Skipped}, map[string]*Latency{}
	if f := t.First; f != nil {
		counts, times["first.latency"] = append(counts, f.Sent, f.Answered), f.Latency
	}
	if p := t.Pushes; p != nil {
		counts, times["pushes.gap"] = append(counts, p.Received, p.Bytes, p.Conns), p.Gap
		if p.Seconds < 0 || p.Rate < 0 || p.RatePerConn < 0 {
			return fmt.Errorf("talk.pushes: a number is negative: seconds %g, rate %g, rate_per_conn %g", p.Seconds,
				p.Rate, p.RatePerConn)
		}
	}
	if f := t.FanOut; f != nil {
		counts = append(counts, f.Broadcasts, f.Fewest, f.Median, f.Most)
		times["fan_out.delay"], times["fan_out.whole"] = f.Delay, f.Whole
		if f.Fewest > f.Median || f.Median > f.Most {
			return fmt.Errorf("talk.fan_out: fewest %d, median %d and most %d do not rise", f.Fewest, f.Median, f.Most)
		}
	}
	if d := t.Deflate; d != nil {
		counts = append(counts, d.Agreed, d.Refused, d.Sent, d.SentWire, d.Received, d.ReceivedWire, d.Messages)
		if d.Seconds < 0 || d.WireShare < 0 {
			return fmt.Errorf("talk.deflate: a number is negative: seconds %g, wire_share %g", d.Seconds, d.WireShare)
		}
	}
	for _, n := range counts {
		if err := legal("talk", n); err != nil {
			return err
		}
	}
	for name, l := range times {
		if err := l.check("talk." + name); err != nil {
			return err
		}
	}
	return nil
}

// mergeTalk adds what two parts heard; either may be nil.
func mergeTalk(a, b *Talk) (t *Talk, err error) {
	if a == nil || b == nil {
		return cmp.Or(a, b), nil
	}
	t = &Talk{Skipped: a.Skipped + b.Skipped}
	if t.First, err = mergeFirst(a.First, b.First); err != nil {
		return nil, err
	}
	if t.Pushes, err = mergePushes(a.Pushes, b.Pushes); err != nil {
		return nil, err
	}
	t.Deflate = mergeDeflate(a.Deflate, b.Deflate)
	t.FanOut, err = mergeFanOut(a.FanOut, b.FanOut)
	return t, err
}

func mergeFirst(a, b *FirstMessage) (f *FirstMessage, err error) {
	if a == nil || b == nil {
		return cmp.Or(a, b), nil
	}
	f = &FirstMessage{Sent: a.Sent + b.Sent, Answered: a.Answered + b.Answered}
	f.Latency, err = mergeLatency(a.Latency, b.Latency)
	return f, err
}

func mergePushes(a, b *Pushes) (p *Pushes, err error) {
	if a == nil || b == nil {
		return cmp.Or(a, b), nil
	}
	p = &Pushes{Received: a.Received + b.Received, Bytes: a.Bytes + b.Bytes, Conns: a.Conns + b.Conns,
		Seconds: max(a.Seconds, b.Seconds), Rate: a.Rate + b.Rate}
	if p.Conns > 0 {
		p.RatePerConn = p.Rate / float64(p.Conns)
	}
	p.Gap, err = mergeLatency(a.Gap, b.Gap)
	return p, err
}

func mergeDeflate(a, b *Deflate) *Deflate {
	if a == nil || b == nil {
		return cmp.Or(a, b)
	}
	d := &Deflate{Agreed: a.Agreed + b.Agreed, Refused: a.Refused + b.Refused, Sent: a.Sent + b.Sent,
		SentWire: a.SentWire + b.SentWire,
		Received: a.Received + b.Received, ReceivedWire: a.ReceivedWire + b.ReceivedWire,
		Messages: a.Messages + b.Messages, Seconds: a.Seconds + b.Seconds}
	d.Settle()
	return d
}

// mergeFanOut: both parts had their share of the same broadcasts, each since its own
// first arrival.
func mergeFanOut(a, b *FanOut) (f *FanOut, err error) {
	if a == nil || b == nil {
		return cmp.Or(a, b), nil
	}
	f = &FanOut{Broadcasts: max(a.Broadcasts, b.Broadcasts), Fewest: a.Fewest + b.Fewest, Median: a.Median + b.Median,
		Most: a.Most + b.Most}
	if f.Delay, err = mergeLatency(a.Delay, b.Delay); err != nil {
		return nil, err
	}
	f.Whole, err = mergeLatency(a.Whole, b.Whole)
	return f, err
}
