package main

import (
	"context"
	"fmt"
	"math"
	"net/netip"
	"runtime"
	"time"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/echo"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/secure"
	"github.com/c10m/c10m/internal/shard"
	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/tune"
	"github.com/c10m/c10m/internal/unit"
)

// pairBytes is what a connection takes with both ends on one machine.
func pairBytes(tls bool) int64 {
	if tls {
		return tune.BytesPerConn(tune.Both) + 2*secure.IdleBytes
	}
	return tune.BytesPerConn(tune.Both)
}

// machine is what bounds the connections of a server, its fd limit apart.
type machine struct {
	memory  uint64 // of the machine, or of the cgroup if it binds
	group   bool
	watches int64           // fs.epoll.max_user_watches; 0: not known
	cores   int             // that there is processor time for, and threads
	tls     bool            // connections speak it
	tables  bool            // event loops may take fd tables of their own
	loops   int             // event loops of each process; 0: as many as cores
	tasks   *proc.TaskBound // the tightest limit of threads; nil: none is known
}

// The threads of a server: what one process has that is no event loop and has no
// workers, what each event loop adds, and what each worker does, the thread of its
// supervisor that waits for it included.
const (
	ownTasks    = 24
	loopTasks   = 2
	workerTasks = 9 + loopTasks
	// leastTasks is what the smallest server takes beside the threads that it has
	// when it looks: measured it is 3, and up to 5 more while somebody asks for
	// figures or profiles.
	leastTasks = 8
)

// look finds what bounds this machine.
func look(fp proc.FS, mem proc.Mem) machine {
	m := machine{cores: runtime.NumCPU()}
	_, m.memory, m.group = mem.Bound(plan.MemoryReserve)
	m.watches, _ = fp.SysctlInt("fs.epoll.max_user_watches")
	if q := fp.Quota(fp.Self()); q != nil {
		m.cores = min(m.cores, max(1, int(math.Ceil(q.CPUs))))
	}
	if all := fp.TaskBounds(); len(all) > 0 {
		m.tasks = &all[0]
		m.cores = max(1, min(m.cores, int(min(m.tasks.Left(), 1<<20)-ownTasks)/loopTasks))
	}
	return m
}

// mostWorkers is how many workers there are threads for.
func (m machine) mostWorkers() int {
	if m.tasks == nil {
		return shard.MaxWorkers
	}
	return int(min(shard.MaxWorkers, max(1, (m.tasks.Left()-ownTasks)/workerTasks)))
}

// decided is every "auto" turned into a number.
type decided struct {
	conns int64
	size  shard.Size
	note  string // what bounds conns, unless it is just the number asked for
}

// decide settles the size of the server.
func (s *server) decide() error {
	fp, err := proc.Here()
	if err != nil {
		return err
	}
	mem, err := fp.Mem()
	if err != nil { // then memory bounds nothing
		s.logf("warning: how many connections memory allows is not known: %v", err)
	}
	for _, doubt := range mem.Doubts {
		s.logf("warning: memory: %s", doubt)
	}
	m := look(fp, mem)
	m.loops, m.tls = int(s.loops.N), s.tls.on
	if s.engineName == shard.Tables {
		if err := sys.CanPrivateFDTable(); err == nil {
			m.tables = true
		} else {
			s.logf("warning: %v; worker processes hold what one fd table cannot", err)
		}
	}
	want := uint64(s.maxConns.N)
	if s.maxConns.Auto {
		want = uint64(m.holds())
	}
	want += uint64(shard.Overhead(s.listeners(), m.cores))
	if s.nofile, err = sys.RaiseNofile(min(want, fp.NrOpen())); err != nil {
		return err
	}
	d, err := m.decide(s.maxConns, s.workers, s.listeners(), s.nofile.Soft)
	if err != nil {
		return cli.Usage("%v", err)
	}
	if d.note != "" {
		s.logf("%s", d.note)
	}
	s.conns, s.size, s.cores = d.conns, d.size, m.cores
	if s.buffers.auto {
		s.buffers.n = min(max(minBudget, int64(m.memory/budgetShare)), mostBudget)
	}
	return nil
}

// listeners are how many sockets an event loop listens on: one for each port, two
// where the address stands for both families.
func (s *server) listeners() int {
	if s.bind == netip.IPv6Unspecified() {
		return 2 * len(s.ports())
	}
	return len(s.ports())
}

// budgetShare is the share of memory that --buffer-budget auto is: an eighth. Go's
// heap takes up to twice as much, and the sockets' own buffers come on top.
// More than mostBudget helps nobody who behaves.
const (
	budgetShare = 8
	mostBudget  = 1 << 30
)

// holds is how many connections there is memory for, with both ends here.
func (m machine) holds() int64 {
	if m.memory == 0 { // not known
		return math.MaxInt64
	}
	return int64(float64(m.memory) * (1 - plan.MemoryReserve) / float64(pairBytes(m.tls)))
}

// decide cuts a server of so many ports into processes of nofile fds. What nobody
// asked for is as much as can be had. A number that was asked for and does not fit
// is an error, unless it is the workers that were asked for, or epoll's watches,
// that are too few: then it is said.
func (m machine) decide(conns, workers unit.Count, ports int, nofile uint64) (d decided, err error) {
	if workers.N > shard.MaxWorkers {
		return d, fmt.Errorf("--workers %d: the legal range is 1..%d or auto", workers.N, shard.MaxWorkers)
	}
	why := ""
	bound := func(n int64, format string, args ...any) {
		if n < d.conns {
			d.conns, why = max(1, n), fmt.Sprintf(format, args...)
		}
	}
	// A bound per user, over all processes.
	watches := func(taken int64) {
		if m.watches > 0 {
			bound(m.watches-taken, "fs.epoll.max_user_watches %s less %s for listeners, and a client of the same "+
				"user here takes its share, too; cure: sysctl -w fs.epoll.max_user_watches=%d",
				unit.Commas(m.watches), unit.Commas(taken), taken+2*d.conns)
		}
	}
	d.conns = conns.N
	if conns.Auto {
		d.conns = math.MaxInt64
		bound(m.holds(), "%s memory, %s", m.whose(), unit.Bytes(float64(m.memory)))
		watches(0) // no more processes than they are for
	}
	if conns.Auto && workers.Auto && !m.tables {
		m.boundWorkers(ports, nofile, bound)
	}
	if hold := m.tablesHold(nofile, ports); m.tables && hold < d.conns {
		if !conns.Auto {
			return d, fmt.Errorf("--max-conns %s: threads with fd tables of %s hold %s, %s; %s, or raise the fd "+
				"limit (ulimit -Hn)",
				conns.String(), unit.Commas(int64(nofile)), unit.Commas(hold), m.tasks, m.tasks.Cure)
		}
		bound(hold, "threads with fd tables of %s, %s; cure: %s, or a higher fd limit", unit.Commas(int64(nofile)),
			m.tasks, m.tasks.Cure)
	}
	if d.size, err = m.cut(d.conns, nofile, ports, int(workers.N)); err != nil {
		return d, fmt.Errorf("--max-conns %s: %v", conns.String(), err)
	}
	if err := m.enoughThreads(d.size); err != nil {
		return d, err
	}
	bound(d.size.Limit*int64(d.size.Workers), "--workers %d of %s file descriptors each", d.size.Workers,
		unit.Commas(int64(nofile)))
	// Each loop watches its listeners and two eventfds, each process a few of the
	// runtime's.
	taken := int64(d.size.Workers) * int64(d.size.Loops*(ports+2)+8)
	if m.watches > 0 && m.watches <= taken {
		return d, fmt.Errorf("fs.epoll.max_user_watches %d: %d listeners take them all; cure: sysctl -w "+
			"fs.epoll.max_user_watches=%d",
			m.watches, d.size.Workers*d.size.Loops*ports, taken+2*d.conns)
	}
	watches(taken)
	if why != "" {
		d.note = fmt.Sprintf("--max-conns %s: %s connections, bound by %s", conns.String(), unit.Commas(d.conns), why)
	}
	return d, nil
}

// boundWorkers tells bound how many connections the worker processes hold that there
// may be.
func (m machine) boundWorkers(ports int, nofile uint64, bound func(int64, string, ...any)) {
	most, of := shard.Most(nofile, ports, m.cores, shard.AutoWorkers)
	bound(most, "%d workers of %s file descriptors; cure: a higher fd limit (ulimit -Hn), or a number", of,
		unit.Commas(int64(nofile)))
	if n := m.mostWorkers(); n < of {
		most, of = shard.Most(nofile, ports, m.cores, n)
		bound(most, "%d worker%s of %s file descriptors, for more of which there are no threads: %s; cure: %s, "+
			"or a higher fd limit", of, plural(of), unit.Commas(int64(nofile)), m.tasks, m.tasks.Cure)
	}
}

// tablesHold is how many connections event loops hold that each take loopTasks threads
// and an fd table, with the listeners in it, as many as there are threads for.
func (m machine) tablesHold(nofile uint64, ports int) int64 {
	if m.tasks == nil {
		return math.MaxInt64
	}
	const others = 16 // its epoll, eventfds and what every process has open
	each := max(1, int64(min(nofile, 1<<30))-int64(ports)-others)
	return max(1, (m.tasks.Left()-ownTasks)/loopTasks) * each
}

// enoughThreads is an error if a server of that size could not run: the Go runtime
// ends a process that gets no thread.
func (m machine) enoughThreads(size shard.Size) error {
	if m.tasks == nil {
		return nil
	}
	need := int64(ownTasks + loopTasks*size.Loops)
	if size.Workers > 1 {
		need = ownTasks + int64(size.Workers)*int64(workerTasks+loopTasks*(size.Loops-1))
	}
	least := size.Workers == 1 && size.Loops == 1
	if least { // that is tried
		need = leastTasks
	}
	if need <= m.tasks.Left() {
		return nil
	}
	if least {
		return fmt.Errorf("1 worker of 1 event loop: %d threads more, %s; %s", need, m.tasks, m.tasks.Cure)
	}
	return fmt.Errorf("%d workers of %d event loops: %d threads, %s; %s, or raise the fd limit (ulimit -Hn)",
		size.Workers, size.Loops, need, m.tasks, m.tasks.Cure)
}

// cut says how many processes and event loops there are to be.
func (m machine) cut(conns int64, nofile uint64, ports, workers int) (shard.Size, error) {
	if m.tables {
		return shard.FitTables(conns, nofile, ports, m.cores, workers, m.loops)
	}
	return shard.Fit(conns, nofile, ports, m.cores, workers)
}

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}

// whose is the memory that counts.
func (m machine) whose() string {
	if m.group {
		return "the cgroup's"
	}
	return "this machine's"
}

// readyAlone waits for the only engine.
func (s *server) readyAlone(ctx context.Context) {
	for ctx.Err() == nil {
		if echo.State(s.page.Slots[0].State.Load()) == echo.Ready {
			s.ready()
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// watchRoom keeps the engines from using up the machine's files and memory.
func (s *server) watchRoom(ctx context.Context) error {
	fp, err := proc.Here()
	if err != nil {
		return err
	}
	room := &shard.Room{Page: s.page, Memory: fp.Mem, Walked: walked(fp), ConnBytes: pairBytes(s.tls.on),
		Budget: s.buffers.n, Logf: s.logf}
	if watches, err := sys.NewWatchReserve(); err == nil {
		room.Watches = watches.Left
	}
	// A container without /proc/sys does not know fs.file-nr.
	if open, limit, err := fp.Files(); err == nil && !fp.PassesFileMax() {
		room.Files = fp.Files
		if left := limit - open - shard.FileReserve(limit); s.conns > left {
			s.logf("warning: fs.file-max %s leaves room for %s connections of %s; the others will be refused; cure: "+
				"sysctl -w fs.file-max=%d",
				unit.Commas(limit), unit.Commas(max(0, left)), unit.Commas(s.conns), open+s.conns*5/4)
		}
	}
	go room.Watch(ctx)
	return nil
}

// nrOpen is fs.nr_open.
func nrOpen() uint64 {
	fp, err := proc.Here()
	if err != nil {
		return 0 // then the limit stays as it is
	}
	return fp.NrOpen()
}

// whatBinds says what keeps the fd limit from being higher: root may raise it, but
// not above fs.nr_open.
func whatBinds(n sys.Nofile, nrOpen uint64) string {
	if n.Soft >= nrOpen {
		return fmt.Sprintf("as high as fs.nr_open lets it be, %s", unit.Commas(int64(nrOpen)))
	}
	return "raising it needs CAP_SYS_RESOURCE"
}

// walked reads what readers of /proc/PID/fd have left behind, bytes; 0 where
// slabinfo cannot be read.
func walked(fp proc.FS) func() uint64 {
	return func() uint64 {
		k, err := fp.Kernel()
		if err != nil {
			return 0
		}
		return k.Walked
	}
}
