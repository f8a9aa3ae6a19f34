package scenario

import (
	"github.com/c10m/c10m/internal/loadgen"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/result"
)

// newTLS are the handshakes of a run; nil where connections are plain. n of them
// were done in so many seconds.
func newTLS(t *plan.Target, done *loadgen.TLS, n int64, seconds float64) *result.TLS {
	if !t.TLS.On {
		return nil
	}
	r := &result.TLS{Full: done.Full, Resumed: done.Resumed, Verified: !t.TLS.Insecure, Mixed: t.MixesTLS()}
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
	r.Alerts = done.Alerts
	return r
}

// warnTLS says what is not checked, and what is a mean.
func (p *Prepared) warnTLS(t *plan.Target) {
	if t.TLS.On && t.TLS.Insecure {
		p.warn(result.Warn("tls_not_verified"))
	}
	if t.MixesTLS() {
		p.warn(result.Warn("tls_mixed").Number("secured_share", t.SecuredShare()))
	}
}
