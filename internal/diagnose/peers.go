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
		"The server's stderr names the error.", "see there"},
	{"tls_hello", "was sent TLS %s times on WebSocket ports that speak none", 91,
		"A client takes the port for one of wss://.", "ws:// instead of wss://, or a proxy before the server that ends TLS"},
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
