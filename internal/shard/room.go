package shard

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/c10m/c10m/internal/echo"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/unit"
)

// accept4(2) fails with ENFILE when the whole machine is out of files
// (fs.file-max), and with ENOBUFS or ENOMEM when it is out of memory; gnet ends
// its engine on either, with every connection, and in a cgroup the kernel kills
// the process instead. So the engines may hold only as many connections as there is
// room for, less a reserve for everything else. Watch divides that room among them,
// again and again.

// lookEvery is how often Watch checks while connections arrive or more is
// buffered. Otherwise it checks only every idleLooks-th time.
const (
	lookEvery = 50 * time.Millisecond
	idleLooks = 20
)

// FileReserve is how many of limit files the server leaves to the rest of the
// machine, and to what others open between two checks.
func FileReserve(limit int64) int64 { return min(limit/20, 50_000) }

// The shares of memory, the machine's or the cgroup's, at which connections begin
// to be refused and are let in again. Less than 5 % is where a client on this
// machine ends its ramp by itself, so a measurement is not cut short here. The
// rest is for the data of connections that are held (an idle one needs no buffer)
// and for the kernel's own reserve, vm.min_free_kbytes. The gap keeps a server at
// its limit from switching with each connection that leaves.
const (
	lowMemory    = 0.03
	enoughMemory = 0.05
)

// processSpare is what stays free in a control group for each process of the server,
// where the shares above are less: a Go heap grows by up to 4 MiB before the first
// collection, whatever connections do, and in a small group the kernel would kill a
// worker for that.
const processSpare = 2 << 20

// reserve is the share of a memory of total bytes that stays free, of a control group
// or of the machine.
func reserve(share float64, total uint64, group bool, processes int64) float64 {
	if !group || total == 0 {
		return share
	}
	return min(max(share, share-lowMemory+float64(processes*processSpare)/float64(total)), 0.5)
}

// leastShare is the share of an engine, in connections, below which memory counts as
// used up. Without it the shares would halve with each check and never reach 0, since
// an idle connection takes less memory than it is counted for.
const leastShare = 64

// Room divides what is left of the machine among the engines of Page.
type Room struct {
	Page   *Page
	Files  func() (open, limit int64, err error) // fs.file-nr; nil: it does not bind us
	Memory func() (proc.Mem, error)
	// Watches says whether this user has epoll watches left; nil: not checked.
	Watches func() bool
	// Walked is kernel memory left behind by readers of /proc/PID/fd: it looks used,
	// but is reclaimed when needed. nil: none.
	Walked    func() uint64
	ConnBytes int64 // what a connection takes of the memory
	Budget    int64 // what may be kept for peers where there is memory enough
	Logf      func(format string, args ...any)

	low        bool // memory fell below lowMemory, and has not reached enoughMemory since
	unwatched  bool // no epoll watches were left at the last look
	open, kept drift
}

// Watch checks until ctx ends.
func (r *Room) Watch(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for last, n := int64(0), 0; ; n++ {
		now := r.Page.Budget.Used.Load()
		for _, slot := range r.Page.Slots {
			now += slot.Accepted.Load()
		}
		if now != last || n%idleLooks == 0 {
			r.deal()
			last = now
		}
		r.recount()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// deal gives every engine an equal share of the room. Where there is no room, no engine
// may accept a connection even in place of one that has closed.
func (r *Room) deal() {
	left, cause := r.memory(), int32(echo.MemoryLow)
	if r.Files != nil {
		if files := r.files(); files < left {
			left, cause = files, int32(echo.FileMax)
		}
	}
	if r.Watches != nil && !r.watches() {
		left, cause = 0, int32(echo.WatchLimit)
	}
	share := left / max(1, r.Page.count())
	for _, slot := range r.Page.Workers() {
		most := int64(0)
		if share > 0 {
			most = slot.Open.Load() + share
		}
		slot.Most.Store(most)
		slot.Scarce.Store(cause)
	}
}

// watches says whether epoll watches are left, and logs when that changes.
func (r *Room) watches() bool {
	left := r.Watches()
	if left == r.unwatched {
		r.unwatched = !left
		if left {
			r.Logf("epoll watches: there are some left again")
		} else {
			r.Logf("fs.epoll.max_user_watches is used up by this user's processes: connections are refused " +
				"(watch_limit); cure: sysctl -w fs.epoll.max_user_watches=N, a larger one")
		}
	}
	return left
}

// files is how many files may still be opened. If that cannot be read no
// connection is let in.
func (r *Room) files() int64 {
	open, limit, err := r.Files()
	if err != nil {
		return 0
	}
	return max(0, limit-open-FileReserve(limit))
}

// memory is how many connections there is memory for; none if that cannot be read.
func (r *Room) memory() int64 {
	mem, err := r.Memory()
	if err != nil {
		return 0
	}
	share := lowMemory
	if r.low {
		share = enoughMemory
	}
	_, total, group := mem.Bound(share)
	share = reserve(share, total, group, r.Page.count()+1) // and the supervisor
	left, least := int64(mem.Room(share))/r.ConnBytes, leastShare*max(1, r.Page.count())
	if left < least && r.Walked != nil {
		mem.CleanCache += r.Walked()
		left = int64(mem.Room(share)) / r.ConnBytes
	}
	if low := left < least; low != r.low {
		r.low = low
		r.tell(mem)
	}
	r.lend(int64(mem.Room(lowMemory)))
	if r.low {
		return 0
	}
	return left
}

// lend sets the budget of what may be kept for peers, from room, the memory that is left
// in bytes: what the engines keep already and a quarter of room, because Go's heap takes
// up to twice what is kept, and the sockets' own buffers come on top. Where no memory
// is left the budget falls to three quarters of what is kept.
func (r *Room) lend(room int64) {
	used := r.Page.Budget.Used.Load()
	size := used + room/4
	if room <= 0 {
		size = used * 3 / 4
	}
	r.Page.Budget.Size.Store(min(max(size, leastBudget), r.Budget))
}

// leastBudget is the least budget, bytes: peers in the middle of a message or of a
// handshake need some even when memory is short.
const leastBudget = 1 << 20

// tell logs that connections are refused for want of memory, or let in again.
func (r *Room) tell(mem proc.Mem) {
	if !r.low {
		r.Logf("memory: there is room for connections again")
		return
	}
	_, total, group := mem.Bound(lowMemory)
	processes := r.Page.count() + 1
	of := "this machine's"
	if group {
		of = "the cgroup's"
	}
	r.Logf("memory: less than %s of %s %s are left: connections are refused (memory_low) until %s are",
		unit.WholePercent(reserve(lowMemory, total, group, processes)), of, unit.Bytes(float64(total)),
		unit.WholePercent(reserve(enoughMemory, total, group, processes)))
}

// recount corrects TotalOpen and Budget.Used: a worker killed while counting may
// have counted in one place and not yet in the other.
func (r *Room) recount() {
	open, kept := int64(0), int64(0)
	for _, slot := range r.Page.Slots {
		open += slot.Open.Load()
		kept += slot.Buffered.Load()
	}
	r.open.correct(r.Page.TotalOpen, open)
	r.kept.correct(&r.Page.Budget.Used, kept)
}

// drift is a total at the last check, and by how much it differed from its parts' sum.
type drift struct{ total, by int64 }

// correct sets a total to the sum of its parts, if it was off by the same amount
// at the last check: then no worker was in the middle of counting.
func (d *drift) correct(total *atomic.Int64, sum int64) {
	now := total.Load()
	by := now - sum
	if by != 0 && *d == (drift{now, by}) {
		total.CompareAndSwap(now, sum)
	}
	*d = drift{now, by}
}
