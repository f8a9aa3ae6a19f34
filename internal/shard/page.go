package shard

import (
	"fmt"
	"iter"
	"os"
	"sync/atomic"
	"unsafe"

	"github.com/c10m/c10m/internal/echo"
	"github.com/c10m/c10m/internal/sys"
)

// The fds a worker inherits, after stdin, stdout and stderr.
const (
	pageFD     = 3
	lifelineFD = 4
	socketFD   = 5
	secretsFD  = 6 // if there are any
)

// MaxWorkers bounds the worker processes of one server.
const MaxWorkers = 4096

// Page is the memory that supervisor and workers share: one count of all open
// connections, one budget of what is buffered for their peers, and one block of
// counters for each possible worker, whether it exists or not. The block of a
// worker that does not exist holds what earlier ones in its slot counted: totals
// are over all blocks.
type Page struct {
	TotalOpen *atomic.Int64
	Budget    *echo.Budget
	Slots     []*echo.Counters
	states    []*workerState
	joins     *atomic.Int64 // how often a worker has begun to listen
	file      *os.File
}

// workerState is what the supervisor and one worker tell each other. The worker sets
// binding, joined and taken, the supervisor the others, and all to 0 when it has ended.
type workerState struct {
	exists  atomic.Int32
	binding atomic.Int32 // 1 while it opens its listening sockets
	joined  atomic.Int64 // the value of Page.joins when it had opened them; 0: not yet
	handed  atomic.Int64 // connections that the supervisor has sent it
	taken   atomic.Int64 // those of them that it has accepted, or passed on
	_       [32]byte
}

const (
	headBytes  = 2 * 64 // each on a cache line of its own
	stateBytes = int(unsafe.Sizeof(workerState{}))
	slotBytes  = (int(unsafe.Sizeof(echo.Counters{})) + 63) &^ 63
)

func pageBytes(n int) int { return headBytes + n*(stateBytes+slotBytes) }

// NewPage makes a page for n workers, of which none exists yet.
func NewPage(n int) (*Page, error) {
	f, err := sys.SharedMemory("c10m-counters", pageBytes(n))
	if err != nil {
		return nil, err
	}
	return mapPage(f, n)
}

// InheritPage maps the page of n workers that the supervisor has handed down.
func InheritPage(n int) (*Page, error) {
	return mapPage(os.NewFile(pageFD, "counters"), n)
}

func mapPage(f *os.File, n int) (*Page, error) {
	mem, err := sys.Map(f, pageBytes(n))
	if err != nil {
		return nil, fmt.Errorf("map counters of %d workers: %w", n, err)
	}
	p := &Page{file: f, Slots: make([]*echo.Counters, n), states: make([]*workerState, n)}
	p.TotalOpen = (*atomic.Int64)(unsafe.Pointer(&mem[0]))
	p.Budget = (*echo.Budget)(unsafe.Pointer(&mem[headBytes/2]))
	p.joins = (*atomic.Int64)(unsafe.Pointer(&mem[8]))
	for i := range n {
		p.states[i] = (*workerState)(unsafe.Pointer(&mem[headBytes+i*stateBytes]))
		p.Slots[i] = (*echo.Counters)(unsafe.Pointer(&mem[headBytes+n*stateBytes+i*slotBytes]))
	}
	return p, nil
}

// Alone is the page of a server that is one plain process.
func Alone() *Page {
	p := &Page{TotalOpen: new(atomic.Int64), Budget: new(echo.Budget), Slots: []*echo.Counters{new(echo.Counters)},
		states: []*workerState{new(workerState)}, joins: new(atomic.Int64)}
	p.states[0].exists.Store(1)
	return p
}

// Workers are those that exist, by number.
func (p *Page) Workers() iter.Seq2[int, *echo.Counters] {
	return func(yield func(int, *echo.Counters) bool) {
		for i, s := range p.states {
			if s.exists.Load() != 0 && !yield(i, p.Slots[i]) {
				return
			}
		}
	}
}

// count is how many exist.
func (p *Page) count() (n int64) {
	for range p.Workers() {
		n++
	}
	return n
}

// join lets worker i open its listening sockets while no other worker does, until
// it calls listening: so the sockets of each port are in the order in which the
// workers joined. The lock is a record lock (fcntl(2)), which ends with the process.
func (p *Page) join(i int) (listening func(), err error) {
	unlock, err := sys.LockFile(p.file)
	if err != nil {
		return nil, fmt.Errorf("wait for other workers: %w", err)
	}
	s := p.states[i]
	s.binding.Store(1)
	return func() {
		s.joined.Store(p.joins.Add(1))
		s.binding.Store(0)
		unlock()
	}, nil
}
