package shard

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/c10m/c10m/internal/echo"
	"github.com/c10m/c10m/internal/proc"
)

// accept4(2) fails with ENFILE when the whole machine is out of files
// (fs.file-max), and with ENOBUFS or ENOMEM when memory is; gnet ends its engine
// over either, with every connection, and in a cgroup the kernel kills the process
// instead. So the engines may hold only what there is room for, less a reserve for
// everybody else: the watcher deals it out and looks again before long.

// lookEvery is how often the watcher looks while connections arrive, or more is
// kept for them. Else it looks every idleLooks-th time only: there is nothing to
// deal out.
const (
	lookEvery = 50 * time.Millisecond
	idleLooks = 20
)

// FileReserve is what the server leaves of limit files to the rest of the
// machine, and for what others open between two looks.
func FileReserve(limit int64) int64 { return min(limit/20, 50_000) }

// The shares of memory, the machine's or the cgroup's, at which connections begin
// to be refused and are let in again. Less than 5 % is where a client on this
// machine ends its ramp by itself: a measurement is not cut short here. What stays
// is for the data of the connections that are held (an idle one needs no buffer)
// and for the kernel's own reserve, vm.min_free_kbytes, below which interrupts
// alone get memory. The gap keeps a server at its limit from opening and closing
// its door with each connection that leaves.
const (
	lowMemory    = 0.03
	enoughMemory = 0.05
)

// leastShare is the share of an engine below which memory counts as used up: as a
// connection that is idle takes less than it is dealt out for, shares would halve
// with each look and never end.
const leastShare = 64

// Room deals out what is left of the machine to the engines of Page.
type Room struct {
	Page   *Page
	Files  func() (open, limit int64, err error) // fs.file-nr; nil: it does not bind us
	Memory func() (proc.Mem, error)
	// Watches says whether epoll watches are left to this user; nil: not looked at.
	Watches func() bool
	// Walked is kernel memory that readers of /proc/PID/fd have left behind: it
	// looks used and is dropped when there is need. nil: none.
	Walked    func() uint64
	ConnBytes int64 // what a connection takes of the memory
	Budget    int64 // what may be kept for peers where there is memory enough
	Logf      func(format string, args ...any)

	low        bool // memory was, and has not been enough since
	unwatched  bool // no epoll watches were left at the last look
	open, kept drift
}

// Watch looks until ctx ends.
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

// deal lets every engine have an equal share of the room. Without any, not even
// those that left are replaced.
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

// watches says whether epoll watches are left, and tells when that changes.
func (r *Room) watches() bool {
	left := r.Watches()
	if left == r.unwatched {
		r.unwatched = !left
		if left {
			r.Logf("epoll watches: there are some left again")
		} else {
			r.Logf("fs.epoll.max_user_watches is used up by this user's processes: connections are refused (watch_limit); cure: sysctl -w fs.epoll.max_user_watches=N, a larger one")
		}
	}
	return left
}

// files is how many files may still be opened. Where that cannot be read nobody
// is let in blindly.
func (r *Room) files() int64 {
	open, limit, err := r.Files()
	if err != nil {
		return 0
	}
	return max(0, limit-open-FileReserve(limit))
}

// memory is how many connections there is memory for; none where that cannot be
// read.
func (r *Room) memory() int64 {
	mem, err := r.Memory()
	if err != nil {
		return 0
	}
	reserve := lowMemory
	if r.low {
		reserve = enoughMemory
	}
	left, least := int64(mem.Room(reserve))/r.ConnBytes, leastShare*max(1, r.Page.count())
	if left < least && r.Walked != nil {
		mem.CleanCache += r.Walked()
		left = int64(mem.Room(reserve)) / r.ConnBytes
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

// lend lets the engines keep for their peers what they keep already and a quarter
// of the room that is left: Go's heap takes up to twice what is kept, and the
// sockets' own buffers come on top. Without room they give back a quarter.
func (r *Room) lend(room int64) {
	used := r.Page.Budget.Used.Load()
	size := used + room/4
	if room <= 0 {
		size = used * 3 / 4
	}
	r.Page.Budget.Size.Store(min(max(size, leastBudget), r.Budget))
}

// leastBudget is what peers in the middle of a message or a handshake need even
// where memory is short: they are no burden.
const leastBudget = 1 << 20

// tell says that the door closes or opens.
func (r *Room) tell(mem proc.Mem) {
	if !r.low {
		r.Logf("memory: there is room for connections again")
		return
	}
	_, total, group := mem.Bound(lowMemory)
	of := "this machine's"
	if group {
		of = "the cgroup's"
	}
	r.Logf("memory: less than %.0f %% of %s %d MiB are left: connections are refused (memory_low) until %.0f %% are", lowMemory*100, of, total>>20, enoughMemory*100)
}

// recount puts TotalOpen and Budget.Used right: a worker that is killed while it
// counts something may have counted it in one place and not yet in the other.
func (r *Room) recount() {
	open, kept := int64(0), int64(0)
	for _, slot := range r.Page.Slots {
		open += slot.Open.Load()
		kept += slot.Buffered.Load()
	}
	r.open.correct(r.Page.TotalOpen, open)
	r.kept.correct(&r.Page.Budget.Used, kept)
}

// drift is by how much a total was off at the last look.
type drift struct{ total, by int64 }

// correct sets a total to the sum of its parts, if it was off by as much when it
// was last looked at: between two looks that see the same there was nobody in the
// middle of counting.
func (d *drift) correct(total *atomic.Int64, sum int64) {
	now := total.Load()
	by := now - sum
	if by != 0 && *d == (drift{now, by}) {
		total.CompareAndSwap(now, sum)
	}
	*d = drift{now, by}
}
