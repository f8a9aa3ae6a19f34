package tcp

// Bounds of the retransmission time-out, in milliseconds. RFC 6298 section 2.4
// asks for a minimum of 1 s and allows less where it is known to be safe; 200 ms
// is what Linux takes (TCP_RTO_MIN), and covers its delayed acknowledgements.
const (
	initialRTO = 1000
	minRTO     = 200
	maxRTO     = 60_000
)

// rtt estimates the round-trip time, RFC 6298 section 2, in microseconds, from
// samples in milliseconds.
type rtt struct {
	smoothed, variance int64
	known              bool
}

// sample takes up one measured round trip. One that was repeated must not be
// given (Karn's rule, section 3).
func (r *rtt) sample(ms uint32) {
	s := int64(ms) * 1000
	if !r.known {
		r.smoothed, r.variance, r.known = s, s/2, true
		return
	}
	d := r.smoothed - s
	if d < 0 {
		d = -d
	}
	r.variance += (d - r.variance) / 4
	r.smoothed += (s - r.smoothed) / 8
}

// timeout is the retransmission time-out after so many in a row, in
// milliseconds: doubled each time, section 5.5.
func (r *rtt) timeout(tries uint8) uint32 {
	rto := int64(initialRTO)
	if r.known {
		rto = max(minRTO, (r.smoothed+max(1000, 4*r.variance)+999)/1000)
	}
	return uint32(min(maxRTO, rto<<min(tries, 16)))
}
