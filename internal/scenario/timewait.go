package scenario

import (
	"fmt"
	"time"

	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/unit"
)

// sides is one look at the sockets of a churn in this network namespace.
type sides struct {
	t              float64 // seconds
	client, server int64   // in TIME_WAIT, by the side that closed first
	others         int64   // in TIME_WAIT, of neither: a proxy's towards its upstreams
	used           int64   // sockets of the client's side in any state: each has a local port
	done           int64   // transactions so far
}

// timeWait looks again and again who holds TIME_WAIT.
type timeWait struct {
	ports *portSet
	done  func() int64
	began time.Time
	all   []sides
	quit  chan struct{}
	ended chan struct{}
}

const (
	// twEvery is how often; and a look takes at most a tenth of the time.
	twEvery = 200 * time.Millisecond
	twShare = 10
	// twRows is how many looks the table shows, and twKept how many are kept at
	// most: of a run of hours then fewer.
	twRows = 12
	twKept = 2000
)

// timeWaitFor is how long a socket stays in TIME_WAIT, TCP_TIMEWAIT_LEN in
// include/net/tcp.h.
const timeWaitFor = 60

func watchTimeWait(ports []int, done func() int64) *timeWait {
	w := &timeWait{ports: newPortSet(ports), done: done, began: time.Now(), quit: make(chan struct{}), ended: make(chan struct{})}
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

// thin drops every second look.
func (w *timeWait) thin() {
	half := w.all[:0]
	for i := 0; i < len(w.all); i += 2 {
		half = append(half, w.all[i])
	}
	w.all = half
}

// stop takes a last look.
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
		switch mine := w.ports.has(i.Remote); {
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

// last is the last look.
func (w *timeWait) last() sides {
	if len(w.all) == 0 {
		return sides{}
	}
	return w.all[len(w.all)-1]
}

// table is TIME_WAIT over time, at most twRows looks of it.
func (w *timeWait) table() result.Table {
	t := result.Table{Title: "TIME_WAIT over time", Plot: "TIME_WAIT of the client", Columns: []result.Column{
		{Name: "after", Unit: unit.InSeconds}, {Name: "TIME_WAIT of the client", Unit: unit.InCount}, {Name: "of the server", Unit: unit.InCount}, {Name: "of others", Unit: unit.InCount},
		{Name: "local ports in use", Unit: unit.InCount}, {Name: "transactions", Unit: unit.InPerSecond}}}
	last := w.last()
	switch max(last.client, last.server, last.others) {
	case last.client:
	case last.server:
		t.Plot = "of the server"
	default:
		t.Plot = "of others"
	}
	before := sides{}
	n := len(w.all)
	for i := 1; i <= min(twRows, n-1); i++ {
		s := w.all[i*(n-1)/min(twRows, n-1)]
		rate := 0.0
		if s.t > before.t {
			rate = float64(s.done-before.done) / (s.t - before.t)
		}
		t.Rows = append(t.Rows, []any{s.t, float64(s.client), float64(s.server), float64(s.others), float64(s.used), rate})
		before = s
	}
	return t
}

// churnSum is what a churn came to.
type churnSum struct {
	opt     *ChurnOptions
	rate    float64 // transactions per second
	conns   float64 // new connections per second
	latency *result.Latency
	at      sides
	ports   int64 // local ports there are, towards all destinations
	noPort  int64 // EADDRNOTAVAIL
	// notClosed are connections that the server was to close first and did not
	// within 5 s: the client has.
	notClosed int64
	reuse     int64 // net.ipv4.tcp_tw_reuse; -1: not known
	most      int64 // net.ipv4.tcp_max_tw_buckets
	loopback  bool
	blind     bool // the server runs on another machine, and its sockets are not seen
}

func (c *churn) sum(fp proc.FS) churnSum {
	r := c.res
	s := churnSum{opt: &c.opt, rate: r.Echo.Rate, conns: float64(c.within.Established) / c.took.Seconds(), latency: r.Echo.Latency, at: c.tw.last(),
		noPort: r.Conns.Errors["connect_no_address"], notClosed: r.Conns.Errors[closeTimeout], reuse: -1, loopback: c.Plan.Host.IsLoopback()}
	s.blind = !c.mayListenHere()
	s.ports = int64(c.Plan.Local.N()) * int64(len(c.Plan.Ports)) * int64(max(1, len(c.Plan.Sources)))
	if n, err := fp.SysctlInt("net.ipv4.tcp_tw_reuse"); err == nil {
		s.reuse = n
	}
	s.most, _ = fp.SysctlInt("net.ipv4.tcp_max_tw_buckets")
	return s
}

// reused says whether connect(2) may take a port that is in TIME_WAIT: with
// tcp_tw_reuse 1, or 2 on loopback, once it is a second old.
func (s *churnSum) reused() bool { return s.reuse == 1 || s.reuse == 2 && s.loopback }

// serverEnds says whether it is the server that closes first, as it was to.
func (s *churnSum) serverEnds() bool { return s.opt.ServerEnds && s.notClosed == 0 }

// exhaustion is after how many more seconds at this rate no local port is left;
// nil: never.
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
		held = float64(s.most) // the rest is forgotten at once
	}
	if held += float64(s.opt.Users); held <= float64(s.ports) || perSecond <= 0 {
		return nil
	}
	left := max(0, float64(s.ports-s.at.used)) / perSecond
	return &left
}

// churnColumns are of the table of one churn or of many.
var churnColumns = []result.Column{
	{Name: "mode", Unit: unit.InText}, {Name: "closes first", Unit: unit.InText}, {Name: "tw_reuse", Unit: unit.InText}, {Name: "transactions", Unit: unit.InPerSecond},
	{Name: "p50", Unit: unit.InNanos}, {Name: "p99", Unit: unit.InNanos}, {Name: "new conns", Unit: unit.InPerSecond},
	{Name: "TW client", Unit: unit.InCount}, {Name: "TW server", Unit: unit.InCount}, {Name: "TW others", Unit: unit.InCount}, {Name: "ports", Unit: unit.InShare},
	{Name: "no port", Unit: unit.InCount}, {Name: "lasts", Unit: unit.InSeconds},
}

const churnNote = "TW: sockets in TIME_WAIT at the end, on the side that closed first; others: of neither, like a proxy's towards its upstreams. ports: share of the local ports that are taken. " +
	"no port: connects that failed with EADDRNOTAVAIL. lasts: seconds until there is no port at this rate; a dash: for ever."

func churnTable(title string, rows [][]any) result.Table {
	return result.Table{Title: title, Columns: churnColumns, Rows: rows, Plot: "transactions", Note: churnNote}
}

func (s *churnSum) row() []any {
	number := func(n int64) any { return float64(n) }
	row := []any{s.opt.Mode, "client", fmt.Sprint(s.reuse), s.rate, nil, nil, s.conns, number(s.at.client), number(s.at.server), number(s.at.others),
		float64(s.at.used) / float64(max(1, s.ports)), number(s.noPort), nil}
	switch {
	case s.serverEnds():
		row[1] = "server"
	case s.opt.ServerEnds:
		row[1] = "client (server did not)"
	}
	if s.opt.Mode == Pool {
		row[1] = "nobody"
	}
	if s.blind {
		row[8], row[9] = nil, nil
	}
	if s.reuse < 0 {
		row[2] = "?"
	}
	if s.latency != nil {
		row[4], row[5] = float64(s.latency.P50), float64(s.latency.P99)
	}
	if left := s.exhaustion(); left != nil {
		row[12] = *left
	}
	return row
}

// verdict says it in words.
func (s *churnSum) verdict(r *result.Result) string {
	said := fmt.Sprintf("%s transactions a second with %s", unit.Commas(int64(s.rate)), s.opt.words())
	if s.opt.Mode != Pool {
		said += fmt.Sprintf(", %s new connections a second", unit.Commas(int64(s.conns)))
	}
	if s.notClosed > 0 {
		said += fmt.Sprintf(". The server did not close first: %s connections waited 5 s for that, and the client closed them", unit.Commas(s.notClosed))
	}
	left := s.exhaustion()
	switch {
	case s.noPort > 0:
		said += fmt.Sprintf(". Local ports ran out: %s connects failed with EADDRNOTAVAIL, as each closed connection keeps its port for %d s on the side that closes first, the client's", unit.Commas(s.noPort), timeWaitFor)
	case left != nil:
		said += fmt.Sprintf(". TIME_WAIT gathers on the client, which closes first: at this rate its %s local ports are used up in %.0f s", unit.Commas(s.ports), *left)
	case s.blind && s.serverEnds():
		said += ". TIME_WAIT gathers on the server, which closes first and runs on another machine: look there (ss -tan state time-wait | wc -l)"
	case s.at.server > s.at.client:
		said += fmt.Sprintf(". TIME_WAIT gathers on the server (%s), which closes first: it costs memory there, and no local port of the client", unit.Commas(s.at.server))
	case s.at.client > 0 && s.reused():
		said += fmt.Sprintf(". TIME_WAIT gathers on the client (%s), which closes first, and its ports are used again after a second (tcp_tw_reuse %d)", unit.Commas(s.at.client), s.reuse)
	case s.at.client > 0:
		said += fmt.Sprintf(". TIME_WAIT gathers on the client (%s), which closes first; its %s local ports are enough at this rate", unit.Commas(s.at.client), unit.Commas(s.ports))
	default:
		said += ". No connection is closed, so there is no TIME_WAIT and no port is used up"
	}
	if n := s.at.others; n > 1000 {
		said += fmt.Sprintf(". %s more are in TIME_WAIT between others on this machine, like a proxy and its upstreams", unit.Commas(n))
	}
	return said + limitedBy(r.Findings) + "."
}
