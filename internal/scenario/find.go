package scenario

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
)

// ends are the first and the last port of every address.
func ends(t *plan.Target) (all []string) {
	for _, host := range t.Hosts() {
		for _, port := range []int{t.Ports[0], t.Ports[len(t.Ports)-1]} {
			all = append(all, net.JoinHostPort(host.String(), strconv.Itoa(port)))
		}
	}
	return all
}

// probe connects once to the first and the last port of every address.
func probe(ctx context.Context, o Options) error {
	for _, at := range ends(&o.Target) {
		d := net.Dialer{Timeout: min(5*time.Second, o.ConnectTimeout)}
		c, err := d.DialContext(ctx, "tcp", at)
		if err != nil {
			return fmt.Errorf("server not reachable: %s: start one there (bin/server --ports %d), or name another with --host, --first-port and --ports",
				strings.TrimPrefix(err.Error(), "dial tcp "), len(o.Ports))
		}
		if t, ok := c.(*net.TCPConn); ok {
			_ = t.SetLinger(0)
		}
		_ = c.Close()
	}
	return nil
}

// stillServes says whether the server that the run began with still accepts
// connections. A server that has ended, or has restarted processes, has closed its
// connections by that.
func (p *Prepared) stillServes() bool {
	for _, at := range ends(&p.Plan.Target) {
		if accepts(at) != nil {
			return false
		}
	}
	if p.Server == nil {
		return true
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	now, err := p.control.counts(ctx)
	return err == nil && now.PID == p.Server.PID && restarts(now) == restarts(p.Server)
}

func restarts(r *result.ServerReport) (n int64) {
	for _, s := range r.Shards {
		n += s.Restarts
	}
	return n
}

// findServer asks the server's control endpoint, where there is one, or looks at
// its processes, where the user has named one. An error says that it cannot be
// watched as it was asked for.
func (p *Prepared) findServer(ctx context.Context, o Options, fp proc.FS) error {
	p.Place = findPlace(o.Host, nil, fp)
	if len(o.ServerPIDs) > 0 {
		return p.findForeign(ctx, o, fp)
	}
	base := o.Control
	switch base {
	case "none":
		return nil
	case "auto":
		base = "http://" + net.JoinHostPort(o.Host.String(), "9090")
		if o.Host.IsLoopback() {
			base = "http://127.0.0.1:9090"
		}
	}
	c := newControl(ctx, strings.TrimSuffix(base, "/"))
	r, err := c.counts(ctx)
	if err != nil {
		p.warn(result.Warn("control_unreachable").Word("url", base).Word("why", why(err)))
		return nil
	}
	if p.takes(base, r, &o) {
		p.control, p.Server, p.Place = c, r, findPlace(o.Host, r, fp)
	}
	return nil
}

// takes says whether a server's report is accepted as that of the server under
// test. If the report lists other ports, it is rejected when the endpoint was only
// found by default, and accepted with a warning when the user named it, as behind
// a port mapping.
func (p *Prepared) takes(base string, r *result.ServerReport, o *Options) bool {
	if isOf(r, o.Host, o.Ports) {
		return true
	}
	w := result.Warn("control_of_other").Word("url", base).Word("ports", portsText(r)).Word("bind", r.Bind)
	if p.Elsewhere = o.Control != "auto"; p.Elsewhere {
		w.Code = "control_taken_as_told"
	}
	p.warn(w)
	return p.Elsewhere
}
