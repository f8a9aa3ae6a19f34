package diagnose

import (
	"fmt"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

// drops are the causes for which a server of ours ends connections of its own
// accord, or refuses them, with what that means and what helps. Breaches of a
// protocol are not among them: the client's own causes say more of these.
var drops = []struct {
	cause, did    string
	severity      int
	meaning, cure string
}{
	{"slow_reader", "dropped %s connections as slow readers", 88,
		"Their peers took nothing of the echoes that waited for them for all of --stall. " +
			"A peer that reads, however slowly, is only read from more slowly itself.",
		"let the client read while it sends; or start the server with a longer --stall"},
	{"over_budget", "dropped %s connections for what it kept for them", 89,
		"What waits for all peers together was more than --buffer-budget; the largest and slowest go first.",
		"let clients read what they asked for; or start the server with a larger --buffer-budget"},
	{"cut_short", "reset %s connections before they had taken all of their echoes", 87,
		"There was no file descriptor left to go on sending by, or the server was ending.",
		"a higher fd limit, or a smaller --max-conns"},
	{"urgent_data", "reset %s connections for urgent data", 70,
		"Urgent data beyond a gap in the stream is readiness that no read takes away: " +
			"with gnet it would keep an event loop busy.",
		"send no urgent data (MSG_OOB); --engine epoll does not watch for it"},
	{"watch_limit", "refused %s connections for want of epoll watches", 92,
		"fs.epoll.max_user_watches bounds them over all processes of a user, the client's too.",
		"sysctl -w fs.epoll.max_user_watches=..."},
	{"memory_low", "refused %s connections for want of memory", 92,
		"The machine, or the cgroup of the server, was nearly out of memory.",
		"more memory, or fewer connections"},
	{"accept_failed", "lost %s connections to errors of accept4(2)", 90,
		"The server's stderr names the error.", "see the server's stderr"},
	{"tls_plain_text", "was sent plain text %s times on ports that speak TLS", 91,
		"A client takes the port for one without TLS.",
		"wss:// or https:// instead of ws:// or http://; or start the server without --tls"},
	{"tls_timeout", "gave up %s TLS handshakes that took too long", 80,
		"Their peers said nothing, or not all, within --handshake-timeout; or had to make room for others.",
		"look for clients that are overloaded or far away; --handshake-timeout is the time that they have"},
	{"tls_closed", "saw %s peers close in the middle of the TLS handshake", 70,
		"They gave up, or only checked whether somebody answers.", "see the clients' own errors"},
	{"tls_version", "found no version of TLS in common with a peer %s times", 85,
		"The server speaks TLS 1.2 and 1.3.", "a client that speaks TLS 1.2"},
	{"tls_cipher", "found no cipher, curve or kind of key in common with a peer %s times", 85,
		"A certificate with an ECDSA key needs clients that support ECDSA.",
		"a certificate with an RSA key (--cert) for clients that know no other"},
	{"tls_protocol", "found no application protocol in common with a peer %s times", 85,
		"The client asks for others than --alpn names (ALPN, RFC 7301).",
		"name what the client asks for in --alpn, or leave that out"},
	{"tls_no_certificate", "refused %s connections without a client certificate", 85,
		"The server was started with --client-ca.",
		"give the client a certificate and its key, or leave out --client-ca"},
	{"tls_bad_certificate", "refused the client certificates of %s connections", 85,
		"They are expired, or none of --client-ca has signed them.",
		"a certificate that one of --client-ca has signed"},
	{"tls_untrusted", "had its certificate refused %s times", 90,
		"The clients do not trust whoever signed it; one that the server made at its start is trusted by nobody yet.",
		"give the client the certificate to trust, or its pin; or start the server with --cert and --key that " +
			"it trusts"},
	{"tls_hello", "was sent TLS %s times on WebSocket ports that speak none", 91,
		"A client takes the port for one of wss://.",
		"ws:// instead of wss://, or a proxy before the server that ends TLS"},
}

// peersDropped: a server of ours has ended connections, and why.
func peersDropped(w *Window) (found []result.Finding) {
	if w.After.Report == nil {
		return nil
	}
	for _, d := range drops {
		n := w.After.Report.Refused[d.cause]
		if w.Before.Report != nil {
			n -= w.Before.Report.Refused[d.cause]
		}
		if n > 0 {
			found = append(found, result.Finding{Name: PeersDropped + ": " + d.cause, Severity: d.severity,
				Evidence: fmt.Sprintf("the server "+d.did, unit.Commas(n)), Meaning: d.meaning, Cure: d.cure})
		}
	}
	return found
}
