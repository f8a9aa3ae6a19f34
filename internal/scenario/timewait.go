package scenario

import (
	"net/netip"
	"time"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/sys"
)

// sides is one sample of the sockets of a churn in this network namespace.
type sides struct {
	t              float64 // seconds
	client, server int64   // in TIME_WAIT, by the side that closed first
	others         int64   // in TIME_WAIT, of neither: a proxy's towards its upstreams
	used           int64   // sockets of the client's side in any state: each has a local port
	done           int64   // transactions so far
}

// timeWait samples, again and again, which side holds TIME_WAIT.
type timeWait struct {
	ports *portSet
	hosts map[netip.Addr]bool // of the server: others connect to such ports elsewhere
	done  func() int64
	began time.Time
	all   []sides
	quit  chan struct{}
	ended chan struct{}
}

const (
	// twEvery is the time between samples; a sample may use at most a tenth of the
	// time.
	twEvery = 200 * time.Millisecond
	twShare = 10
	// twRows is how many samples the table shows, and twKept how many are kept at
	// most; for a run of hours they are thinned out.
	twRows = 12
	twKept = 2000
)

// timeWaitFor is how long a socket stays in TIME_WAIT, TCP_TIMEWAIT_LEN in
// include/net/tcp.h.
const timeWaitFor = 60

func watchTimeWait(to *plan.Target, done func() int64) *timeWait {
	w := &timeWait{ports: newPortSet(to.Ports()), hosts: map[netip.Addr]bool{}, done: done, began: time.Now(),
		quit:  make(chan struct{}),
		ended: make(chan struct{})}
	for _, host := range to.Hosts() {
		w.hosts[host] = true
	}
	w.look()
	go func() {
		defer close(w.ended)
		wait, every := twEvery, twEvery
		for {
			select {
			case <-w.quit:
				return
			case <-time.After(wait):
			}
			if len(w.all) >= twKept {
				w.thin()
				every *= 2
			}
			wait = max(every, twShare*sys.CPUOf(w.look))
		}
	}()
	return w
}

// thin drops every second sample.
func (w *timeWait) thin() {
	half := w.all[:0]
	for i := 0; i < len(w.all); i += 2 {
		half = append(half, w.all[i])
	}
	w.all = half
}

// stop takes a last sample.
func (w *timeWait) stop() {
	close(w.quit)
	<-w.ended
	w.look()
}

func (w *timeWait) look() {
	s := sides{t: time.Since(w.began).Seconds(), done: w.done()}
	err := sys.TCPSockets(func(i sys.SockInfo) bool {
		if w.ports.has(i.Local) {
			if i.State == sys.TimeWait {
				s.server++
			}
			return true
		}
		switch mine := w.ports.has(i.Remote) && w.hosts[i.Remote.Addr().Unmap()]; {
		case mine && i.State == sys.TimeWait:
			s.client++
			s.used++
		case mine:
			s.used++
		case i.State == sys.TimeWait:
			s.others++
		}
		return true
	}, sys.Established, sys.SynSent, sys.TimeWait, sys.FinWait1, sys.FinWait2, sys.CloseWait, sys.LastAck, sys.Closing)
	if err == nil {
		w.all = append(w.all, s)
	}
}

// last is the last sample.
func (w *timeWait) last() sides {
	if len(w.all) == 0 {
		return sides{}
	}
	return w.all[len(w.all)-1]
}

// series is TIME_WAIT over time, at most twRows samples. If the server is on
// another machine only the client's side is seen.
func (w *timeWait) series(blind bool) (all []result.ChurnSample) {
	before := sides{}
	n := len(w.all)
	for i := 1; i <= min(twRows, n-1); i++ {
		s := w.all[i*(n-1)/min(twRows, n-1)]
		one := result.ChurnSample{T: s.t, TimeWait: s.timeWait(blind), LocalPortsUsed: s.used}
		if s.t > before.t {
			one.Rate = float64(s.done-before.done) / (s.t - before.t)
		}
		all = append(all, one)
		before = s
	}
	return all
}

func (s *sides) timeWait(blind bool) result.TimeWait {
	t := result.TimeWait{Client: s.client}
	if !blind {
		server, others := s.server, s.others
		t.Server, t.Others = &server, &others
	}
	return t
}

// churnSum is the outcome of a churn.
type churnSum struct {
	opt     *ChurnOptions
	rate    float64 // transactions per second
	conns   float64 // new connections per second
	latency *result.Latency
	at      sides
	ports   int64 // local ports there are, towards all destinations
	noPort  int64 // EADDRNOTAVAIL
	// notClosed is how many connections the server was to close first and did not
	// within 5 s, so the client did.
	notClosed int64
	reuse     int64 // net.ipv4.tcp_tw_reuse; -1: not known
	most      int64 // net.ipv4.tcp_max_tw_buckets
	loopback  bool
	blind     bool // the server runs on another machine, and its sockets are not seen
}

func (c *churn) sum(fp proc.FS) churnSum {
	r := c.res
	s := churnSum{opt: &c.opt, rate: r.Echo.Rate, conns: float64(c.within.Established) / c.took.Seconds(),
		latency: r.Echo.Latency, at: c.tw.last(),
		noPort: r.Conns.Errors["connect_no_address"], notClosed: r.Conns.Errors[closeTimeout], reuse: -1,
		loopback: c.Plan.OnLoopback()}
	s.blind = !c.mayListenHere()
	s.ports = int64(c.Plan.Local.N()) * int64(c.Plan.Dests()) / c.Plan.Overlap() * int64(max(1, len(c.Plan.Sources)))
	if n, err := fp.SysctlInt("net.ipv4.tcp_tw_reuse"); err == nil {
		s.reuse = n
	}
	s.most, _ = fp.SysctlInt("net.ipv4.tcp_max_tw_buckets")
	return s
}

// reused says whether connect(2) may take a port that is in TIME_WAIT: with
// tcp_tw_reuse 1, or 2 on loopback, once it is a second old.
func (s *churnSum) reused() bool { return s.reuse == 1 || s.reuse == 2 && s.loopback }

// serverEnds says whether the server really closed first, if it was to.
func (s *churnSum) serverEnds() bool { return s.opt.ServerEnds && s.notClosed == 0 }

// exhaustion is how many more seconds at this rate the local ports last; nil: for
// ever.
func (s *churnSum) exhaustion() *float64 {
	perSecond := s.conns
	held := perSecond * timeWaitFor
	switch {
	case s.opt.Mode == Pool, s.serverEnds(), s.at.client <= s.at.server:
		return nil
	case s.noPort > 0:
		now := 0.0
		return &now
	case s.reused():
		held = perSecond
	case s.most > 0 && held > float64(s.most):
		held = float64(s.most) // beyond tcp_max_tw_buckets the kernel forgets them
	}
	if held += float64(s.opt.Users); held <= float64(s.ports) || perSecond <= 0 {
		return nil
	}
	left := max(0, float64(s.ports-s.at.used)) / perSecond
	return &left
}

// outcome turns it into a result.
func (s *churnSum) outcome() *result.Churn {
	c := &result.Churn{Load: s.opt.load(), ServerFirst: s.opt.ServerEnds, ClosedFirst: result.ByClient,
		NotClosed: s.notClosed,
		Rate:      s.rate, ConnRate: s.conns, TimeWait: s.at.timeWait(s.blind), LocalPorts: s.ports,
		LocalPortsUsed: s.at.used, NoPort: s.noPort,
		PortsReused: s.reused(), ExhaustedAfter: s.exhaustion()}
	switch {
	case s.opt.Mode == Pool:
		c.ClosedFirst = result.ByNobody
	case s.serverEnds():
		c.ClosedFirst = result.ByServer
	}
	c.Exhausts = c.ExhaustedAfter != nil
	if s.reuse >= 0 {
		c.TWReuse = &s.reuse
	}
	if l := s.latency; l != nil {
		c.P50, c.P99 = &l.P50, &l.P99
	}
	return c
}
