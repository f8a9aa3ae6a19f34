package diagnose

import (
	"slices"

	"github.com/c10m/c10m/internal/result"
)

// What keeps a server's own processes and threads from serving.
const (
	Stopped         = "server_stopped"
	FDsUsedUp       = "file_descriptors_used_up"
	FilesUsedUp     = "open_files_of_the_system_used_up"
	ServerFull      = "server_full"
	HotShard        = "one_hot_shard"
	LockWait        = "waiting_for_a_lock"
	CallsPerMessage = "calls_per_message"
)

var serverRules = []rule{
	{[]string{Stopped}, stopped},
	{[]string{FDsUsedUp, FilesUsedUp}, fdsUsedUp},
	{[]string{ServerFull}, serverFull},
	{[]string{HotShard}, hotShard},
	{[]string{LockWait}, lockWait},
	{[]string{CallsPerMessage}, callsPerMessage},
}

// stopped: a signal or a tracer keeps the server from running.
func stopped(w *Window) []result.Finding {
	s := w.Seen
	if s.Looks == 0 || s.Stopped == 0 || s.Stopped*20 < s.Looks {
		return nil
	}
	share := float64(s.Stopped) / float64(s.Looks)
	f := result.Found(Stopped, 93+int(6*share)).Count("pid", int64(s.StoppedPID)).Count("stopped", int64(s.Stopped)).
		Count("looks", int64(s.Looks))
	if s.Unread > 0 {
		f = f.Count("unread_bytes", s.Unread)
	}
	return one(f)
}

// fdsUsedUp: a process, or the whole system, has no fd left.
func fdsUsedUp(w *Window) (found []result.Finding) {
	if n := w.Errors["socket_fd_limit"]; n > 0 {
		found = append(found, result.Found(FDsUsedUp, 96).Word("whose", "client").Count("failed", n))
	}
	for _, p := range append(append([]Process{}, w.After.Server...), w.After.Client...) {
		if p.FDs.Limit <= 0 || p.FDs.Open*10 < p.FDs.Limit*9 {
			continue
		}
		f := result.Found(FDsUsedUp, 62).Count("pid", int64(p.PID)).Word("process", p.Name).
			Count("open", p.FDs.Open).Count("limit", p.FDs.Limit)
		if p.FDs.Open*100 >= p.FDs.Limit*98 {
			f.Severity = 91
		}
		found = append(found, f)
		break // one process stands for all like it
	}
	files, most := w.After.Files, w.After.FileMax
	if n := w.Errors["socket_file_max"]; n > 0 || most > 0 && files > most/20*19 {
		found = append(found, result.Found(FilesUsedUp, 92).Count("open", files).Count("max", most).Count("failed", n))
	}
	return found
}

// serverFull: a server of ours refuses what is above its own limit.
func serverFull(w *Window) []result.Finding {
	n := w.refused("over_limit")
	if n <= 0 {
		return nil
	}
	return one(result.Found(ServerFull, 93).Count("refused", n).Count("held", w.After.Report.Open).
		Count("max", w.After.Report.MaxConns))
}

// hotShard: one of several worker processes, or one of the event loops of the
// only process, does nearly all of the work. How much of it is told by its
// messages, or else by the processor time it had; that it is busy, by the time it
// ran or was ready to.
func hotShard(w *Window) []result.Finding {
	all, measure := parts(w)
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
	if sum <= 0 || top.want < least || rest > top.work/4 {
		return nil
	}
	f := result.Found(HotShard, 78).Count("pid", int64(top.pid)).Word("measure", measure).
		Number("work_share", top.work/sum).Number("wanted_cores", top.want).
		Count("others", int64(len(all)-1)).Number("others_share", (sum-top.work)/sum)
	if top.want >= 0.7 {
		f.Severity = 84
	}
	if top.loop >= 0 {
		return one(f.Count("loop", int64(top.loop)))
	}
	return one(dealt(f, w, top.pid))
}

// part is a worker process or an event loop.
type part struct {
	pid, loop  int // loop is -1 of a whole process
	work, want float64
}

// What the work of parts was measured by.
const (
	byMessages = "messages"
	byTime     = "processor_time"
)

// parts are the worker processes; or the event loops of the only one, where it
// counts their messages. Its threads tell nothing: Go moves a loop from thread to
// thread, and of another server what idles may be a helper of the busy thread.
func parts(w *Window) (all []part, measure string) {
	procs := slices.DeleteFunc(used(w.Before.Server, w.After.Server, w.seconds()),
		func(s shares) bool { return w.Parents[s.PID] })
	if len(procs) == 1 {
		return loops(w, procs[0]), byMessages
	}
	work, measure := workOf(w, procs)
	for i, s := range procs {
		all = append(all, part{pid: s.PID, loop: -1, work: work[i], want: s.want})
	}
	return all, measure
}

// loops shares the processor time of a process out by the messages of its loops.
func loops(w *Window, s shares) (all []part) {
	before, sum := shardOf(w.Before.Report, s.PID).Loops, 0.0
	for i, n := range shardOf(w.After.Report, s.PID).Loops {
		if i < len(before) {
			n -= before[i]
		}
		sum += float64(n)
		all = append(all, part{pid: s.PID, loop: i, work: float64(n)})
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
func workOf(w *Window, all []shares) (work []float64, measure string) {
	work = make([]float64, len(all))
	sum := 0.0
	for i, s := range all {
		n := shardOf(w.After.Report, s.PID).Messages - shardOf(w.Before.Report, s.PID).Messages
		work[i] = float64(n)
		sum += work[i]
	}
	if sum > 0 {
		return work, byMessages
	}
	for i, s := range all {
		work[i] = s.run
	}
	return work, byTime
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

// dealt adds how many of the connections a worker was given: those of this window,
// or else those that it holds.
func dealt(f result.Finding, w *Window, pid int) result.Finding {
	r := w.After.Report
	if r == nil {
		return f
	}
	before := map[int]int64{}
	if w.Before.Report != nil {
		for _, s := range w.Before.Report.Shards {
			before[s.PID] = s.Accepted
		}
	}
	var given, all, held, open int64
	for _, s := range r.Shards {
		n := s.Accepted - before[s.PID]
		all, open = all+n, open+s.Open
		if s.PID == pid {
			given, held = n, s.Open
		}
	}
	switch {
	case all > 0:
		f = f.Count("given", given).Count("accepted", all)
	case open > 0:
		f = f.Count("held", held).Count("open", open)
	default:
		return f
	}
	if len(r.Ports) == 1 {
		f = f.Count("port", int64(r.Ports[0].Port))
	}
	return f
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
	return one(result.Found(LockWait, 83).Number("sleeping_mean", float64(n)/float64(w.Seen.Looks)).
		Word("function", where).Count("looks", int64(w.Seen.Looks)))
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
	return one(result.Found(CallsPerMessage, 30).Number("calls_per_message", float64(calls)/float64(messages)).
		Count("messages", messages))
}
