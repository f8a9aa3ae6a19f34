package scenario

import (
	"context"
	"math/rand/v2"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/unit"
)

// bounds is what bounds a run, before the number of its connections is decided.
type bounds struct {
	plan    plan.Plan
	machine plan.Machine
	private bool // threads get fd tables of their own
	tasks   taskRoom
}

// Look says what bounds the connections of such a run on this machine, tightest
// first, whatever number is asked for. It opens nothing but the connections that try
// whether the server is there.
func Look(ctx context.Context, o Options, fp proc.FS) ([]plan.Limit, error) {
	o.Conns = unit.Count{Auto: true}
	p, _, err := look(ctx, o, fp)
	switch {
	case ctx.Err() != nil: // any other error follows from that
		return nil, ErrInterrupted
	case err != nil:
		return nil, err
	}
	return p.Limits, nil
}

func look(ctx context.Context, o Options, fp proc.FS) (p *Prepared, b bounds, err error) {
	p = &Prepared{control: newControl(ctx, "")}
	if b.tasks, err = roomForThreads(fp); err != nil {
		return nil, b, err
	}
	if err := p.probe(ctx, &o.Target, &o); err != nil {
		return nil, b, err
	}
	if err := p.findServer(ctx, o, fp); err != nil {
		return nil, b, err
	}
	b.plan = plan.Plan{Target: o.Target, Asked: o.Asked, Sources: o.Sources, SourcesV6: o.SourcesV6,
		Local: p.localPorts(fp)}
	if b.plan.Seed == 0 {
		b.plan.Seed = rand.Uint64()
	}
	if o.Engine == plan.EnginePackets {
		if err := decidePackets(&b.plan, o, fp); err != nil {
			return nil, b, err
		}
	}
	if b.machine, b.private, err = p.machine(o, b.plan, fp); err != nil {
		return nil, b, err
	}
	if b.private {
		b.tasks.bind(&b.machine)
	}
	p.Limits = b.machine.Limits()
	return p, b, nil
}
