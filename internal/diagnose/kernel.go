package diagnose

import (
	"fmt"
	"strings"

	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

// one is a rule's only finding.
func one(f result.Finding) []result.Finding { return []result.Finding{f} }

// conntrackFull: a full table drops the first packet of every new connection,
// without a word to either end.
func conntrackFull(w *Window) []result.Finding {
	a, b := w.After.Conntrack, w.Before.Conntrack
	if a == nil || a.Max == 0 {
		return nil
	}
	f := result.Finding{Name: ConntrackFull, Evidence: fmt.Sprintf("%s of %s entries in use", unit.Commas(a.Count), unit.Commas(a.Max)),
		Meaning: "Connection tracking remembers every connection, closed ones for two minutes more. When its table is full, the kernel drops the first packet of each new connection: connects time out, nobody is told.",
		Cure:    fmt.Sprintf("sysctl -w net.netfilter.nf_conntrack_max=%d, or no tracking for these ports (nft: notrack)", 4*a.Max)}
	dropped := a.Dropped
	if b != nil {
		dropped -= b.Dropped
	}
	switch share := float64(a.Count) / float64(a.Max); {
	case dropped > 0:
		f.Severity = 98
		f.Evidence += fmt.Sprintf(", %s packets dropped for it", unit.Commas(dropped))
	case share >= 0.95:
		f.Severity = 85
	case share >= 0.8:
		f.Severity = 55
	default:
		return nil
	}
	return one(f)
}

// portsUsedUp: connect(2) found no local port, EADDRNOTAVAIL, or soon will not.
func portsUsedUp(w *Window) []result.Finding {
	failed := w.Errors["connect_no_address"]
	p, all := w.Seen.Ports, w.Settings.LocalPorts
	f := result.Finding{Name: PortsUsedUp,
		Meaning: "A connection needs a local port that no other connection to the same destination from the same source has. TIME_WAIT holds each for 60 s after the close, on the side that closes first.",
		Cure:    "a wider net.ipv4.ip_local_port_range, more --sources or --ports, connections that are kept (keep-alive, a pool), net.ipv4.tcp_tw_reuse=1, or let the other side close first"}
	if all > 0 && p.Used > 0 {
		f.Evidence = fmt.Sprintf("%s of %s local ports in use from %s to %s, %s of them in TIME_WAIT", unit.Commas(p.Used), unit.Commas(all), p.From, p.To, unit.Commas(p.TimeWait))
	}
	share := 0.0
	if all > 0 {
		share = float64(p.Used) / float64(all)
	}
	switch {
	case failed > 0:
		f.Severity = 97
		said := fmt.Sprintf("%s connects failed with EADDRNOTAVAIL", unit.Commas(failed))
		if f.Evidence != "" {
			said += "; " + f.Evidence
		}
		f.Evidence = said
	case share >= 0.95:
		f.Severity = 95
	case share >= 0.8:
		f.Severity = 60
	default:
		return nil
	}
	return one(f)
}

// acceptQueue: connections came faster than the server accepted them. The
// counters are of all listeners of this machine: where only another program's
// queue was seen full, they are probably its own.
func acceptQueue(w *Window) []result.Finding {
	d, q, others := w.drops(), w.Seen.Queue, w.Seen.Others
	if d.ListenOverflows <= 0 && q.Full == 0 && others.Full == 0 {
		return nil
	}
	f := result.Finding{Name: AcceptQueue, Severity: 82,
		Meaning: "Finished handshakes wait in a queue until the server accepts them. When it is full the kernel drops what comes, and the client tries again 1, 3, 7 s later: latency in steps of seconds, with idle processors.",
		Cure:    "accept faster: more --workers or event loops"}
	var seen []string
	if d.ListenOverflows > 0 {
		f.Severity = 90
		seen = append(seen, fmt.Sprintf("%s connections overflowed an accept queue (ListenOverflows), %s SYNs and ACKs were dropped (ListenDrops)", unit.Commas(d.ListenOverflows), unit.Commas(d.ListenDrops)))
	}
	seen = append(seen, sentAgain(d)...)
	if q.Waiting > 0 {
		seen = append(seen, fmt.Sprintf("the fullest, port %d, had %s waiting with room for %s", q.Port, unit.Commas(q.Waiting), unit.Commas(q.Room)))
	}
	room := q.Room // of the fullest queue
	if q.Waiting == 0 {
		room = w.Settings.Somaxconn
	}
	if room > 0 && room < 4096 {
		f.Cure = fmt.Sprintf("sysctl -w net.core.somaxconn=65535 (now %d) and a larger backlog in listen(2), then restart the server; and accept faster", w.Settings.Somaxconn)
	}
	if q.Full == 0 && others.Full > 0 {
		f.Name, f.Severity, f.Cure = OthersQueue, 40, "find who listens there (ss -ltnp) and does not accept"
		if d.ListenOverflows > 0 {
			f.Severity = 60
		}
		seen = append(seen, fmt.Sprintf("full was port %d, which is not the server's: %s waiting with room for %s", others.Port, unit.Commas(others.Waiting), unit.Commas(others.Room)))
	}
	f.Evidence = strings.Join(seen, "; ")
	return one(f)
}

// sentAgain is what waits for a full queue to have room.
func sentAgain(d proc.Drops) []string {
	if d.SynRetrans <= 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s SYNs and SYN-ACKs were sent again (TCPSynRetrans)", unit.Commas(d.SynRetrans))}
}

// synQueue: more handshakes wait for their last ACK than listen(2)'s backlog.
// With net.ipv4.tcp_syncookies, the default, the kernel answers by a cookie
// instead of dropping the SYN.
func synQueue(w *Window) []result.Finding {
	d := w.drops()
	f := result.Finding{Name: SynQueue, Severity: 88,
		Meaning: "Handshakes that wait for the client's last ACK have a queue of their own; the client repeats a dropped SYN after 1 s.",
		Cure:    "sysctl -w net.ipv4.tcp_max_syn_backlog=262144 net.core.somaxconn=65535, and restart the server"}
	var seen []string
	switch {
	case d.RequestQueue > 0:
		seen = append(seen, fmt.Sprintf("%s SYNs dropped because the queue of unfinished handshakes was full (TCPReqQFullDrop)", unit.Commas(d.RequestQueue)))
	case d.Cookies > 0:
		f.Name, f.Severity = SynCookies, 57
		f.Meaning = "The queue of handshakes that wait for the client's last ACK was full, so these SYNs were answered by a cookie: it takes no memory, but such a connection may lose its window scaling and SACK, and one whose last ACK gets lost hangs. So many at a time come from a burst of clients, from clients that never answer, or from a SYN flood."
	default:
		return nil
	}
	if d.Cookies > 0 {
		seen = append(seen, fmt.Sprintf("%s SYN cookies were sent because it was full (TCPReqQFullDoCookies)", unit.Commas(d.Cookies)))
	}
	f.Evidence = strings.Join(append(seen, sentAgain(d)...), "; ")
	return one(f)
}

// tcpMemory: tcp_mem bounds what waits in the queues of all sockets.
func tcpMemory(w *Window) []result.Finding {
	d, s := w.drops(), w.Settings
	pages := max(w.Before.Sockets.MemPages, w.After.Sockets.MemPages)
	f := result.Finding{Name: TCPMemory, Evidence: fmt.Sprintf("%s pages in the queues of sockets; tcp_mem is %s %s %s", unit.Commas(pages), unit.Commas(s.TCPMem[0]), unit.Commas(s.TCPMem[1]), unit.Commas(s.TCPMem[2])),
		Meaning: "Past the middle mark of tcp_mem the kernel shrinks the windows of all connections, past the last it cuts some: some program does not read what is sent to it.",
		Cure:    "find who does not read (ss -tmn, Recv-Q and Send-Q), bound what waits for slow readers, or raise net.ipv4.tcp_mem"}
	switch {
	case d.MemoryAborts > 0:
		f.Severity = 89
		f.Evidence += fmt.Sprintf("; %s connections were cut (TCPAbortOnMemory)", unit.Commas(d.MemoryAborts))
	case d.MemoryPressure > 0 || s.TCPMem[1] > 0 && pages >= s.TCPMem[1]:
		f.Severity = 86
	case s.TCPMem[0] > 0 && pages >= s.TCPMem[0]:
		f.Severity = 55
	default:
		return nil
	}
	return one(f)
}

// timeWaitFull is harmless by itself: the kernel forgets connections early.
func timeWaitFull(w *Window) []result.Finding {
	n := w.drops().TimeWaitFull
	if n <= 0 {
		return nil
	}
	return one(result.Finding{Name: TimeWaitFull, Severity: 45,
		Evidence: fmt.Sprintf("%s connections were forgotten at once, tcp_max_tw_buckets is %s", unit.Commas(n), unit.Commas(w.Settings.MaxTimeWait)),
		Meaning:  "No more sockets may stay in TIME_WAIT: the next ones are dropped without it. It frees ports, and a late packet of an old connection may then meet a new one.",
		Cure:     "keep connections instead of closing them; or raise net.ipv4.tcp_max_tw_buckets"})
}

// manyInTimeWait is a remark: connections that could have been kept.
func manyInTimeWait(w *Window) []result.Finding {
	n, d := w.After.Sockets.TimeWait, w.drops()
	// Not what is left of before: those that came in this time.
	came := n - w.Before.Sockets.TimeWait + d.TimeWaited + d.TimeWaitReused
	if n < 1000 || came < 500 {
		return nil
	}
	f := result.Finding{Name: InTimeWait, Severity: 40, Evidence: fmt.Sprintf("%s sockets; %s came in %s", unit.Commas(n), unit.Commas(came), unit.Seconds(w.seconds())),
		Meaning: "Whoever closes a connection first keeps it for 60 s more. On the side that had connected it holds a local port, on the other only memory. So many tell of connections that serve one request each.",
		Cure:    "keep connections: keep-alive, a pool, in a proxy also towards its upstreams"}
	if s := w.Seen; s.Connecting+s.Accepting > 0 {
		f.Evidence += fmt.Sprintf("; at most %s on the side that had connected and %s on the side that had accepted", unit.Commas(s.Connecting), unit.Commas(s.Accepting))
	}
	return one(f)
}

// orphans: closed by their process, with data not yet acknowledged.
func orphans(w *Window) []result.Finding {
	n, most := max(w.Before.Sockets.Orphan, w.After.Sockets.Orphan), w.Settings.MaxOrphans
	if most <= 0 || n < most*9/10 {
		return nil
	}
	return one(result.Finding{Name: Orphans, Severity: 65,
		Evidence: fmt.Sprintf("%s of %s (tcp_max_orphans)", unit.Commas(n), unit.Commas(most)),
		Meaning:  "Sockets that were closed and still have data to send: above the limit the kernel resets them.",
		Cure:     "let the peers read before closing; raise net.ipv4.tcp_max_orphans"})
}
