package scenario

import (
	"github.com/c10m/c10m/internal/loadgen"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/result"
)

// newTLS are the handshakes of a run; nil where connections are plain. n of them
// were done in so many seconds.
func newTLS(t *plan.TLS, done *loadgen.TLS, n int64, seconds float64) *result.TLS {
	if !t.On {
		return nil
	}
	r := &result.TLS{Full: done.Full, Resumed: done.Resumed, Verified: !t.Insecure}
	if done.Took != nil {
		r.Latency = done.Took.Summary()
	}
	if seconds > 0 {
		r.Rate = float64(n) / seconds
	}
	for on, count := range done.Agreed {
		r.Agreed = append(r.Agreed, result.Agreed{Version: on.Version, Cipher: on.Cipher, Protocol: on.Protocol,
			Count: count})
	}
	result.SortAgreed(r.Agreed)
	return r
}

// warnTLS says what is not checked.
func (p *Prepared) warnTLS(t *plan.TLS) {
	if t.On && t.Insecure {
		p.warn(result.Warn("tls_not_verified"))
	}
}
