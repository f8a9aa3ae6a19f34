package diagnose

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/sys"
)

// Target is what is looked at.
type Target struct {
	Server []int // processes on this machine
	Ports  []int // of this machine, on which they listen
	Client bool  // this process is the client of the run
	Crowd  bool  // many others may look on this machine, too: sample ten times as rarely
	// Report asks a server of ours for its counts; nil: there is none.
	Report func(context.Context) (*result.ServerReport, error)
}

// Recorder looks at a target from Start to Stop.
type Recorder struct {
	fp     proc.FS
	target Target
	window Window
	list   listing
	ups    *upstreams
	calls  *callWatch
	done   chan struct{}
	ended  chan struct{}
	once   sync.Once
	// elsewhere are the ports that are listened on in the server's network namespace,
	// where that is not ours.
	elsewhere map[uint16]bool
	spare     atomic.Bool // fds are not to be looked at now
}

const (
	// lookEvery is the time between samples, on average; where a sample is expensive, it is taken
	// so rarely that it needs a fiftieth of one processor, or a five hundredth.
	lookEvery             = 100 * time.Millisecond
	lookShare, crowdShare = 50, 500
	// maxSockets bounds the sockets that are listed to see unread data and
	// local ports in use: a list takes a microsecond a socket.
	maxSockets = 60_000
)

// Start reads the first moment and begins to look.
func Start(ctx context.Context, fp proc.FS, t Target) *Recorder {
	r := &Recorder{fp: fp, target: t, done: make(chan struct{}), ended: make(chan struct{}),
		elsewhere: map[uint16]bool{},
		list:      listing{own: map[uint16]bool{}, listeners: map[uint16]bool{}, cells: map[cell]PortUse{}}}
	for _, port := range t.Ports {
		r.list.own[uint16(port)] = true
	}
	r.ups, r.calls = newUpstreams(fp, t), newCallWatch(fp)
	r.window.Seen.Locks = map[string]int{}
	r.window.Settings = readSettings(fp)
	if t.Report == nil { // a server of ours says itself which are its workers
		r.window.Parents = parents(fp, t.Server)
	}
	r.window.Before = r.moment(ctx)
	go r.watch()
	return r
}

// parents are those of the processes that have others of them for children: the
// master of an nginx does none of its work.
func parents(fp proc.FS, pids []int) map[int]bool {
	found := map[int]bool{}
	for _, pid := range pids {
		for _, child := range fp.Children(pid) {
			if slices.Contains(pids, child) {
				found[pid] = true
			}
		}
	}
	return found
}

// SpareFDs has the recorder look at no fd of the server, or again at some: each that
// is looked at takes the kernel an inode and a dentry, while its memory is measured.
func (r *Recorder) SpareFDs(on bool) { r.spare.Store(on) }

// Stop reads the last moment. What only the client knows, its errors and its
// latency, is for the caller to add.
func (r *Recorder) Stop(ctx context.Context) Window {
	r.once.Do(func() {
		close(r.done)
		<-r.ended
		r.SpareFDs(false)
		r.lookAtSockets()
		r.window.After = r.moment(ctx)
		r.window.Seen.Waits = r.calls.waits(r.ups.loops)
		r.window.Seen.Upstreams = r.ups.all(r.window.Seen.Waits)
	})
	return r.window
}

// watch samples processes and sockets, each as often as its own cost allows. The
// cost is this thread's CPU time: on a busy machine a cheap sample takes long,
// too.
func (r *Recorder) watch() {
	defer close(r.ended)
	looks := []struct {
		do   func()
		next time.Time
	}{{do: r.lookAtServer}, {do: r.lookAtSockets}}
	share := time.Duration(lookShare)
	if r.target.Crowd {
		share = crowdShare
	}
	// Not in step: what happens 50 times a second would be met at the same point each
	// time.
	tick := time.NewTimer(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-r.done:
			return
		case now := <-tick.C:
			tick.Reset(lookEvery/2 + rand.N(lookEvery))
			for i := range looks {
				if now.Before(looks[i].next) {
					continue
				}
				looks[i].next = now.Add(max(lookEvery/2, share*sys.CPUOf(looks[i].do)))
			}
		}
	}
}

// moment reads everything that counts. What cannot be read is left out.
func (r *Recorder) moment(ctx context.Context) Moment {
	m := Moment{At: time.Now()}
	m.Cores, _ = r.fp.Cores()
	m.Drops, _ = r.fp.ListenDrops()
	m.Sockets, _ = r.fp.Sockets()
	m.Mem, _ = r.fp.Mem()
	m.Files, m.FileMax, _ = r.fp.Files()
	if c, err := r.fp.Conntrack(); err == nil {
		m.Conntrack = &c
	}
	for _, pid := range r.target.Server {
		if p, ok := r.process(pid); ok {
			m.Server = append(m.Server, p)
		}
	}
	if r.target.Client {
		if p, ok := r.process(r.fp.Self()); ok {
			m.Client = append(m.Client, p)
		}
	}
	if r.target.Report != nil {
		m.Report, _ = r.target.Report(ctx)
	}
	r.limits(&m)
	return m
}

// limits reads what control groups give to both ends: a server of ours says it
// itself, wherever it runs.
func (r *Recorder) limits(m *Moment) {
	switch {
	case m.Report != nil:
		m.ServerQuota = m.Report.Cgroup
	case len(r.target.Server) > 0:
		m.ServerQuota = r.fp.Quota(r.target.Server[0])
	}
	if r.target.Client {
		m.ClientQuota = r.fp.Quota(r.fp.Self())
		m.Tasks = r.fp.TaskBounds()
	}
}

func (r *Recorder) process(pid int) (Process, bool) {
	threads, err := r.fp.Threads(pid)
	if err != nil {
		return Process{}, false
	}
	p := Process{PID: pid, Name: r.fp.Name(pid), Threads: threads}
	p.FDs, _ = r.fp.FDs(pid)
	p.Calls, _ = r.fp.Calls(pid)
	return p, true
}

// maxThreads is up to how many processes every thread is looked at, and not
// only the first one, which tells whether a process is stopped.
const maxThreads = 16

// lookAtServer samples what no counter keeps: which processes are stopped, and
// which threads wait for a lock.
func (r *Recorder) lookAtServer() {
	s := &r.window.Seen
	s.Looks++
	if c, err := r.fp.Cores(); err == nil {
		s.Runnable += c.Runnable - 1 // without this one
	}
	stopped := false
	for _, pid := range r.target.Server {
		for _, t := range r.threadsOf(pid) {
			s.ThreadLooks++
			if t.Stopped() {
				stopped, s.StoppedPID = true, pid
			}
			if isLock(t.Sleeps) {
				s.Locks[t.Sleeps]++
			}
			if !r.spare.Load() {
				r.calls.look(t)
			}
		}
	}
	if stopped {
		s.Stopped++
	}
}

func (r *Recorder) threadsOf(pid int) []proc.Thread {
	if len(r.target.Server) <= maxThreads {
		threads, _ := r.fp.Threads(pid) // one that ended has none
		return threads
	}
	if t, err := r.fp.MainThread(pid); err == nil {
		return []proc.Thread{t}
	}
	return nil
}

// locks are parts of the names of the kernel's functions in which a thread waits
// for a lock. wchan shows not the mutex or semaphore itself but who asks for it:
// a file's position, its inode, its lock (flock(2), fcntl(2)), an epoll instance,
// a socket, the address space. futex(2) is none: there also an idle thread waits
// for work.
var locks = []string{"fdget_pos", "write_iter", "locks_lock", "flock", "fcntl_setlk", "posix_lock", "do_epoll_ctl",
	"ep_send_events", "lock_sock",
	"lock_mm_and_find_vma", "mmap_pgoff", "munmap", "mprotect", "do_madvise", "mutex_lock", "rwsem_", "down_read",
	"down_write"}

func isLock(function string) bool {
	return slices.ContainsFunc(locks, func(l string) bool { return strings.Contains(function, l) })
}

// lookAtSockets samples accept queues and, if there are not too many sockets,
// unread data and the local ports in use.
func (r *Recorder) lookAtSockets() {
	l := &r.list
	clear(l.listeners)
	clear(l.cells)
	l.queue, l.others, l.unread, l.accepting = Queue{}, Queue{}, 0, 0
	_ = sys.TCPSockets(l.listener, sys.Listening)
	if n, err := r.fp.Sockets(); err == nil && n.TCP+n.TimeWait <= maxSockets {
		visit := l.connection
		if here := len(r.target.Server) > 0 && r.ups.file == ""; here {
			r.beginUpstreams()
			defer r.endUpstreams()
			visit = func(s sys.SockInfo) bool {
				r.upstream(s, l.listeners)
				return l.connection(s)
			}
		}
		_ = sys.TCPSockets(visit, connected...)
	}
	l.addTo(&r.window.Seen)
	if r.ups.file != "" {
		r.lookElsewhere()
	}
}

// connected are the states in which a socket leads somewhere.
var connected = []sys.SockState{sys.Established, sys.SynSent, sys.CloseWait, sys.TimeWait}

func (r *Recorder) beginUpstreams() {
	r.ups.begin()
	r.calls.begin()
}

func (r *Recorder) upstream(s sys.SockInfo, listeners map[uint16]bool) {
	if listeners[s.Local.Port()] {
		r.calls.client(s.Inode)
	}
	r.ups.connection(s, listeners)
}

func (r *Recorder) endUpstreams() {
	r.ups.end(time.Now(), r.spare.Load())
	r.calls.resolve(r.ups.inodes)
}

// lookElsewhere looks at whom a server talks to that lives in a network namespace
// of its own. It needs CAP_SYS_ADMIN; without it nothing is known.
func (r *Recorder) lookElsewhere() {
	r.beginUpstreams()
	defer r.endUpstreams()
	clear(r.elsewhere)
	seen := 0
	_ = sys.InNetwork(r.ups.file, func() error {
		err := sys.TCPSockets(func(s sys.SockInfo) bool { r.elsewhere[s.Local.Port()] = true; return true },
			sys.Listening)
		if err != nil {
			return err
		}
		return sys.TCPSockets(func(s sys.SockInfo) bool {
			seen++
			r.upstream(s, r.elsewhere)
			return seen < maxSockets
		}, connected...)
	})
}

// listing sorts one list of sockets. Its maps are kept from look to look: this
// runs while memory is being measured.
type listing struct {
	own       map[uint16]bool // the server's ports
	listeners map[uint16]bool
	queue     Queue // the fullest of the server
	others    Queue // the fullest of anybody else on this machine
	cells     map[cell]PortUse
	unread    int64
	accepting int64 // in TIME_WAIT on a listener's port
}

type cell struct {
	from netip.Addr
	to   netip.AddrPort
}

func (l *listing) listener(s sys.SockInfo) bool {
	l.listeners[s.Local.Port()] = true
	fullest := &l.others
	if l.own[s.Local.Port()] {
		fullest = &l.queue
	}
	if q := (Queue{Port: int(s.Local.Port()), Waiting: int64(s.Unread), Room: int64(s.Unsent)}); q.fuller(*fullest) {
		*fullest = q
	}
	return true
}

// connection tells a server's end, whose port listens here, from a client's.
func (l *listing) connection(s sys.SockInfo) bool {
	if l.listeners[s.Local.Port()] {
		switch s.State {
		case sys.Established:
			l.unread += int64(s.Unread)
		case sys.TimeWait:
			l.accepting++
		}
		return true
	}
	c := cell{s.Local.Addr(), s.Remote}
	use := l.cells[c]
	use.Used++
	if s.State == sys.TimeWait {
		use.TimeWait++
	}
	l.cells[c] = use
	return true
}

// fuller compares by how full they are.
func (q Queue) fuller(than Queue) bool {
	return q.Waiting*max(1, than.Room) > than.Waiting*max(1, q.Room)
}

// with is the fuller one of two looks, and at how many it was full.
func (q Queue) with(now Queue) Queue {
	full := q.Full
	if now.Waiting > now.Room { // the kernel takes one more than Room
		full++
	}
	if now.fuller(q) {
		q = now
	}
	q.Full = full
	return q
}

func (l *listing) addTo(s *Seen) {
	s.Queue, s.Others = s.Queue.with(l.queue), s.Others.with(l.others)
	if l.unread > 0 {
		s.UnreadLooks++
		s.Unread = max(s.Unread, l.unread)
	}
	connecting := int64(0)
	for c, use := range l.cells {
		connecting += use.TimeWait
		if use.Used > s.Ports.Used {
			s.Ports = PortUse{From: c.from.String(), To: c.to.String(), Used: use.Used, TimeWait: use.TimeWait}
		}
	}
	s.Connecting, s.Accepting = max(s.Connecting, connecting), max(s.Accepting, l.accepting)
}

// readSettings reads the kernel's limits; one that is not there is 0.
func readSettings(fp proc.FS) (s Settings) {
	if v, err := fp.Sysctl("net.ipv4.tcp_mem"); err == nil {
		if marks := strings.Fields(v); len(marks) == len(s.TCPMem) {
			for i, mark := range marks {
				s.TCPMem[i], _ = strconv.ParseInt(mark, 10, 64)
			}
		}
	}
	s.MaxOrphans, _ = fp.SysctlInt("net.ipv4.tcp_max_orphans")
	s.MaxTimeWait, _ = fp.SysctlInt("net.ipv4.tcp_max_tw_buckets")
	s.Somaxconn, _ = fp.SysctlInt("net.core.somaxconn")
	if l, err := fp.LocalPorts(); err == nil {
		s.LocalPorts = int64(l.N())
	}
	return s
}
