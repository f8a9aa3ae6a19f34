package scenario

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/c10m/c10m/internal/fill"
	"github.com/c10m/c10m/internal/loadgen"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/secure"
	"github.com/c10m/c10m/internal/ws"
)

// probeEvery is the time between two looks at a server that is starting.
const probeEvery = 100 * time.Millisecond

// tried is what the probe found at one place.
type tried struct {
	place *plan.Place
	err   error
}

// probe connects once to the first and the last port of every place, and with
// --wait again and again until they accept. An address of a name that does not is
// left out where another of the name does: a name has addresses of a family that this
// machine has no route to, and localhost two of which a server listens on one.
func (p *Prepared) probe(ctx context.Context, t *plan.Target, o *Options) error {
	var all []tried
	for end := time.Now().Add(o.Wait - o.Waited); ; sleep(ctx, probeEvery) {
		all = tryPlaces(ctx, t, o)
		err := unreachable(all)
		switch {
		case err == nil:
			p.leaveOut(t, all)
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case time.Now().After(end):
			return notReachable(t, o, err)
		}
	}
}

// tryPlaces probes all places.
func tryPlaces(ctx context.Context, t *plan.Target, o *Options) []tried {
	all := make([]tried, len(t.Places))
	for i := range t.Places {
		all[i] = tried{&t.Places[i], tryPlace(ctx, t, i, o)}
	}
	return all
}

// tryPlace connects to both ends of a place's ports.
func tryPlace(ctx context.Context, t *plan.Target, i int, o *Options) error {
	one := *t
	one.Places = t.Places[i : i+1]
	list := one.List()
	for _, to := range slices.Compact([]plan.Dest{list[0], list[len(list)-1]}) {
		if err := try(ctx, &one, &to, o); err != nil {
			return err
		}
	}
	return nil
}

// try connects to a destination. With --wait a WebSocket server has to answer, too: a
// proxy accepts before the server behind it does.
func try(ctx context.Context, t *plan.Target, to *plan.Dest, o *Options) error {
	d := net.Dialer{Timeout: min(5*time.Second, o.ConnectTimeout)}
	c, err := d.DialContext(ctx, "tcp", to.At.String())
	if err != nil {
		var why *net.OpError
		if errors.As(err, &why) { // the address stands before it
			err = why.Err
		}
		return fault(result.Warn("not_at_address").Word("address", to.At.String()), err)
	}
	defer func() {
		if t, ok := c.(*net.TCPConn); ok {
			_ = t.SetLinger(0)
		}
		_ = c.Close()
	}()
	if o.Wait > 0 && to.WS {
		_ = c.SetDeadline(time.Now().Add(d.Timeout))
		return answers(c, t, to)
	}
	return nil
}

// answers does the opening handshake of connection 0, over TLS where the target is.
// Any answer will do but an end, and the HTTP statuses by which a proxy, or a server
// that is not ready, asks for patience: whatever else is wrong the run will say.
func answers(c net.Conn, t *plan.Target, to *plan.Dest) error {
	lines, _ := fill.ParseLines(string(t.Lines)) // nil: there are none
	request, err := loadgen.Request(t, to, lines)
	if err != nil {
		return err
	}
	if to.TLS {
		profile, err := loadgen.Profile(t, to)
		if err != nil {
			return err
		}
		c = profile.Over(c)
	}
	if _, err := c.Write(request.AppendRequest(nil, 0)); err != nil {
		return silent(to, err)
	}
	in := bufio.NewReaderSize(c, ws.MaxResponse)
	for want := 1; ; {
		if _, err := in.Peek(want); err != nil {
			return silent(to, err)
		}
		got, _ := in.Peek(in.Buffered())
		n, err := request.CheckResponse(got, 0)
		var status ws.StatusError
		switch {
		case errors.As(err, &status) && notReady(int(status)):
			return fault(result.Warn("not_at_address").Word("address", to.At.String()), err)
		case err != nil, n > 0:
			return nil
		}
		want = len(got) + 1
	}
}

// silent is the error of a server that ends or keeps silent where it should answer;
// nil of any other, like a certificate that is refused.
func silent(to *plan.Dest, err error) error {
	var network *net.OpError
	switch secure.CauseOf(err) {
	case secure.Closed, secure.Timeout:
	case secure.Other: // no certificate, and no alert
		if !errors.As(err, &network) {
			return nil
		}
	default:
		return nil
	}
	return fault(result.Warn("no_answer_at_address").Word("address", to.At.String()), err)
}

// notReady says whether an HTTP status may be of a server that is starting, or of a
// proxy before it: 404, 429 and all of 5xx.
func notReady(status int) bool { return status == 404 || status == 429 || status/100 == 5 }

// sameName says whether two places are addresses of one name that stand for each
// other.
func sameName(a, b *plan.Place) bool {
	return a.Name != "" && a.Name == b.Name && a.WS == b.WS && a.Plain == b.Plain && a.Path == b.Path &&
		slices.Equal(a.Ports, b.Ports)
}

// unreachable is the first error of a place that no other stands for.
func unreachable(all []tried) error {
	for _, one := range all {
		if one.err == nil || slices.ContainsFunc(all,
			func(t tried) bool { return t.err == nil && sameName(t.place, one.place) }) {
			continue
		}
		if one.place.Name != "" {
			return fault(result.Warn("not_by_name").Word("name", one.place.Name), one.err)
		}
		return one.err
	}
	return nil
}

// leaveOut takes the places out of the target that did not accept.
func (p *Prepared) leaveOut(t *plan.Target, all []tried) {
	var kept []plan.Place
	for _, one := range all {
		if one.err == nil {
			kept = append(kept, *one.place)
			continue
		}
		p.warn(result.Warn("address_left_out").Word("name", one.place.Name).
			Word("address", one.place.Host.String()).Because(one.err))
	}
	t.Places = kept
}

// notReachable says what to do about a server that does not accept.
func notReachable(t *plan.Target, o *Options, err error) error {
	switch {
	case o.Wait > 0:
		return fault(result.Warn("server_not_reachable_in_time").Word("wait", o.Wait.String()), err)
	case t.URLs != nil:
		return fault(result.Warn("target_not_reachable"), err)
	}
	return fault(result.Warn("server_not_reachable").Count("ports", int64(len(t.Places[0].Ports))), err)
}

// stillServes says whether the server that the run began with still accepts
// connections. A server that has ended, or has restarted processes, has closed its
// connections by that.
func (p *Prepared) stillServes() bool {
	for i := range p.Plan.Places {
		for _, port := range []int{p.Plan.Places[i].Ports[0], p.Plan.Places[i].Ports[len(p.Plan.Places[i].Ports)-1]} {
			if accepts(netip.AddrPortFrom(p.Plan.Places[i].Host, uint16(port)).String()) != nil {
				return false
			}
		}
	}
	if p.Server == nil {
		return true
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	now, err := p.control.counts(ctx)
	return err == nil && now.PID == p.Server.PID && now.Restarts == p.Server.Restarts
}
