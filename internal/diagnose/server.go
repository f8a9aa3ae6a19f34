package diagnose

import (
	"fmt"
	"slices"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

// stopped: a signal or a tracer keeps the server from running.
func stopped(w *Window) []result.Finding {
	s := w.Seen
	if s.Looks == 0 || s.Stopped == 0 || s.Stopped*20 < s.Looks {
		return nil
	}
	share := float64(s.Stopped) / float64(s.Looks)
	f := result.Finding{Name: Stopped, Severity: 93 + int(6*share),
		Evidence: fmt.Sprintf("process %d was stopped (state T) at %d of %d looks", s.StoppedPID, s.Stopped, s.Looks),
		Meaning:  "A signal (SIGSTOP, SIGTSTP), a debugger or a frozen container keeps the server from running: connections and messages wait in the kernel.",
		Cure:     fmt.Sprintf("kill -CONT %d, and find who stops it", s.StoppedPID)}
	if s.Unread > 0 {
		f.Evidence += fmt.Sprintf("; up to %s bytes waited for it to be read", unit.Commas(s.Unread))
	}
	return one(f)
}

// fdsUsedUp: a process, or the whole system, has no fd left.
func fdsUsedUp(w *Window) (found []result.Finding) {
	const why = "A socket is an fd. Without one a server cannot accept and a client cannot connect."
	if n := w.Errors["socket_fd_limit"]; n > 0 {
		found = append(found, result.Finding{Name: FDsUsedUp, Severity: 96, Evidence: fmt.Sprintf("the client's socket(2) failed %s times with EMFILE", unit.Commas(n)), Meaning: why, Cure: "ulimit -n, or --private-fds on"})
	}
	for _, p := range append(append([]Process{}, w.After.Server...), w.After.Client...) {
		if p.FDs.Limit <= 0 || p.FDs.Open*10 < p.FDs.Limit*9 {
			continue
		}
		f := result.Finding{Name: FDsUsedUp, Severity: 62, Evidence: fmt.Sprintf("process %d (%s) holds %s of %s", p.PID, p.Name, unit.Commas(p.FDs.Open), unit.Commas(p.FDs.Limit)),
			Meaning: why, Cure: "raise the limit (ulimit -n, LimitNOFILE=, prlimit --pid), or more worker processes"}
		if p.FDs.Open*100 >= p.FDs.Limit*98 {
			f.Severity = 91
		}
		found = append(found, f)
		break // one process stands for all like it
	}
	if n := w.Errors["socket_file_max"]; n > 0 || w.After.FileMax > 0 && w.After.Files > w.After.FileMax/20*19 {
		found = append(found, result.Finding{Name: FilesUsedUp, Severity: 92, Evidence: fmt.Sprintf("%s of %s (fs.file-max), %s calls failed with ENFILE", unit.Commas(w.After.Files), unit.Commas(w.After.FileMax), unit.Commas(n)),
			Meaning: why, Cure: "sysctl -w fs.file-max=..."})
	}
	return found
}

// serverFull: a server of ours refuses what is above its own limit.
func serverFull(w *Window) []result.Finding {
	if w.After.Report == nil {
		return nil
	}
	r := w.After.Report
	n := r.Refused["over_limit"]
	if w.Before.Report != nil {
		n -= w.Before.Report.Refused["over_limit"]
	}
	if n <= 0 {
		return nil
	}
	return one(result.Finding{Name: ServerFull, Severity: 93,
		Evidence: fmt.Sprintf("the server refused %s connections; it holds %s and takes %s", unit.Commas(n), unit.Commas(r.Open), unit.Commas(r.MaxConns)),
		Meaning:  "The server closes what it cannot hold before its fds run out.",
		Cure:     "start it with a larger --max-conns, or a higher fd limit"})
}

// hotShard: one of several worker processes, or one of the event loops of the
// only process, does nearly all of the work. How much of it is told by its
// messages, or else by the processor time it had; that it is busy, by the time it
// ran or was ready to.
func hotShard(w *Window) []result.Finding {
	all, what := parts(w)
	if len(all) < 2 {
		return nil
	}
	top, sum := all[0], 0.0
	for _, p := range all {
		sum += p.work
		if p.work > top.work {
			top = p
		}
	}
	rest := (sum - top.work) / float64(len(all)-1)
	least := 0.4
	if starving(w) {
		least = 0.1 // it would want more if its client had a processor
	}
	if top.want < least || rest > top.work/4 {
		return nil
	}
	f := result.Finding{Name: HotShard, Severity: 78,
		Evidence: fmt.Sprintf("%s did %s of the work (%s) and wanted %s, the other %d did %s", top.name,
			unit.WholePercent(top.work/sum), what, cores(top.want), len(all)-1, unit.WholePercent((sum-top.work)/sum)),
		Meaning: "A connection stays with the worker, and there with the event loop, that it was assigned to. The others idle while this one has a queue: the machine looks half empty and latency grows.",
		Cure:    "more ports or more connections for the kernel to distribute, other source ports, fewer workers; or see which connections are the busy ones"}
	if top.want >= 0.7 {
		f.Severity = 84
	}
	f.Evidence += top.dealt
	return one(f)
}

// part is a worker process or an event loop.
type part struct {
	name       string
	work, want float64
	dealt      string // what it has to do, if that is known
}

// parts are the worker processes; or the event loops of the only one, where it
// counts their messages. Its threads tell nothing: Go moves a loop from thread to
// thread, and of another server what idles may be a helper of the busy thread.
func parts(w *Window) (all []part, unit string) {
	procs := slices.DeleteFunc(used(w.Before.Server, w.After.Server, w.seconds()), func(s shares) bool { return w.Parents[s.PID] })
	if len(procs) == 1 {
		return loops(w, procs[0]), "messages"
	}
	work, unit := workOf(w, procs)
	for i, s := range procs {
		all = append(all, part{name: fmt.Sprintf("worker process %d", s.PID), work: work[i], want: s.want, dealt: dealt(w, s.PID)})
	}
	return all, unit
}

// loops shares the processor time of a process out by the messages of its loops.
func loops(w *Window, s shares) (all []part) {
	before, sum := shardOf(w.Before.Report, s.PID).Loops, 0.0
	for i, n := range shardOf(w.After.Report, s.PID).Loops {
		if i < len(before) {
			n -= before[i]
		}
		sum += float64(n)
		all = append(all, part{name: fmt.Sprintf("event loop %d of process %d", i, s.PID), work: float64(n)})
	}
	for i := range all {
		all[i].want = s.want * all[i].work / max(1, sum)
	}
	return all
}

// starving says whether the machine has no processor time left.
func starving(w *Window) bool {
	each := w.cores()
	sum := 0.0
	for _, c := range each {
		sum += c.all + c.stolen
	}
	return len(each) > 0 && sum >= busyMark*float64(len(each))
}

// workOf is how much each process did.
func workOf(w *Window, all []shares) (work []float64, unit string) {
	work = make([]float64, len(all))
	sum := 0.0
	for i, s := range all {
		n := shardOf(w.After.Report, s.PID).Messages - shardOf(w.Before.Report, s.PID).Messages
		work[i] = float64(n)
		sum += work[i]
	}
	if sum > 0 {
		return work, "messages"
	}
	for i, s := range all {
		work[i] = s.run
	}
	return work, "processor time"
}

// shardOf is what the server itself says of a worker process.
func shardOf(r *result.ServerReport, pid int) (none result.Shard) {
	if r == nil {
		return none
	}
	for _, s := range r.Shards {
		if s.PID == pid {
			return s
		}
	}
	return none
}

// dealt says how many of the connections a worker was given: those of this
// window, or else those that it holds.
func dealt(w *Window, pid int) string {
	r := w.After.Report
	if r == nil {
		return ""
	}
	before := map[int]int64{}
	if w.Before.Report != nil {
		for _, s := range w.Before.Report.Shards {
			before[s.PID] = s.Accepted
		}
	}
	var new, all, held, open int64
	for _, s := range r.Shards {
		n := s.Accepted - before[s.PID]
		all, open = all+n, open+s.Open
		if s.PID == pid {
			new, held = n, s.Open
		}
	}
	said := ""
	switch {
	case all > 0:
		said = fmt.Sprintf("; it was given %s of %s connections", unit.Commas(new), unit.Commas(all))
	case open > 0:
		said = fmt.Sprintf("; it holds %s of %s connections", unit.Commas(held), unit.Commas(open))
	}
	if said != "" && len(r.Ports) == 1 {
		said += fmt.Sprintf(", all on the only port, %d", r.Ports[0].Port)
	}
	return said
}

// lockWait: threads of the server that sleep until somebody else gives up a
// lock of the kernel: of a file position, of a socket, of the address space.
func lockWait(w *Window) []result.Finding {
	most, where, n := 0, "", 0
	for name, looks := range w.Seen.Locks {
		n += looks
		if looks > most {
			most, where = looks, name
		}
	}
	if w.Seen.Looks == 0 || n < 3 || n < w.Seen.Looks/5 {
		return nil
	}
	return one(result.Finding{Name: LockWait, Severity: 83,
		Evidence: fmt.Sprintf("%s threads of the server on average slept for a lock of the kernel, mostly in %s (%d looks)",
			unit.Significant(float64(n)/float64(w.Seen.Looks)), where, w.Seen.Looks),
		Meaning: "Threads that share an fd, a file position or an address space wait for each other there: more threads do not help, and no processor is busy.",
		Cure:    "fewer threads for one process and more processes (--workers), an fd of its own for each thread, pread/pwrite instead of shared file positions"})
}

// callsPerMessage is a remark: a server that reads or writes in small pieces.
func callsPerMessage(w *Window) []result.Finding {
	if w.Before.Report == nil || w.After.Report == nil {
		return nil
	}
	messages := w.After.Report.Messages - w.Before.Report.Messages
	calls := int64(0)
	for _, s := range used(w.Before.Server, w.After.Server, w.seconds()) {
		calls += s.calls
	}
	// Accepting and closing take calls too: a few messages a connection tell nothing.
	accepted := w.After.Report.Accepted - w.Before.Report.Accepted
	if messages < 10_000 || messages < 10*accepted || calls < 4*messages {
		return nil
	}
	return one(result.Finding{Name: CallsPerMessage, Severity: 30,
		Evidence: fmt.Sprintf("%s calls of read(2) and write(2) a message, over %s messages",
			unit.Significant(float64(calls)/float64(messages)), unit.Commas(messages)),
		Meaning: "One read and one write a message are enough, less with pipelining.",
		Cure:    "larger buffers; messages in one piece"})
}
