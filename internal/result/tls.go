package result

import (
	"cmp"
	"fmt"
	"slices"
)

// TLS is how a run's connections were secured. The time that TCP took to connect
// before is not in it: that is Setup.Latency.
type TLS struct {
	Full     int64    `json:"full_handshakes"`    // in which the server proved who it is
	Resumed  int64    `json:"resumed_handshakes"` // which went on with an earlier session
	Rate     float64  `json:"rate,omitempty"`     // handshakes per second of the ramp, or of users that come and go
	Latency  *Latency `json:"latency,omitempty"`  // from the ClientHello on
	Mixed    bool     `json:"mixed,omitempty"`    // other connections of the run are plain
	Verified bool     `json:"verified"`           // who the server is was checked; false: --insecure
	Agreed   []Agreed `json:"agreed,omitempty"`   // most frequent first
	// Alerts are those of the servers, by their names in RFC 8446 section 6. Some causes
	// of failures, as Conns counts them, are several of them.
	Alerts ErrorCounts `json:"alerts,omitempty"`
}

// Agreed is what both ends of connections agreed on.
type Agreed struct {
	Version  string `json:"version"`            // TLS 1.3
	Cipher   string `json:"cipher"`             // TLS_AES_128_GCM_SHA256
	Protocol string `json:"protocol,omitempty"` // application protocol, RFC 7301
	Count    int64  `json:"count"`              // of handshakes
}

// SortAgreed puts the most frequent first.
func SortAgreed(all []Agreed) {
	slices.SortFunc(all, func(a, b Agreed) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Cipher, b.Cipher),
			cmp.Compare(a.Protocol, b.Protocol))
	})
}

func (t *TLS) check() error {
	if t == nil {
		return nil
	}
	if t.Full < 0 || t.Resumed < 0 || t.Rate < 0 {
		return fmt.Errorf("tls: a number is negative: %d full, %d resumed, rate %g", t.Full, t.Resumed, t.Rate)
	}
	for name, n := range t.Alerts {
		if n < 0 {
			return fmt.Errorf("tls: alerts: %s: %d is negative", name, n)
		}
	}
	return t.Latency.check("tls.latency")
}

// mergeTLS adds what two parts of a run counted.
func mergeTLS(a, b *TLS) (t *TLS, err error) {
	if a == nil || b == nil {
		return cmp.Or(a, b), nil
	}
	t = &TLS{Full: a.Full + b.Full, Resumed: a.Resumed + b.Resumed, Rate: a.Rate + b.Rate,
		Mixed: a.Mixed || b.Mixed, Verified: a.Verified && b.Verified,
		Agreed: slices.Clone(a.Agreed)}
	for _, on := range b.Agreed {
		same := func(one Agreed) bool {
			one.Count = on.Count
			return one == on
		}
		if i := slices.IndexFunc(t.Agreed, same); i >= 0 {
			t.Agreed[i].Count += on.Count
		} else {
			t.Agreed = append(t.Agreed, on)
		}
	}
	SortAgreed(t.Agreed)
	t.Alerts = a.Alerts.Plus(b.Alerts)
	t.Latency, err = mergeLatency(a.Latency, b.Latency)
	return t, err
}
