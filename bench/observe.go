package main

import (
	"encoding/json"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
)

// observer measures a server from outside, every server in the same way: the memory of its
// processes, and how many connections they hold, by their open files. For the client it
// acts as the server's control endpoint.
type observer struct {
	here    proc.FS
	boot    string
	in      result.Namespaces
	quit    chan struct{}
	stopped sync.WaitGroup

	mu     sync.Mutex
	pids   []int
	base   int64     // files open without connections
	all    int64     // connections that the client is to make
	most   int64     // connections at most, up to all
	peak   uint64    // PSS at most, bytes
	rested uint64    // PSS when it last had all of them, bytes
	full   time.Time // when it last had all of them
	empty  time.Time // when the last one had gone
	// Kernel memory without connections, and when most connections were last open.
	before, held proc.Kernel
}

// newObserver makes an observer of a server that has no connections yet.
func newObserver(here proc.FS, sub *subject) (*observer, error) {
	boot, err := here.BootID()
	if err != nil {
		return nil, err
	}
	o := &observer{here: here, boot: boot, in: here.Namespaces(), quit: make(chan struct{})}
	return o, o.rebase(sub)
}

// rebase takes the server's state now for that without connections: after the warm-up it
// may have more processes, and more open files of its own.
func (o *observer) rebase(sub *subject) error {
	pids := sub.pids()
	base, err := settledFiles(pids)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pids, o.base, o.most = pids, base, 0
	return err
}

// processes are the server's processes, by pid.
func (o *observer) processes() []int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.pids
}

// settledFiles waits until the number of open files stands still for a quarter
// of a second: connections of a run before may still be closing.
func settledFiles(pids []int) (int64, error) {
	last, err := openFiles(pids)
	for still, i := 0, 0; err == nil && still < 5 && i < 200; i++ {
		time.Sleep(50 * time.Millisecond)
		var now int64
		if now, err = openFiles(pids); now == last {
			still++
		} else {
			last, still = now, 0
		}
	}
	return last, err
}

// open is how many connections the server has accepted and not closed.
func (o *observer) open() int64 {
	n, err := openFiles(o.processes())
	if err != nil {
		return 0
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return max(0, n-o.base)
}

// How often the observer measures: a count takes a microsecond, memory a walk over the
// server's page tables.
const (
	countEvery  = 5 * time.Millisecond
	memoryEvery = 250 * time.Millisecond
)

// watch begins to measure peak memory and the time of the close of so many connections,
// until unwatch.
func (o *observer) watch(all int64) {
	o.mu.Lock()
	o.all = all
	o.mu.Unlock()
	o.stopped.Go(func() {
		count, memory := time.NewTicker(countEvery), time.NewTicker(memoryEvery)
		defer count.Stop()
		defer memory.Stop()
		for {
			select {
			case <-o.quit:
				return
			case <-count.C:
				o.note(time.Now(), o.open())
			case <-memory.C:
				if p, err := o.here.Process(o.processes()...); err == nil {
					o.noteMemory(p.PSS, o.open())
				}
			}
		}
	})
}

// note takes in one count. A server opens files of its own for a moment, like those below
// /proc: one more than all connections is none that then goes, and one after the last has
// gone none that stayed.
func (o *observer) note(now time.Time, open int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch open = min(open, o.all); {
	case open >= o.most:
		o.most, o.full, o.empty = open, now, time.Time{}
	case open == 0 && o.empty.IsZero():
		o.empty = now
	}
}

// noteMemory takes in one reading: open is what was still open after it.
func (o *observer) noteMemory(pss uint64, open int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.peak = max(o.peak, pss)
	if open >= o.most {
		o.rested = pss
	}
}

// unwatch ends watch.
func (o *observer) unwatch() {
	close(o.quit)
	o.stopped.Wait()
}

// noteKernel counts the kernel's objects whenever the client has memory measured:
// before its ramp, during it, and once everything is held and has settled.
func (o *observer) noteKernel(open int64) {
	k, err := o.here.Kernel()
	if err != nil || k.Method != proc.MethodSlab {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.most == 0:
		o.before = k
	case open >= o.most:
		o.held = k
	}
}

// closing is the time from the first connection gone to the last; false if they
// have not all gone.
func (o *observer) closing() (float64, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.most == 0 || o.empty.IsZero() {
		return 0, false
	}
	return o.empty.Sub(o.full).Seconds(), true
}

// controlAddress is where the observer answers the client.
const controlAddress = "127.0.0.1:9091"

// listen answers /footprint as a server of ours would, until the process ends.
func (o *observer) listen() error {
	l, err := net.Listen("tcp", controlAddress)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /footprint", o.footprint)
	go func() { _ = (&http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}).Serve(l) }()
	return nil
}

func (o *observer) footprint(w http.ResponseWriter, r *http.Request) {
	pids := o.processes()
	report := result.ServerReport{Schema: result.ServerSchema, BootID: o.boot, In: &o.in, PID: pids[0], State: "ready",
		MaxConns: 1 << 30, Open: o.open()}
	if r.FormValue("memory") != "0" {
		p, err := o.here.Process(pids...)
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		report.Memory = &result.ProcMemory{RSS: p.RSS, PSS: p.PSS, Private: p.Private}
		report.CPU = &p.CPU
		o.noteKernel(report.Open)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(report)
}
