package diagnose

import (
	"fmt"
	"slices"
	"time"

	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/unit"
)

// rule looks for one thing. It returns nothing where that is not so.
type rule func(w *Window) []result.Finding

// rules are all of them. Severities are set so that a cause comes before what
// follows from it: a server that is stopped also overflows its accept queue.
var rules = []rule{
	stopped, idleTimeout, conntrackFull, portsUsedUp, fdsUsedUp, serverFull, peersDropped, memoryLow,
	acceptQueue, synQueue, tcpMemory, timeWaitFull, manyInTimeWait, orphans,
	loopBlocked, connectsEachTime, cpuQuota, tasksUsedUp, hotShard, lockWait, softirqBound, processorsBusy, threadBound,
	callsPerMessage,
}

// Find says what limits, severest first. Nothing found is an empty list.
func Find(w Window) []result.Finding {
	var all []result.Finding
	for _, r := range rules {
		all = append(all, r(&w)...)
	}
	slices.SortStableFunc(all, func(a, b result.Finding) int { return b.Severity - a.Severity })
	return classic(&w, all)
}

// The names of findings; tests and other rooms look for them.
const (
	Stopped          = "server stopped"
	IdleTimeout      = "idle timeout"
	ConntrackFull    = "conntrack full"
	PortsUsedUp      = "local ports used up"
	FDsUsedUp        = "file descriptors used up"
	FilesUsedUp      = "open files of the system used up"
	ServerFull       = "server full"
	PeersDropped     = "peers dropped" // followed by the cause
	MemoryLow        = "memory low"
	CPUQuota         = "cgroup CPU quota"
	TasksUsedUp      = "threads used up"
	AcceptQueue      = "accept queue full"
	OthersQueue      = "accept queue of another program full"
	SynQueue         = "SYN queue full"
	SynCookies       = "SYN cookies sent"
	TCPMemory        = "TCP memory"
	TimeWaitFull     = "TIME_WAIT table full"
	InTimeWait       = "many in TIME_WAIT"
	Orphans          = "orphaned sockets"
	LoopBlocked      = "event loop blocked by a call"
	ConnectsEachTime = "a new connection for each task"
	HotShard         = "one hot shard"
	LockWait         = "waiting for a lock"
	SoftirqBound     = "soft interrupts"
	ProcessorsBusy   = "all processors busy"
	OthersBusy       = "others use the processors"
	Stolen           = "processors taken by the hypervisor"
	ServerThread     = "one server thread busy"
	ClientThread     = "the client is busy"
	CallsPerMessage  = "calls per message"
	IdleYetSlow      = "idle, yet slow"
)

// blocking are the causes for which a server is slow while processors idle.
var blocking = map[string]string{
	Stopped:      "the server does not run at all",
	CPUQuota:     "on its quota of processor time",
	AcceptQueue:  "on the backlog of a listening port",
	SynQueue:     "on the SYN queue of a listening port",
	HotShard:     "on one shard",
	LoopBlocked:  "in a call on another server",
	ServerThread: "on one thread, which works all the time",
	LockWait:     "on a lock of the kernel",
}

// slower is how much latency must grow, from the first quarter of the run to
// the last, to be called growing.
const slower = 3

// classic names the case that puzzles people: all processors below 100 %, and yet
// latency grows. If a cause is found, this is added to its meaning; otherwise it
// is a finding of its own.
func classic(w *Window, found []result.Finding) []result.Finding {
	first, last, grows := growth(w.Latency)
	top, known := busiest(w)
	if !grows || !known || top >= 0.9 {
		return found
	}
	said := fmt.Sprintf("All processors are below 100 %% (the busiest: %s) and yet latency grew, p99 %s to %s: "+
		"blocked ", unit.WholePercent(top), unit.Time(first), unit.Time(last))
	for i := range found {
		if on, ok := blocking[found[i].Name]; ok && found[i].Severity >= result.Strains {
			found[i].Meaning = said + on + ". " + found[i].Meaning
			return found
		}
	}
	idle := result.Finding{Name: IdleYetSlow, Severity: 75,
		Evidence: fmt.Sprintf("busiest processor %s, p99 grew from %s to %s", unit.WholePercent(top), unit.Time(first),
			unit.Time(last)),
		Meaning: "Neither a processor, a shard, a lock nor a queue of the machine is at its limit: what answers is " +
			"waiting for something, like a backend, a disk, a timer or its own locks, or the network is.",
		Cure: "look at what the server's threads sleep in (as root: cat /proc/PID/task/*/wchan), at its backends, " +
			"and at ping and loss on the way"}
	return insert(found, idle)
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
