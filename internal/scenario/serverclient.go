package scenario

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/c10m/c10m/internal/foreign"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/result"
)

// control asks a server's control endpoint, or looks at a server of this machine
// that is not ours. It keeps no connection open: a client thread's private fd table
// must not inherit one.
type control struct {
	base    string // http://host:port, "" for none
	host    string // the Host header: an address, where the name could be resolved
	http    http.Client
	foreign *foreign.Server // --server-pid; nil: ask the endpoint
	waits   patience
	silent  atomic.Bool // the last time it did not answer within that
}

// patience is how long answers are waited for.
type patience struct {
	counts time.Duration // are there at once
	memory time.Duration // is walked through
	again  time.Duration // for counts, where the answer before did not come: it is not waited for each time
}

// known says whether there is a server to ask.
func (c *control) known() bool { return c.base != "" || c.foreign != nil }

// maxReport bounds a report: 4,096 workers and as many ports fit in.
const maxReport = 16 << 20

// newControl makes the client of an endpoint; base may name a host. The Host
// header is an address all the same: our servers refuse names there, because a
// page in a browser that rebinds its own name would send one.
func newControl(ctx context.Context, base string) *control {
	c := &control{base: base, http: http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
		waits: patience{counts: 5 * time.Second, memory: 10 * time.Second, again: time.Second}}
	if u, err := url.Parse(base); err == nil {
		c.host = addressHost(ctx, u.Hostname(), u.Port())
	}
	return c
}

// addressHost is HOST:PORT with the first address of a name; "" if it has none.
func addressHost(ctx context.Context, host, port string) string {
	if host == "" {
		return ""
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		all, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		if err != nil || len(all) == 0 {
			return "" // the request itself will say
		}
		a = all[0]
	}
	a = a.Unmap().WithZone("")
	switch a { // where a server listens; connect(2) takes it for loopback
	case netip.IPv4Unspecified():
		a = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	case netip.IPv6Unspecified():
		a = netip.IPv6Loopback()
	}
	if port == "" {
		if a.Is6() {
			return "[" + a.String() + "]"
		}
		return a.String()
	}
	return net.JoinHostPort(a.String(), port)
}

// counts asks for the server's counts alone, which costs it nothing.
func (c *control) counts(ctx context.Context) (*result.ServerReport, error) {
	if c.foreign != nil {
		return looked(c.foreign.Counts())
	}
	return c.get(ctx, countsPath, c.waits.counts)
}

// report asks for counts and memory.
func (c *control) report(ctx context.Context) (*result.ServerReport, error) {
	if c.foreign != nil {
		return looked(c.foreign.Exact())
	}
	return c.get(ctx, "/footprint", c.waits.memory)
}

// await polls the server's count until it is as wanted. It gives up when the server
// does not answer, or its count does not change for so long.
func (c *control) await(ctx context.Context, every, patience time.Duration, wanted func(open int64) bool) bool {
	for last, since := int64(-1), time.Now(); ctx.Err() == nil && c.known(); sleep(ctx, every) {
		r, err := c.counts(ctx)
		if err != nil {
			return false
		}
		if wanted(r.Open) {
			return true
		}
		if r.Open != last {
			last, since = r.Open, time.Now()
		}
		if time.Since(since) > patience {
			return false
		}
	}
	return false
}

// resident asks for counts, and for memory in the cheapest way.
func (c *control) resident(ctx context.Context) (*result.ServerReport, error) {
	if c.foreign != nil {
		return looked(c.foreign.Resident())
	}
	return c.get(ctx, "/footprint?memory=resident", c.waits.memory)
}

func looked(r result.ServerReport, err error) (*result.ServerReport, error) {
	if err != nil {
		return nil, err
	}
	return &r, nil
}

func (c *control) get(ctx context.Context, path string, within time.Duration) (*result.ServerReport, error) {
	if c.base == "" {
		return nil, fault(result.Warn("no_control"), nil)
	}
	if c.silent.Load() { // is it there again, or did only its memory take too long?
		r, err := c.wait(ctx, countsPath, c.waits.again)
		if err != nil || path == countsPath {
			return r, err
		}
	}
	return c.wait(ctx, path, within)
}

// countsPath is that of counts alone.
const countsPath = "/footprint?memory=0"

// wait is get, for so long.
func (c *control) wait(ctx context.Context, path string, within time.Duration) (*result.ServerReport, error) {
	asked := ctx
	ctx, cancel := context.WithTimeout(asked, within)
	defer cancel()
	r, err := c.ask(ctx, path)
	if asked.Err() != nil { // it was not given its time
		return r, err
	}
	late := err != nil && ctx.Err() != nil
	if c.silent.Store(late); late {
		err = c.unanswered(fault(result.Warn("answer_too_late").Number("limit_ns", float64(within)), nil))
	}
	return r, err
}

// ask is wait until ctx ends.
func (c *control) ask(ctx context.Context, path string) (*result.ServerReport, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return nil, c.unanswered(err)
	}
	req.Host = c.host
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.unanswered(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fault(c.about(result.Warn("control_refuses")).Word("status", resp.Status).
			Word("said", firstLine(resp.Body)), nil)
	}
	var r result.ServerReport
	err = json.NewDecoder(io.LimitReader(resp.Body, maxReport)).Decode(&r)
	switch {
	case err != nil:
	case r.Schema != result.ServerSchema:
		err = fault(result.Warn("report_of_other_schema").Word("schema", strconv.Quote(r.Schema)).
			Word("want", strconv.Quote(result.ServerSchema)), nil)
	case r.Open < 0 || r.MaxConns < 0:
		err = fault(result.Warn("report_impossible").Count("open", r.Open).Count("most", r.MaxConns), nil)
	}
	if err != nil {
		return nil, fault(c.about(result.Warn("control_of_no_server")), err)
	}
	return &r, nil
}

// about is a fault of the endpoint.
func (c *control) about(what result.Warning) result.Warning { return what.Word("url", c.base) }

// unanswered is an endpoint that does not answer, with the errno of connect(2) where it
// was that.
func (c *control) unanswered(err error) error {
	var dial *net.OpError
	var of *url.Error
	switch {
	case errors.As(err, &dial):
		err = dial.Err
	case errors.As(err, &of):
		err = of.Err
	}
	return fault(c.about(result.Warn("control_does_not_answer")), err)
}

// firstLine is the beginning of an answer's text, fit for a line of a report.
func firstLine(r io.Reader) string {
	line, _ := bufio.NewReader(io.LimitReader(r, 200)).ReadString('\n')
	return plan.OneLine(strings.TrimSpace(line))
}

// isOf says whether a report can be of the server under test: it listens on every
// port of the run, and not only on another loopback address. A report without
// ports, as of a stand-in, is no evidence against it.
func isOf(r *result.ServerReport, host netip.Addr, ports []int) bool {
	if len(r.Ports) == 0 {
		return true
	}
	its := map[int]bool{}
	for _, p := range r.Ports {
		its[p.Port] = true
	}
	for _, p := range ports {
		if !its[p] {
			return false
		}
	}
	bind, err := netip.ParseAddr(r.Bind)
	return err != nil || bind.IsUnspecified() || bind == host || !bind.IsLoopback() || !host.IsLoopback()
}

// portsText are the ports that a server reports, as ranges.
func portsText(r *result.ServerReport) string {
	var said []string
	for i := 0; i < len(r.Ports); {
		j := i
		for j+1 < len(r.Ports) && r.Ports[j+1].Port == r.Ports[j].Port+1 {
			j++
		}
		text := strconv.Itoa(r.Ports[i].Port)
		if j > i {
			text += ".." + strconv.Itoa(r.Ports[j].Port)
		}
		said = append(said, text)
		i = j + 1
	}
	return strings.Join(said, ", ")
}
