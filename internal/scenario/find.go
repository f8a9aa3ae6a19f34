package scenario

import (
	"context"
	"net"
	"strings"

	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
)

// findServer asks the server's control endpoint, where there is one, or looks at
// its processes, where the user has named one. An error says that it cannot be
// watched as it was asked for.
func (p *Prepared) findServer(ctx context.Context, o Options, fp proc.FS) error {
	p.Place = findPlace(&o.Target, nil, fp)
	if len(o.ServerPIDs) > 0 {
		return p.findForeign(ctx, o, fp)
	}
	base := o.Control
	switch {
	case base == "none":
		return nil
	case base == "auto" && o.URLs != nil && !p.SameHost:
		return nil // nothing says that it is a server of ours, and port 9090 of others is none of our business
	case base == "auto":
		base = "http://" + net.JoinHostPort(o.Host().String(), "9090")
		if o.Host().IsLoopback() {
			base = "http://127.0.0.1:9090"
		}
	}
	c := newControl(ctx, strings.TrimSuffix(base, "/"))
	r, err := c.counts(ctx)
	if err != nil {
		p.warn(result.Warn("control_unreachable").Because(err))
		return nil
	}
	if p.takes(base, r, &o) {
		p.control, p.Server, p.Place = c, r, findPlace(&o.Target, r, fp)
	}
	return nil
}

// takes says whether a server's report is accepted as that of the server under
// test. If the report lists other ports, it is rejected when the endpoint was only
// found by default, and accepted with a warning when the user named it, as behind
// a port mapping.
func (p *Prepared) takes(base string, r *result.ServerReport, o *Options) bool {
	if isOf(r, o.Host(), o.Ports()) {
		return true
	}
	w := result.Warn("control_of_other").Word("url", base).Word("ports", portsText(r)).Word("bind", r.Bind)
	if p.Elsewhere = o.Control != "auto"; p.Elsewhere {
		w.Code = "control_taken_as_told"
	}
	p.warn(w)
	return p.Elsewhere
}
