package result

// Packets is what a client without sockets counted, which speaks TCP itself: of a
// client with sockets the kernel keeps the like (/proc/net/netstat), of all
// programs together.
type Packets struct {
	Sent     int64 `json:"sent"`
	Received int64 `json:"received"`
	Repeated int64 `json:"repeated,omitempty"`      // segments that were sent again
	Probes   int64 `json:"window_probes,omitempty"` // of windows that the server had shut
	// Of what came:
	Duplicates int64 `json:"duplicates,omitempty"`  // had come before; the server's keepalive probes are
	Gaps       int64 `json:"beyond_gaps,omitempty"` // lay beyond a gap, and had to come again
	// Challenged are segments that would end a connection, or acknowledge what was
	// never sent, and do not say its exact number: RFC 5961 has their sender asked
	// whether it meant that.
	Challenged int64 `json:"challenged,omitempty"`
	Stray      int64 `json:"stray,omitempty"`   // of no connection that there is
	Foreign    int64 `json:"foreign,omitempty"` // from elsewhere, or to nobody of us
	Damaged    int64 `json:"damaged,omitempty"` // with a wrong checksum, or cut off
	// Of what we would have sent:
	Unanswered int64 `json:"unanswered,omitempty"` // too many answers of one kind were asked for
	Refused    int64 `json:"refused,omitempty"`    // the device took no more; they were sent again
}

func (p *Packets) fields() [12]*int64 {
	return [...]*int64{&p.Sent, &p.Received, &p.Repeated, &p.Probes, &p.Duplicates, &p.Gaps, &p.Challenged, &p.Stray,
		&p.Foreign, &p.Damaged, &p.Unanswered, &p.Refused}
}

// Add adds what another part counted.
func (p *Packets) Add(q Packets) {
	to, from := p.fields(), q.fields()
	for i := range to {
		*to[i] += *from[i]
	}
}

func (p *Packets) check() error {
	if p == nil {
		return nil
	}
	for _, n := range p.fields() {
		if err := legal("packets", *n); err != nil {
			return err
		}
	}
	return nil
}

func mergePackets(a, b *Packets) *Packets {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	sum := *a
	sum.Add(*b)
	return &sum
}
