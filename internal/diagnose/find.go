package diagnose

import (
	"slices"
	"time"

	"github.com/c10m/c10m/internal/result"
)

// rule looks for one kind of trouble.
type rule struct {
	codes []string                         // of what it may find
	look  func(w *Window) []result.Finding // nothing where that is not so
}

// rules are all of them, those of a subject in its file. Severities are set so that a
// cause comes before what follows from it: a server that is stopped also overflows its
// accept queue.
var rules = slices.Concat(serverRules, idleRules, peerRules, kernelRules, backendRules, cgroupRules, processorRules)

// Find says what limits, severest first. Nothing found is an empty list.
func Find(w Window) []result.Finding {
	var all []result.Finding
	for _, r := range rules {
		all = append(all, r.look(&w)...)
	}
	slices.SortStableFunc(all, func(a, b result.Finding) int { return b.Severity - a.Severity })
	return classic(&w, all)
}

// Codes are those of all findings that there may be.
func Codes() (all []string) {
	for _, r := range rules {
		all = append(all, r.codes...)
	}
	return append(all, IdleYetSlow)
}

// one is a rule's only finding.
func one(f result.Finding) []result.Finding { return []result.Finding{f} }

// IdleYetSlow is latency that grows while nothing of the machine is at its limit.
const IdleYetSlow = "idle_yet_slow"

// Blocking are the findings for which a server is slow while processors idle.
var Blocking = []string{Stopped, CPUQuota, AcceptQueue, SynQueue, HotShard, LoopBlocked, ServerThread, LockWait}

// slower is how much latency must grow, from the first quarter of the run to
// the last, to be called growing.
const slower = 3

// classic names the case that puzzles people: all processors below 100 %, and yet
// latency grows. If a cause is found, it gets these facts, too; otherwise they are a
// finding of their own.
func classic(w *Window, found []result.Finding) []result.Finding {
	first, last, grows := growth(w.Latency)
	top, known := busiest(w)
	if !grows || !known || top >= 0.9 {
		return found
	}
	puzzle := func(f result.Finding) result.Finding {
		return f.Number("busiest_share", top).Count("p99_first_ns", int64(first)).Count("p99_last_ns", int64(last))
	}
	for i, f := range found {
		if f.Severity >= result.Strains && slices.Contains(Blocking, f.Code) {
			found[i] = puzzle(f)
			return found
		}
	}
	return insert(found, puzzle(result.Found(IdleYetSlow, 75)))
}

// growth compares p99 of the first and the last quarter: the medians, as one piece
// may be an outlier, and the last must be above all of the first. Pieces without a
// message are ignored: a client that waits for the server ends with some.
func growth(run []Stretch) (first, last time.Duration, grows bool) {
	all := slices.DeleteFunc(slices.Clone(run), func(s Stretch) bool { return s.Messages == 0 })
	if len(all) < 4 {
		return 0, 0, false
	}
	q := len(all) / 4
	first, most := middle(all[:q])
	last, _ = middle(all[len(all)-q:])
	return first, last, first > 0 && last >= slower*first && last > most && last-first >= 10*time.Millisecond
}

// middle is the median p99, and the largest.
func middle(some []Stretch) (median, most time.Duration) {
	sorted := make([]time.Duration, len(some))
	for i, s := range some {
		sorted[i] = s.P99
	}
	slices.Sort(sorted)
	return sorted[len(sorted)/2], sorted[len(sorted)-1]
}

func busiest(w *Window) (share float64, known bool) {
	for _, c := range w.cores() {
		share, known = max(share, c.all), true
	}
	return share, known
}

// insert keeps the order.
func insert(list []result.Finding, f result.Finding) []result.Finding {
	at := slices.IndexFunc(list, func(g result.Finding) bool { return g.Severity < f.Severity })
	if at < 0 {
		at = len(list)
	}
	return slices.Insert(list, at, f)
}
