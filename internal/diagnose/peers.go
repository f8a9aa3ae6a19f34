package diagnose

import "github.com/c10m/c10m/internal/result"

// PeersDropped begins the codes of connections that a server of ours ended or refused
// of its own accord; the cause follows, as package echo names it.
const PeersDropped = "peers_dropped_"

// drops are the causes of that, and how much each limits. Breaches of a protocol are
// not among them: the client's own causes say more of these.
var drops = []struct {
	cause    string
	severity int
}{
	{"slow_reader", 88},
	{"over_budget", 89},
	{"cut_short", 87},
	{"urgent_data", 70},
	{"watch_limit", 92},
	{"memory_low", 92},
	{"accept_failed", 90},
	{"tls_plain_text", 91},
	{"tls_timeout", 80},
	{"tls_closed", 70},
	{"tls_version", 85},
	{"tls_cipher", 85},
	{"tls_protocol", 85},
	{"tls_no_certificate", 85},
	{"tls_bad_certificate", 85},
	{"tls_untrusted", 90},
	{"tls_hello", 91},
}

var peerRules = []rule{{dropCodes(), peersDropped}}

func dropCodes() (all []string) {
	for _, d := range drops {
		all = append(all, PeersDropped+d.cause)
	}
	return all
}

// peersDropped: a server of ours has ended connections, and why.
func peersDropped(w *Window) (found []result.Finding) {
	for _, d := range drops {
		if n := w.refused(d.cause); n > 0 {
			found = append(found, result.Found(PeersDropped+d.cause, d.severity).Count("times", n))
		}
	}
	return found
}

// refused is how many connections a server of ours ended for a cause in this time.
func (w *Window) refused(cause string) int64 {
	if w.After.Report == nil {
		return 0
	}
	n := w.After.Report.Refused[cause]
	if w.Before.Report != nil {
		n -= w.Before.Report.Refused[cause]
	}
	return n
}
