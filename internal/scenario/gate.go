package scenario

import (
	"context"
	"sync/atomic"
)

// The gates that a run may wait at, each before the phase of its name.
const (
	GateRamp  = "ramp"
	GateHold  = "hold"
	GateClose = "close"
)

// HoldGates are those of Hold, in their order.
func HoldGates() []string { return []string{GateRamp, GateHold, GateClose} }

// ChurnGates are those of Churn and of Stress.
func ChurnGates() []string { return []string{GateRamp, GateClose} }

// gate is where a run stands and waits.
type gate struct {
	pass func(context.Context, string) error // Options.Gate
	stop context.CancelFunc                  // ends the run
	at   atomic.Value                        // string; "": at none

	moved chan struct{} // something came to at; nil: nobody wants to know
}

// wait returns once the phase may begin, or the run has ended.
func (g *gate) wait(ctx context.Context, phase string) {
	if g.pass == nil || ctx.Err() != nil {
		return
	}
	g.move(phase)
	err := g.pass(ctx, phase)
	g.move("")
	if err != nil {
		g.stop()
	}
}

func (g *gate) move(to string) {
	g.at.Store(to)
	select {
	case g.moved <- struct{}{}:
	default:
	}
}

// standing is the gate that the run waits at; "" if at none.
func (g *gate) standing() string {
	at, _ := g.at.Load().(string)
	return at
}
