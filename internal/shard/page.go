// Package shard runs the server as several worker processes where one fd table
// is too small: it starts them, watches them, starts them anew, drains them and
// sums them up. The workers' counters lie in one shared memory page, so that
// reading them costs a worker nothing and a dead worker's last counts remain.
package shard

import (
	"fmt"
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
	doorFD     = 5
)

// MaxWorkers bounds the worker processes of one server.
const MaxWorkers = 4096

// Page is the memory that supervisor and workers share: one count of open
// connections over all, one budget of what is buffered for their peers, and one
// block of counters each.
type Page struct {
	TotalOpen *atomic.Int64
	Budget    *echo.Budget
	Slots     []*echo.Counters
	file      *os.File
}

const (
	headBytes = 2 * 64 // each on a cache line of its own
	slotBytes = (int(unsafe.Sizeof(echo.Counters{})) + 63) &^ 63
)

// NewPage makes a page for n workers.
func NewPage(n int) (*Page, error) {
	f, err := sys.SharedMemory("c10m-counters", headBytes+n*slotBytes)
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
	mem, err := sys.Map(f, headBytes+n*slotBytes)
	if err != nil {
		return nil, fmt.Errorf("map counters of %d workers: %w", n, err)
	}
	p := &Page{file: f, Slots: make([]*echo.Counters, n)}
	p.TotalOpen = (*atomic.Int64)(unsafe.Pointer(&mem[0]))
	p.Budget = (*echo.Budget)(unsafe.Pointer(&mem[headBytes/2]))
	for i := range p.Slots {
		p.Slots[i] = (*echo.Counters)(unsafe.Pointer(&mem[headBytes+i*slotBytes]))
	}
	return p, nil
}

// Alone is the page of a server that is one plain process.
func Alone() *Page {
	return &Page{TotalOpen: new(atomic.Int64), Budget: new(echo.Budget), Slots: []*echo.Counters{new(echo.Counters)}}
}
