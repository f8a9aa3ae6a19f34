package scenario

import (
	"context"
	"time"

	"github.com/c10m/c10m/internal/footprint"
	"github.com/c10m/c10m/internal/loadgen"
	"github.com/c10m/c10m/internal/result"
)

// watchRun reports progress until the returned func is called.
func watchRun(fp footprint.Proc, e *loadgen.Engine, target int64, phase func() string, watch Watch) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	began := time.Now()
	go func() {
		defer close(ended)
		tick := time.NewTicker(watchEvery)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				p := Progress{Phase: phase(), Elapsed: time.Since(began), Target: target, Counts: e.Counts(), Live: e.Live}
				if mem, err := fp.Mem(); err == nil {
					p.MemoryLeft = mem.Room(memoryReserve)
				}
				watch(p)
			}
		}
	}()
	return func() { close(done); <-ended }
}

// ServerMemory asks the server's control endpoint for the memory of its
// processes, as cheaply as it can tell, while the run goes on. It is nil where
// that is not known, or not of this machine.
func (p *Prepared) ServerMemory(ctx context.Context) *result.ProcMemory {
	if !p.SameHost || p.control.base == "" {
		return nil
	}
	r, err := p.control.get(ctx, "/footprint?memory=resident")
	if err != nil {
		return nil
	}
	return r.Memory
}
