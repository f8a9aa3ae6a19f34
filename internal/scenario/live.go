package scenario

import (
	"context"

	"github.com/c10m/c10m/internal/result"
)

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
