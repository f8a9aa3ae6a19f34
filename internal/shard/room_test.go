package shard

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"testing"
	"time"

	"github.com/c10m/c10m/internal/echo"
	"github.com/c10m/c10m/internal/proc"
)

// TestWalked: memory that the kernel reclaims when it is needed counts as room, and is
// looked up only when there is no other.
func TestWalked(t *testing.T) {
	asked, said := 0, 0
	free := uint64(50_000_000)
	r := Room{Page: twoEngines(), ConnBytes: 1000, Logf: func(string, ...any) { said++ },
		Memory: func() (proc.Mem, error) { return proc.Mem{Total: 100_000_000, Free: free}, nil },
		Walked: func() uint64 { asked++; return 2_000_000 }}
	for _, tt := range []struct {
		free  uint64
		share int64
		asked int
	}{{50_000_000, 23_500, 0}, {3_000_000, 1000, 1}, {900_000, 0, 2}} {
		free = tt.free
		r.deal()
		if most := r.Page.Slots[0].Most.Load(); most != tt.share || asked != tt.asked {
			t.Errorf("%d bytes free: %d connections, asked %d times, want %d and %d", tt.free, most, asked, tt.share, tt.asked)
		}
	}
	if said != 1 {
		t.Errorf("said %d things, want that connections are refused, once", said)
	}
}

func twoEngines() *Page {
	return pageOf(2)
}

// pageOf is a page of n workers that exist.
func pageOf(n int) *Page {
	p := &Page{TotalOpen: new(atomic.Int64), Budget: new(echo.Budget), joins: new(atomic.Int64)}
	for range n {
		p.Slots, p.states = append(p.Slots, new(echo.Counters)), append(p.states, new(workerState))
		p.states[len(p.states)-1].exists.Store(1)
	}
	return p
}

// TestDealToWorkersThatExist: a slot without a worker gets no share of the room.
func TestDealToWorkersThatExist(t *testing.T) {
	r := Room{Page: pageOf(10), ConnBytes: 1000, Logf: t.Logf,
		Memory: func() (proc.Mem, error) { return proc.Mem{Total: 100_000_000, Free: 23_000_000}, nil }}
	for i := 2; i < 10; i++ {
		r.Page.states[i].exists.Store(0)
	}
	r.deal()
	if most := r.Page.Slots[1].Most.Load(); most != 10_000 || r.Page.Slots[5].Most.Load() != 0 {
		t.Errorf("worker 1 of 2 may hold %d, want 10000", most)
	}
}

// TestDeal: what each of two engines may hold that have 10 and 20 connections,
// in turn, as memory goes and comes back.
func TestDeal(t *testing.T) {
	const conn, total = 1000, 100_000_000 // 3 % are 3,000 connections, 5 % are 5,000
	tests := []struct {
		name        string
		open, limit int64
		filesErr    error
		free        uint64 // bytes
		memErr      error
		share       int64
		cause       int32
	}{
		{"plenty of files", 0, 2_000_000, nil, total, nil, 97_000 / 2, echo.MemoryLow},
		{"some files", 500, 1000, nil, total, nil, 225, echo.FileMax},
		{"only the reserve of files", 950, 1000, nil, total, nil, 0, echo.FileMax},
		{"less than that", 999, 1000, nil, total, nil, 0, echo.FileMax},
		{"more files than there may be", 1500, 1000, nil, total, nil, 0, echo.FileMax},
		{"files not known", 0, 1000, errors.New("gone"), total, nil, 0, echo.FileMax},
		{"files again", 0, 1000, nil, total, nil, 475, echo.FileMax},
		{"some memory", 0, 2_000_000, nil, 4_000_000, nil, 500, echo.MemoryLow},
		{"memory not known", 0, 2_000_000, nil, 4_000_000, errors.New("gone"), 0, echo.MemoryLow},
		{"hardly any memory", 0, 2_000_000, nil, 3_128_100, nil, 64, echo.MemoryLow},
		{"less than is worth dealing out", 0, 2_000_000, nil, 3_127_000, nil, 0, echo.MemoryLow},
		{"only the reserve of memory", 0, 2_000_000, nil, 3_000_000, nil, 0, echo.MemoryLow},
		{"a little more is not enough", 0, 2_000_000, nil, 4_900_000, nil, 0, echo.MemoryLow},
		{"enough memory again", 0, 2_000_000, nil, 6_000_000, nil, 500, echo.MemoryLow},
		{"and then the reserve is the lower one", 0, 2_000_000, nil, 6_000_000, nil, 1500, echo.MemoryLow},
	}
	page := twoEngines()
	page.Slots[0].Open.Store(10)
	page.Slots[1].Open.Store(20)
	said := 0
	at := tests[0]
	r := Room{Page: page, ConnBytes: conn, Logf: func(string, ...any) { said++ },
		Files:  func() (int64, int64, error) { return at.open, at.limit, at.filesErr },
		Memory: func() (proc.Mem, error) { return proc.Mem{Total: total, Free: at.free}, at.memErr }}
	for _, at = range tests {
		r.deal()
		for k, slot := range page.Slots {
			most := slot.Open.Load() + at.share
			if at.share == 0 {
				most = 0
			}
			if slot.Most.Load() != most || slot.Scarce.Load() != at.cause {
				t.Errorf("%s: engine %d may hold %d, then %s; want %d, then %s", at.name, k, slot.Most.Load(),
					echo.CauseNames[slot.Scarce.Load()], most, echo.CauseNames[at.cause])
			}
		}
	}
	if said != 2 {
		t.Errorf("said %d times that connections are refused or let in again, want once each", said)
	}
}

// TestWatches: without epoll watches nobody is let in, and it is said once.
func TestWatches(t *testing.T) {
	left, said := true, 0
	r := Room{Page: twoEngines(), ConnBytes: 1000, Logf: func(string, ...any) { said++ },
		Watches: func() bool { return left },
		Memory:  func() (proc.Mem, error) { return proc.Mem{Total: 100_000_000, Free: 50_000_000}, nil }}
	slot := r.Page.Slots[1]
	slot.Open.Store(5)
	for _, tt := range []struct {
		left  bool
		most  int64
		cause int32
	}{{true, 23_505, echo.MemoryLow}, {false, 0, echo.WatchLimit}, {false, 0, echo.WatchLimit},
		{true, 23_505, echo.MemoryLow}} {
		left = tt.left
		if r.deal(); slot.Most.Load() != tt.most || slot.Scarce.Load() != tt.cause {
			t.Errorf("watches left %v: %d may be held, then %s", left, slot.Most.Load(), echo.CauseNames[slot.Scarce.Load()])
		}
	}
	if said != 2 {
		t.Errorf("said %d times, want once each", said)
	}
}

// TestLend: what may be kept for peers follows the room: never less than those in
// the middle of something need, never more than was asked for.
func TestLend(t *testing.T) {
	const mib = 1 << 20
	r := Room{Page: twoEngines(), Budget: 100 * mib}
	for _, tt := range []struct {
		name             string
		used, room, want int64
	}{
		{"much room", 0, 4000 * mib, 100 * mib},
		{"some", 10 * mib, 40 * mib, 20 * mib},
		{"none", 20 * mib, 0, 15 * mib},
		{"none, and nothing kept", 0, 0, mib},
		{"hardly any", 0, mib, mib},
	} {
		r.Page.Budget.Used.Store(tt.used)
		if r.lend(tt.room); r.Page.Budget.Size.Load() != tt.want {
			t.Errorf("%s: %d may be kept, want %d", tt.name, r.Page.Budget.Size.Load(), tt.want)
		}
	}
}

// TestWatch: a look follows connections that arrive, and there is one now and
// then without them.
func TestWatch(t *testing.T) {
	page := twoEngines()
	looks := make(chan bool)
	r := Room{Page: page, ConnBytes: 1, Logf: t.Logf, Memory: func() (proc.Mem, error) {
		looks <- true
		return proc.Mem{Total: 1000, Free: 500}, nil
	}}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.Watch(ctx)
	}()
	for i := range 4 {
		select {
		case <-looks:
		case <-time.After(time.Minute):
			t.Fatal("no further look")
		}
		if i < 2 {
			page.Slots[1].Accepted.Add(1)
		}
	}
	cancel()
	for {
		select {
		case <-looks:
		case <-ended:
			return
		}
	}
}

// TestRecount: a count that a killed worker has left wrong is put right, one that
// is under way is not touched.
func TestRecount(t *testing.T) {
	page := twoEngines()
	r := Room{Page: page}
	for i, step := range []struct{ open, total, want int64 }{
		{5, 5, 5},
		{6, 5, 5}, // one is being counted
		{6, 6, 6},
		{6, 7, 7}, // one is being taken out
		{7, 8, 8}, // and another
		{7, 8, 7}, // nobody is at it
		{7, 7, 7},
	} {
		page.Slots[0].Open.Store(step.open)
		page.TotalOpen.Store(step.total)
		r.recount()
		if got := page.TotalOpen.Load(); got != step.want {
			t.Errorf("step %d: %d in all, want %d", i, got, step.want)
		}
	}
}

// In a small control group more stays free than a share of it: what the server's
// processes take whatever connections do.
func TestReserve(t *testing.T) {
	for _, tt := range []struct {
		share     float64
		total     uint64
		group     bool
		processes int64
		want      float64
	}{
		{lowMemory, 1 << 30, false, 3, lowMemory},
		{lowMemory, 0, true, 3, lowMemory},
		{lowMemory, 32 << 30, true, 150, lowMemory},
		{lowMemory, 40 << 20, true, 2, 0.1},
		{enoughMemory, 40 << 20, true, 2, 0.1 + enoughMemory - lowMemory},
		{lowMemory, 8 << 20, true, 20, 0.5},
	} {
		if got := reserve(tt.share, tt.total, tt.group, tt.processes); math.Abs(got-tt.want) > 1e-9 {
			t.Errorf("%+v: %g", tt, got)
		}
	}
}
