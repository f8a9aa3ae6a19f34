package diagnose

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

const (
	// leastLooks is how often something must have been seen to be more than chance.
	leastLooks = 5
	// stuckShare of the looks in one call is much for a loop, which is to be in none.
	stuckShare = 0.25
	// manyNew is how many new connections a second to one other server are worth a
	// word, and leastNew how many there must have been; briefShare of them must have
	// ended meanwhile.
	manyNew    = 5
	leastNew   = 20
	briefShare = 0.8
)

// loopBlocked: an event loop that waits for another server in a call, and not in
// its loop, lets all of its connections wait meanwhile. It shows neither as
// processor time nor as a queue that is full.
func loopBlocked(w *Window) []result.Finding {
	found := blockedLoop(w)
	if found == nil {
		return nil
	}
	share := found.Share()
	f := result.Finding{Name: LoopBlocked, Severity: 81,
		Evidence: fmt.Sprintf("the event loop of process %d (%s) sat in %s(2) on %s at %d of %d looks", found.PID,
			found.Process,
			found.Call, destination(found.To), found.Looks, found.Of),
		Meaning: "An event loop serves its connections one after another. While it waits for that answer it serves " +
			"none of them, however many there are, and its processor idles: more processors do not help.",
		Cure: "a driver that does not block (asyncio, libuv: one written for the loop), or the call in a pool of " +
			"threads (run_in_executor, asyncio.to_thread, worker_threads); and a shorter answer from there"}
	if share >= 0.6 {
		f.Severity = 88
	}
	if t, ok := threadOf(w, found.PID, found.TID); ok {
		f.Evidence += fmt.Sprintf("; its thread used %s of a processor", unit.WholePercent(t.run))
	}
	if u := upstreamTo(w, found.To); u != nil && connectsAnew(u) {
		f.Evidence += "; " + opens(u)
		f.Cure += "; and keep the connection, or a pool of them"
	}
	return one(f)
}

// blockedLoop is the loop that sits in calls on one other server most; nil: none.
func blockedLoop(w *Window) *Wait {
	for i := range w.Seen.Waits {
		if s := &w.Seen.Waits[i]; s.Loop && s.Looks >= leastLooks && s.Share() >= stuckShare {
			return s
		}
	}
	return nil
}

// connectsEachTime: a server that opens a connection to another one for each task
// and closes it again. Often nobody wrote that: a result store, a session or a
// metrics client does it behind a call.
func connectsEachTime(w *Window) (found []result.Finding) {
	loop := blockedLoop(w)
	for i := range w.Seen.Upstreams {
		u := &w.Seen.Upstreams[i]
		if !connectsAnew(u) || loop != nil && loop.To == u.To { // loopBlocked has said it
			continue
		}
		f := result.Finding{Name: ConnectsEachTime, Severity: 66,
			Evidence: fmt.Sprintf("process %d (%s) ", u.PID, u.Process) + strings.TrimPrefix(opens(u), "it "),
			Meaning: "Each of them is a handshake, a local port for the 60 s of TIME_WAIT where this end closes " +
				"first, and a process or thread that the other server starts for it. Code that never mentions that " +
				"server does this, too: a result store, a session, an ORM or a metrics client without a pool " +
				"connects behind a call.",
			Cure: "keep one connection, or a pool, for each process (a result backend that is not needed: off; " +
				"persistent connections of the ORM: on; keep-alive of the HTTP client), or a pooler beside it " +
				"(pgbouncer, a local proxy)"}
		if all := w.Settings.LocalPorts; all > 0 && u.Rate()*60 > float64(all)/2 {
			f.Severity = 78
			f.Evidence += fmt.Sprintf("; at that rate TIME_WAIT takes %s of %s local ports",
				unit.Commas(int64(u.Rate()*60)), unit.Commas(all))
		}
		found = append(found, f)
		break // the busiest stands for all
	}
	return found
}

func connectsAnew(u *Upstream) bool {
	return u.New >= leastNew && u.Rate() >= manyNew && float64(u.Ended) >= briefShare*float64(u.New)
}

// opens says how a server connects to another.
func opens(u *Upstream) string {
	return fmt.Sprintf("it opened %s connections to %s within %s, %s a second, and %s of them have ended again",
		unit.Commas(u.New), destination(u.To), unit.Seconds(u.Seconds), unit.Significant(u.Rate()),
		unit.Commas(u.Ended))
}

// upstreamTo is what was seen of one destination.
func upstreamTo(w *Window, to netip.AddrPort) *Upstream {
	for i := range w.Seen.Upstreams {
		if u := &w.Seen.Upstreams[i]; u.To == to {
			return u
		}
	}
	return nil
}

// threadOf is what a thread of the server did between the two moments.
func threadOf(w *Window, pid, tid int) (t threadShare, ok bool) {
	for _, s := range used(w.Before.Server, w.After.Server, w.seconds()) {
		for _, t := range s.threads {
			if s.PID == pid && t.TID == tid {
				return t, true
			}
		}
	}
	return t, false
}

// services are whose ports people know by name.
var services = map[uint16]string{
	53: "DNS", 80: "HTTP", 443: "HTTPS", 389: "LDAP", 636: "LDAPS", 25: "SMTP", 587: "SMTP",
	1433: "SQL Server", 1521: "Oracle", 2379: "etcd", 3306: "MySQL", 4222: "NATS", 5432: "PostgreSQL", 5672: "AMQP",
	6379: "Redis",
	6432: "PgBouncer", 8125: "StatsD", 8500: "Consul", 9042: "Cassandra", 9092: "Kafka", 9200: "Elasticsearch",
	11211: "memcached",
	27017: "MongoDB",
}

// destination names another server: "127.0.0.1:5432 (PostgreSQL's port)".
func destination(to netip.AddrPort) string {
	switch name := services[to.Port()]; {
	case !to.IsValid():
		return "a socket that is not TCP's (a Unix socket, or UDP as for names)"
	case name != "":
		return fmt.Sprintf("%s (%s's port)", to, name)
	}
	return to.String()
}
