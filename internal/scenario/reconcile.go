package scenario

import (
	"context"
	"time"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/result"
)

// reconcile puts the three counts of the same connections side by side, while
// everything is held.
func (h *hold) reconcile() {
	c := &result.Counts{Client: h.engine.Counts().Open()}
	if h.series.Held.ServerOpen >= 0 {
		open := h.series.Held.ServerOpen
		c.Server = &open
		if open != c.Client {
			h.warn("the server holds %s connections, the client %s", plan.Group(open), plan.Group(c.Client))
		}
	}
	c.Kernel = h.kernelCount("", c.Client)
	h.res.Reconcile = c
}

// kernelCount is what the kernel counts, nil where that is not to be known.
// Listeners, the control endpoint and strangers come on top of the client's
// connections (client); fewer cannot be, and is a doubt.
func (h *hold) kernelCount(when string, client int64) *int64 {
	s, err := h.fp.Sockets()
	if err != nil {
		return nil
	}
	ends := int64(1)
	if h.SameHost {
		ends = 2
	}
	// On loopback the server's sockets are counted in our network namespace.
	if h.Plan.Host.IsLoopback() && s.TCP < ends*client-client/1000 {
		h.warn("%sthe kernel counts %s TCP sockets in use, the client alone holds %s", when, plan.Group(s.TCP), plan.Group(client))
	}
	return &s.TCP
}

// lastLook is how long the two counts may take to agree at the end of a run.
const lastLook = 2 * time.Second

// reconcileAgain compares the counts once more before the connections are
// closed, after whatever has happened meanwhile: what one end has lost and the
// other still holds is a doubt about either. A run that was interrupted looks
// once, and does not wait.
func (h *hold) reconcileAgain(interrupted bool) {
	if h.res.Reconcile == nil {
		return // it never came to hold anything
	}
	const when = "at the end of the run "
	ctx, cancel := context.WithTimeout(context.Background(), lastLook)
	defer cancel()
	var server *result.ServerReport
	agree := h.control.base == ""
	for !agree && ctx.Err() == nil {
		r, err := h.control.counts(ctx)
		if err != nil {
			break
		}
		server, agree = r, r.Open-h.target == h.engine.Counts().Open()
		if interrupted {
			break
		}
		if !agree {
			sleep(ctx, 20*time.Millisecond)
		}
	}
	client := h.engine.Counts().Open()
	switch {
	case agree:
	case server == nil:
		h.warn(when+"the server's control endpoint did not answer: whether it still held the client's %s connections is not known", plan.Group(client))
	default:
		h.warn(when+"the server held %s connections, the client %s", plan.Group(server.Open-h.target), plan.Group(client))
	}
	h.kernelCount(when, h.engine.Counts().Open())
}
