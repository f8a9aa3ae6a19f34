package diagnose

import (
	"net/netip"

	"github.com/c10m/c10m/internal/result"
)

// What a server does with other servers that keeps it from serving.
const (
	LoopBlocked      = "event_loop_blocked_by_a_call"
	ConnectsEachTime = "a_new_connection_for_each_task"
)

var backendRules = []rule{{[]string{LoopBlocked}, loopBlocked}, {[]string{ConnectsEachTime}, connectsEachTime}}

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
	f := result.Found(LoopBlocked, 81).Count("pid", int64(found.PID)).Word("process", found.Process).
		Word("call", found.Call).Word("upstream", address(found.To)).Count("looks", int64(found.Looks)).
		Count("of", int64(found.Of))
	if found.Share() >= 0.6 {
		f.Severity = 88
	}
	if t, ok := threadOf(w, found.PID, found.TID); ok {
		f = f.Number("ran_share", t.run)
	}
	if u := upstreamTo(w, found.To); u != nil && connectsAnew(u) {
		f = opens(f, u)
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
func connectsEachTime(w *Window) []result.Finding {
	loop := blockedLoop(w)
	for i := range w.Seen.Upstreams {
		u := &w.Seen.Upstreams[i]
		if !connectsAnew(u) || loop != nil && loop.To == u.To { // loopBlocked has said it
			continue
		}
		f := opens(result.Found(ConnectsEachTime, 66), u).Count("pid", int64(u.PID)).Word("process", u.Process).
			Word("upstream", address(u.To))
		if all := w.Settings.LocalPorts; all > 0 && u.Rate()*60 > float64(all)/2 {
			f = f.Count("taken", int64(u.Rate()*60)).Count("ports", all)
			f.Severity = 78
		}
		return one(f) // the busiest stands for all
	}
	return nil
}

func connectsAnew(u *Upstream) bool {
	return u.New >= leastNew && u.Rate() >= manyNew && float64(u.Ended) >= briefShare*float64(u.New)
}

// opens adds how a server connects to another.
func opens(f result.Finding, u *Upstream) result.Finding {
	return f.Count("new", u.New).Number("over_seconds", u.Seconds).Number("new_per_second", u.Rate()).
		Count("ended", u.Ended)
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

// notTCP stands for another server's address where a socket is not TCP's.
const notTCP = "not_tcp"

func address(to netip.AddrPort) string {
	if !to.IsValid() {
		return notTCP
	}
	return to.String()
}
