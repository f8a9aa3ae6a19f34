package diagnose

import (
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
)

// What the kernel has no more room for.
const (
	ConntrackFull = "conntrack_full"
	PortsUsedUp   = "local_ports_used_up"
	AcceptQueue   = "accept_queue_full"
	OthersQueue   = "accept_queue_of_another_program_full"
	SynQueue      = "syn_queue_full"
	SynCookies    = "syn_cookies_sent"
	TCPMemory     = "tcp_memory"
	TimeWaitFull  = "time_wait_table_full"
	InTimeWait    = "many_in_time_wait"
	Orphans       = "orphaned_sockets"
)

var kernelRules = []rule{
	{[]string{ConntrackFull}, conntrackFull},
	{[]string{PortsUsedUp}, portsUsedUp},
	{[]string{AcceptQueue, OthersQueue}, acceptQueue},
	{[]string{SynQueue, SynCookies}, synQueue},
	{[]string{TCPMemory}, tcpMemory},
	{[]string{TimeWaitFull}, timeWaitFull},
	{[]string{InTimeWait}, manyInTimeWait},
	{[]string{Orphans}, orphans},
}

// conntrackFull: a full table drops the first packet of every new connection,
// without a word to either end.
func conntrackFull(w *Window) []result.Finding {
	a, b := w.After.Conntrack, w.Before.Conntrack
	if a == nil || a.Max == 0 {
		return nil
	}
	dropped := a.Dropped
	if b != nil {
		dropped -= b.Dropped
	}
	f := result.Found(ConntrackFull, 0).Count("entries", a.Count).Count("max", a.Max).Count("want", 4*a.Max)
	switch share := float64(a.Count) / float64(a.Max); {
	case dropped > 0:
		f = f.Count("dropped", dropped)
		f.Severity = 98
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
	f, share := result.Found(PortsUsedUp, 0), 0.0
	if all > 0 {
		share = float64(p.Used) / float64(all)
	}
	if share > 0 {
		f = f.Count("used", p.Used).Count("ports", all).Word("from", p.From).Word("to", p.To).
			Count("in_time_wait", p.TimeWait)
	}
	switch {
	case failed > 0:
		f = f.Count("failed", failed)
		f.Severity = 97
	case share >= 0.95:
		f.Severity = 95
	case share >= 0.8:
		f.Severity = 60
	default:
		return nil
	}
	return one(f)
}

// manyWaiting is a backlog that seldom is too short.
const manyWaiting = 4096

// acceptQueue: connections came faster than the server accepted them. The
// counters are of all listeners of this machine: where only another program's
// queue was seen full, they are probably its own.
func acceptQueue(w *Window) []result.Finding {
	d, q, others := w.drops(), w.Seen.Queue, w.Seen.Others
	if d.ListenOverflows <= 0 && q.Full == 0 && others.Full == 0 {
		return nil
	}
	f := result.Found(AcceptQueue, 82)
	if d.ListenOverflows > 0 {
		f = f.Count("overflows", d.ListenOverflows).Count("drops", d.ListenDrops)
		f.Severity = 90
	}
	f = sentAgain(f, d)
	room := w.Settings.Somaxconn
	if q.Waiting > 0 {
		f = f.Count("port", int64(q.Port)).Count("waiting", q.Waiting).Count("room", q.Room)
		room = q.Room // of the fullest queue
	}
	if room > 0 && room < manyWaiting {
		f = f.Count("somaxconn", w.Settings.Somaxconn)
	}
	if q.Full == 0 && others.Full > 0 {
		f.Code, f.Severity = OthersQueue, 40
		if d.ListenOverflows > 0 {
			f.Severity = 60
		}
		f = f.Count("other_port", int64(others.Port)).Count("other_waiting", others.Waiting).
			Count("other_room", others.Room)
	}
	return one(f)
}

// sentAgain adds what waits for a full queue to have room.
func sentAgain(f result.Finding, d proc.Drops) result.Finding {
	if d.SynRetrans <= 0 {
		return f
	}
	return f.Count("sent_again", d.SynRetrans)
}

// synQueue: more handshakes wait for their last ACK than listen(2)'s backlog.
// With net.ipv4.tcp_syncookies, the default, the kernel answers by a cookie
// instead of dropping the SYN.
func synQueue(w *Window) []result.Finding {
	d := w.drops()
	f := result.Found(SynQueue, 88)
	switch {
	case d.RequestQueue > 0:
		f = f.Count("dropped", d.RequestQueue)
	case d.Cookies > 0:
		f = result.Found(SynCookies, 57)
	default:
		return nil
	}
	if d.Cookies > 0 {
		f = f.Count("cookies", d.Cookies)
	}
	return one(sentAgain(f, d))
}

// tcpMemory: tcp_mem bounds what waits in the queues of all sockets.
func tcpMemory(w *Window) []result.Finding {
	d, mem := w.drops(), w.Settings.TCPMem
	pages := max(w.Before.Sockets.MemPages, w.After.Sockets.MemPages)
	f := result.Found(TCPMemory, 0).Count("pages", pages).Count("calm_pages", mem[0]).
		Count("pressure_pages", mem[1]).Count("most_pages", mem[2])
	switch {
	case d.MemoryAborts > 0:
		f = f.Count("cut", d.MemoryAborts)
		f.Severity = 89
	case d.MemoryPressure > 0 || mem[1] > 0 && pages >= mem[1]:
		f.Severity = 86
	case mem[0] > 0 && pages >= mem[0]:
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
	return one(result.Found(TimeWaitFull, 45).Count("forgotten", n).Count("max", w.Settings.MaxTimeWait))
}

// manyInTimeWait is a remark: connections that could have been kept.
func manyInTimeWait(w *Window) []result.Finding {
	n, d := w.After.Sockets.TimeWait, w.drops()
	// Not what is left of before: those that came in this time.
	came := n - w.Before.Sockets.TimeWait + d.TimeWaited + d.TimeWaitReused
	if n < 1000 || came < 500 {
		return nil
	}
	f := result.Found(InTimeWait, 40).Count("sockets", n).Count("came", came).Number("over_seconds", w.seconds())
	if s := w.Seen; s.Connecting+s.Accepting > 0 {
		f = f.Count("connecting", s.Connecting).Count("accepting", s.Accepting)
	}
	return one(f)
}

// orphans: closed by their process, with data not yet acknowledged.
func orphans(w *Window) []result.Finding {
	n, most := max(w.Before.Sockets.Orphan, w.After.Sockets.Orphan), w.Settings.MaxOrphans
	if most <= 0 || n < most*9/10 {
		return nil
	}
	return one(result.Found(Orphans, 65).Count("orphans", n).Count("max", most))
}
