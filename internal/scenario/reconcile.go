package scenario

import (
	"context"
	"math"
	"time"

	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
)

// reconcile compares the three counts of the same connections while everything is
// held.
func (h *hold) reconcile(server int64) {
	c := &result.Counts{Client: h.engine.Counts().Open()}
	if server >= 0 {
		open := server
		c.Server = &open
		if open != c.Client {
			code := "server_holds_fewer"
			if open > c.Client {
				code = "server_holds_more"
			}
			h.warn(result.Warn(code).Count("server", open).Count("client", c.Client))
		}
	}
	if c.Kernel = h.kernelCount("", c.Client); c.Kernel != nil {
		c.Ends = h.ends(*c.Kernel, c.Client)
	}
	h.res.Reconcile = c
}

// ends is how many sockets of our network namespace a connection has. A server at
// an address of this machine that reports nothing may be in another namespace,
// behind NAT: then the count itself tells.
func (p *Prepared) ends(kernel, client int64) int64 {
	if p.Plan.Packets.On() {
		return 1
	}
	if p.SameNet || p.mayListenHere() && kernel >= 2*client-client/1000 {
		return 2
	}
	return 1
}

// kernelCount is what the kernel counts, nil if that is not known.
func (h *hold) kernelCount(when string, client int64) *int64 {
	s, err := h.fp.Sockets()
	if err != nil {
		return nil
	}
	if doubt := h.counted.doubt(h.Prepared, s.TCP, client); doubt != nil {
		h.warn(doubt.Word("when", when))
	}
	return &s.TCP
}

// When counts are compared, if not while everything is held.
const (
	atTheEnd   = "end"
	afterClose = "closed"
)

// counted is what was open before the run began.
type counted struct {
	fp     proc.FS
	server int64 // connections that the server counted; -1: not known
	kernel int64 // TCP sockets of this network namespace; -1: not known, or others open theirs there
}

// foreignSockets is how many sockets may have come in a network namespace of the
// run's own without being counted: those of the control endpoint and of people who
// look at it.
const foreignSockets = 64

// count is called before a run opens anything; server is what the server's
// control endpoint has just said, nil where there is none.
func (o *Options) count(fp proc.FS, server *result.ServerReport) counted {
	c := counted{fp: fp, server: -1, kernel: -1}
	if server != nil {
		c.server = server.Open
	}
	relays := server != nil && server.Relay != nil // it opens connections itself
	if s, err := fp.Sockets(); err == nil && o.OwnNet && !relays {
		c.kernel = s.TCP
	}
	return c
}

// doubt compares the kernel's count of TCP sockets (now) with the client's
// connections. All of the client's sockets are there, and in one network namespace
// the server's as well, so there cannot be fewer. Listeners, the control endpoint
// and other programs add to the count; where there are no other programs, more
// than both ends have is a doubt as well.
func (c counted) doubt(p *Prepared, now, client int64) *result.Warning {
	least, most := client, client
	if p.Plan.Packets.On() { // the client has no sockets
		least, most = 0, 0
	}
	if p.mayListenHere() {
		most += client
	}
	if p.SameNet {
		least = most
	}
	switch {
	case now < least-client/1000:
		code := "kernel_counts_fewer_than_client"
		switch {
		case p.Plan.Packets.On():
			code = "kernel_counts_fewer_than_server"
		case least > client:
			code = "kernel_counts_fewer_than_both"
		}
		w := result.Warn(code).Count("sockets", now).Count("least", least)
		return &w
	case c.kernel >= 0 && now > c.kernel+most+most/1000+foreignSockets:
		w := result.Warn("kernel_counts_more").Count("sockets", now-c.kernel).Count("conns", client).Count("most", most)
		return &w
	}
	return nil
}

// reconcileClosed checks, after a lab has closed its connections, whether the
// server and the kernel are back at the counts of before. It waits as long as
// there is progress. An interrupted run may have closed nothing: it does not
// check.
func (p *Prepared) reconcileClosed(ctx context.Context, before counted) {
	const when = afterClose
	var more, sockets int64
	for least, since := int64(math.MaxInt64), time.Now(); ctx.Err() == nil; sleep(ctx, 20*time.Millisecond) {
		if before.server >= 0 {
			r, err := p.control.counts(ctx)
			if ctx.Err() != nil {
				return
			}
			if err != nil && p.control.foreign == nil {
				p.warn(result.Warn("control_silent_at_close").Word("when", when))
			}
			if err != nil {
				return
			}
			more = r.Open - before.server
		}
		if s, err := before.fp.Sockets(); err == nil && before.kernel >= 0 {
			sockets = s.TCP
		}
		doubt := before.doubt(p, sockets, 0)
		if more <= 0 && doubt == nil {
			return
		}
		if now := more + sockets; now < least {
			least, since = now, time.Now()
		}
		if time.Since(since) < lastLook {
			continue
		}
		if more > 0 {
			p.warn(result.Warn("server_still_holds").Word("when", when).Count("conns", more))
		}
		if doubt != nil {
			p.warn(doubt.Word("when", when))
		}
		return
	}
}

// lastLook is how long the two counts may take to agree at the end of a run.
const lastLook = 2 * time.Second

// reconcileAgain compares the counts once more before the connections are closed:
// a connection that one end has lost and the other still holds is a doubt about
// either. An interrupted run compares once, without waiting.
func (h *hold) reconcileAgain(ctx context.Context) {
	if h.res.Reconcile == nil {
		return // it never held
	}
	const when = atTheEnd
	look, cancel := context.WithTimeout(h.late, lastLook)
	defer cancel()
	var server *result.ServerReport
	agree := !h.control.known()
	for !agree && look.Err() == nil {
		r, err := h.control.counts(look)
		if err != nil {
			break
		}
		server, agree = r, r.Open-h.counted.server == h.engine.Counts().Open()
		if ctx.Err() != nil {
			break
		}
		if !agree {
			sleep(look, 20*time.Millisecond)
		}
	}
	client := h.engine.Counts().Open()
	switch {
	case agree, server == nil && h.control.foreign != nil: // warnEnded says why
	case server == nil:
		h.warn(result.Warn("control_silent").Word("when", when).Count("client", client))
	default:
		h.warn(result.Warn("counts_differ").Word("when", when).
			Count("server", server.Open-h.counted.server).Count("client", client))
	}
	h.kernelCount(when, h.engine.Counts().Open())
}
