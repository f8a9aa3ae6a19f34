package diagnose

import (
	"cmp"
	"slices"
	"time"

	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
)

// Window is all evidence about one stretch of time.
type Window struct {
	Before, After Moment
	Seen          Seen
	Settings      Settings
	Parents       map[int]bool       // processes of the server that only look after others of it
	Errors        result.ErrorCounts // the client's failures, by phase and cause
	Conns         result.Conns       // the client's
	Messages      int64              // that came back to the client; 0: not known
	Latency       []Stretch          // the run cut into pieces, in order
}

// Moment is what was read at one moment. Counters count since the machine or
// the process began; what could not be read is zero or nil.
type Moment struct {
	At             time.Time
	Cores          proc.Cores
	Server, Client []Process
	Drops          proc.Drops
	Sockets        proc.Sockets
	Conntrack      *proc.Conntrack
	Mem            proc.Mem
	Files, FileMax int64                // open on the whole system
	Report         *result.ServerReport // of a server of ours
	// The quotas of processor time of the control groups; nil: none, or not known.
	ServerQuota, ClientQuota *result.Cgroup
	Tasks                    []proc.TaskBound // what bounds this process's threads, tightest first
}

// Process is one process at one moment.
type Process struct {
	PID     int
	Name    string
	FDs     proc.FDs
	Calls   int64 // of read(2) and write(2); 0: not known
	Threads []proc.Thread
}

// Seen is what several looks between the two moments came to.
type Seen struct {
	Looks       int
	Runnable    int64 // threads of the machine that ran or wanted to, over all looks
	Stopped     int   // looks at which a process of the server was stopped by a signal
	StoppedPID  int
	ThreadLooks int            // threads of the server seen, over all looks
	Locks       map[string]int // of these, asleep in a function of the kernel that waits for a lock
	Queue       Queue          // the fullest accept queue of the server
	Others      Queue          // and of any other program of this machine
	Unread      int64          // the most bytes that waited for the server to read them
	UnreadLooks int            // looks at which there were any
	Ports       PortUse        // where local ports were scarcest
	Connecting  int64          // the most sockets in TIME_WAIT on the side that had connected ...
	Accepting   int64          // ... and on the side that had accepted, this machine's listeners
	Upstreams   []Upstream     // other servers that the server talks to, the busiest first
	Waits       []Wait         // its threads that were found in calls on these, those first that were most
}

// Queue is the accept queue of one listening port.
type Queue struct {
	Port          int
	Waiting, Room int64
	Full          int // looks at which it was full
}

// PortUse is the use of local ports towards one destination from one source.
type PortUse struct {
	From, To string // addresses; To with its port
	Used     int64
	TimeWait int64 // of these
}

// Settings are the limits that the kernel was told.
type Settings struct {
	TCPMem      [3]int64 // pages: calm, pressure, most
	MaxOrphans  int64
	MaxTimeWait int64
	LocalPorts  int64 // that the kernel may choose from
	Somaxconn   int64
}

// Stretch is a piece of a run.
type Stretch struct {
	Seconds  float64
	Messages int64
	P99      time.Duration
}

// seconds is how long the window is.
func (w *Window) seconds() float64 { return w.After.At.Sub(w.Before.At).Seconds() }

// busy is each core's share of the time that it worked, in soft interrupts, and
// was stolen.
type busy struct{ all, softirq, stolen float64 }

func (w *Window) cores() (each []busy) {
	s := w.seconds()
	if s <= 0 || len(w.Before.Cores.Each) != len(w.After.Cores.Each) {
		return nil
	}
	for i, a := range w.After.Cores.Each {
		b := w.Before.Cores.Each[i]
		each = append(each, busy{shareOf(a.Busy-b.Busy, s), shareOf(a.Softirq-b.Softirq, s),
			shareOf(a.Stolen-b.Stolen, s)})
	}
	return each
}

// shareOf is what share of a time something took. Counters go on in ticks of 10 ms,
// or were read a moment later than the clock: of one core, or of one thread, there
// is no more than all of it.
func shareOf(took, seconds float64) float64 { return min(1, max(0, took/seconds)) }

// shares is what part of one core a process had and wanted.
type shares struct {
	Process
	run, want float64
	calls     int64         // of read(2) and write(2); 0: not known
	threads   []threadShare // the busiest first
}

type threadShare struct {
	proc.Thread
	run, want float64
}

// top is the busiest thread; of a process without any, one that did nothing.
func (s *shares) top() (t threadShare) {
	if len(s.threads) > 0 {
		t = s.threads[0]
	}
	return t
}

// used compares the processes of two moments; one that was not there at both
// is left out.
func used(before, after []Process, seconds float64) (all []shares) {
	if seconds <= 0 {
		return nil
	}
	old := map[[2]int]proc.Thread{}
	calls := map[int]int64{}
	for _, p := range before {
		calls[p.PID] = p.Calls
		for _, t := range p.Threads {
			old[[2]int{p.PID, t.TID}] = t
		}
	}
	for _, p := range after {
		had, ok := calls[p.PID]
		if !ok {
			continue
		}
		s := shares{Process: p}
		if had > 0 {
			s.calls = max(0, p.Calls-had)
		}
		for _, t := range p.Threads {
			b := old[[2]int{p.PID, t.TID}] // a thread that is new began at 0
			run, want := shareOf(t.Run-b.Run, seconds), shareOf(t.Run-b.Run+t.Wait-b.Wait, seconds)
			s.run, s.want = s.run+run, s.want+want
			s.threads = append(s.threads, threadShare{t, run, want})
		}
		slices.SortStableFunc(s.threads, func(a, b threadShare) int { return cmp.Compare(b.want, a.want) })
		all = append(all, s)
	}
	return all
}

// drops is how the counters of this network namespace grew.
func (w *Window) drops() proc.Drops {
	a, b := w.After.Drops, w.Before.Drops
	return proc.Drops{ListenOverflows: a.ListenOverflows - b.ListenOverflows,
		ListenDrops:  a.ListenDrops - b.ListenDrops,
		RequestQueue: a.RequestQueue - b.RequestQueue, Cookies: a.Cookies - b.Cookies, Backlog: a.Backlog - b.Backlog,
		MemoryPressure: a.MemoryPressure - b.MemoryPressure, TimeWaitFull: a.TimeWaitFull - b.TimeWaitFull,
		TimeWaited: a.TimeWaited - b.TimeWaited, TimeWaitReused: a.TimeWaitReused - b.TimeWaitReused,
		SynRetrans: a.SynRetrans - b.SynRetrans, MemoryAborts: a.MemoryAborts - b.MemoryAborts}
}
