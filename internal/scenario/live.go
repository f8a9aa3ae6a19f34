package scenario

import (
	"context"
	"time"

	"github.com/c10m/c10m/internal/loadgen"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
)

// watchRun reports progress: at once, now and then, more rarely while the run stands at
// a gate, and when it comes to one or passes it, until the returned func is called.
func watchRun(run *Prepared, fp proc.FS, e *loadgen.Engine, phase func() string, g *gate, watch Watch) (stop func()) {
	began := time.Now()
	var last time.Time
	at := ""
	show := func() {
		gate := g.standing()
		if gate != "" && gate == at && time.Since(last) < gateEvery {
			return
		}
		at, last = gate, time.Now()
		p := Progress{Run: run, Phase: phase(), Gate: gate, Elapsed: time.Since(began), Target: run.Plan.Total,
			Counts: e.Counts(), Live: e.Live}
		if mem, err := fp.Mem(); err == nil {
			p.MemoryLeft = mem.Room(plan.MemoryReserve)
		}
		watch(p)
	}
	show()
	if g.pass == nil {
		return every(watchEvery, show)
	}
	g.moved = make(chan struct{}, 1)
	return everyOr(watchEvery, g.moved, show)
}

// gateEvery is how often a run says that it still stands at a gate, where nothing moves:
// a hundred on one machine are to leave its processors to those who are not there yet.
const gateEvery = time.Second

// every calls do once every d until the returned func is called, which waits for a
// call in progress to finish.
func every(d time.Duration, do func()) (stop func()) { return everyOr(d, nil, do) }

// everyOr calls do then and whenever something comes.
func everyOr(d time.Duration, comes <-chan struct{}, do func()) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(d)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-comes:
			case <-tick.C:
			}
			do()
		}
	}()
	return func() { close(done); <-ended }
}

// ServerMemory asks the server's control endpoint for the memory of its processes,
// in the cheapest way, while the run goes on. Nil if it is not known, or not of
// this machine.
func (p *Prepared) ServerMemory(ctx context.Context) *result.ProcMemory {
	if !p.SameHost || !p.control.known() {
		return nil
	}
	r, err := p.control.resident(ctx)
	if err != nil {
		return nil
	}
	return r.Memory
}
