package diagnose

import (
	"cmp"
	"slices"

	"github.com/c10m/c10m/internal/result"
)

// Usage is where processor time went, whether or not something is at its limit:
// by core, by process of the server, which is a shard of one of ours, and by
// thread of server and client, the busiest of each, at most so many. nil: nothing
// is known.
func Usage(w Window, most int) *result.Usage {
	u := &result.Usage{}
	coresUse(&w, u, most)
	processesUse(&w, u, most)
	threadsUse(&w, u, most)
	upstreamsUse(&w, u, most)
	if u.CoreCount+u.ProcessCount+u.ThreadCount == 0 {
		return nil
	}
	return u
}

// upstreamsUse is whom the server talks to itself.
func upstreamsUse(w *Window, u *result.Usage, most int) {
	all := w.Seen.Upstreams
	u.UpstreamCount = len(all)
	for _, up := range all[:min(len(all), most)] {
		u.Upstreams = append(u.Upstreams, result.UpstreamUse{To: up.To.String(), PID: up.PID, Process: up.Process,
			Open: up.Open, New: up.New, Rate: up.Rate(), Threads: up.Threads})
	}
}

func coresUse(w *Window, u *result.Usage, most int) {
	for i, c := range w.cores() {
		u.Cores = append(u.Cores, result.CoreUse{ID: w.After.Cores.Each[i].ID, Busy: max(0, c.all),
			SoftIRQ: max(0, c.softirq), Stolen: max(0, c.stolen)})
	}
	slices.SortStableFunc(u.Cores, func(a, b result.CoreUse) int { return cmp.Compare(b.Busy, a.Busy) })
	u.CoreCount = len(u.Cores)
	u.Cores = u.Cores[:min(len(u.Cores), most)]
	if s := w.Seen; s.Looks > 0 && u.CoreCount > 0 {
		runnable := float64(s.Runnable) / float64(s.Looks)
		u.Runnable = &runnable
	}
}

func processesUse(w *Window, u *result.Usage, most int) {
	all := used(w.Before.Server, w.After.Server, w.seconds())
	slices.SortStableFunc(all, func(a, b shares) int { return cmp.Compare(b.want, a.want) })
	u.ProcessCount = len(all)
	for _, s := range all[:min(len(all), most)] {
		p := result.ProcessUse{PID: s.PID, Command: s.Name, Ran: s.run, Waited: s.want - s.run, Threads: len(s.threads)}
		if n := messagesOf(w, s.PID, len(all) == 1); n > 0 && s.calls > 0 {
			each := float64(s.calls) / float64(n)
			p.CallsPerMessage = &each
		}
		if open := s.FDs.Open; open >= 0 {
			p.FDs = &open
		}
		u.Processes = append(u.Processes, p)
	}
}

// messagesOf is how many messages a process of the server has echoed: as it
// says, or where it is the only one, as the client does.
func messagesOf(w *Window, pid int, only bool) int64 {
	if r := w.After.Report; r != nil && !only {
		return shardOf(r, pid).Messages - shardOf(w.Before.Report, pid).Messages
	}
	if r := w.After.Report; r != nil && w.Before.Report != nil {
		return r.Messages - w.Before.Report.Messages
	}
	if only {
		return w.Messages
	}
	return 0
}

func threadsUse(w *Window, u *result.Usage, most int) {
	type thread struct {
		of shares
		threadShare
	}
	var all []thread
	for _, s := range append(used(w.Before.Server, w.After.Server, w.seconds()),
		used(w.Before.Client, w.After.Client, w.seconds())...) {
		for _, t := range s.threads {
			all = append(all, thread{s, t})
		}
	}
	slices.SortStableFunc(all, func(a, b thread) int { return cmp.Compare(b.want, a.want) })
	u.ThreadCount = len(all)
	for _, t := range all[:min(len(all), most)] {
		u.Threads = append(u.Threads, result.ThreadUse{PID: t.of.PID, Process: t.of.Name, TID: t.TID, Command: t.Name,
			Ran: min(1, t.run), Waited: min(1, t.want-t.run)}) // its clock and ours are not read at once
	}
}
