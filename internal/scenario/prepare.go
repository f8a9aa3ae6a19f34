package scenario

import (
	"context"
	"net/netip"
	"time"

	"github.com/c10m/c10m/internal/fill"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/secure"
	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/tune"
	"github.com/c10m/c10m/internal/unit"
)

// Options is what the user asked for; "auto" is not decided yet.
type Options struct {
	plan.Target
	plan.Asked
	Conns         unit.Count
	Cap           int64        // the most that auto may take; 0: no cap
	Sources       []netip.Addr // nil: auto; of sockets
	SourcesV6     []netip.Addr // of targets of two families, see plan.Plan
	PacketSources netip.Prefix // of the client's own TCP; the zero value: auto
	Threads       unit.Count
	PrivateFDs    string // auto, on, off
	Verify        int64
	Control       string        // URL, auto or none
	ServerPIDs    []int         // of a server of this machine that is not ours, with their children
	Wait          time.Duration // how long a server may take to start; 0: it has started
	Waited        time.Duration // of that, for its name
	// Settle is how long both ends rest before memory is measured, and after the close;
	// SettleAuto: by the number of connections.
	Settle      time.Duration
	Rest        time.Duration // echo: silence after the messages, before the close
	OwnNet      bool          // the network namespace is the run's own: nobody else's connections are in it
	ShowFailure bool          // keep the first answer that made a connection fail
	Commit      string
	Command     []string
	// Gate, where there is one, is called before each phase that has a gate, and the
	// phase begins once it returns; an error ends the run like an interrupt.
	Gate func(ctx context.Context, phase string) error `json:"-"`

	churns bool // its connections come and go, and leave TIME_WAIT at this end
}

// Prepared is a run that can start.
type Prepared struct {
	Plan      plan.Plan
	Limits    []plan.Limit
	LimitedBy string
	Warnings  []result.Warning
	Server    *result.ServerReport // before the run; nil if unknown
	Place
	Elsewhere bool // the server says that it listens on other ports than we connect to
	control   *control
}

const (
	// fdReserve is how many fds a table keeps free, beside those it already holds and
	// the epoll instances of threads that share it.
	fdReserve = 24
	// maxTables bounds the threads with fd tables of their own.
	maxTables = 4096
)

// Prepare decides the plan, or says why there can be none. It only reads limits of
// the machine and tries whether the server is there.
func Prepare(ctx context.Context, o Options, fp proc.FS) (*Prepared, error) {
	p, err := prepare(ctx, o, fp)
	if ctx.Err() != nil { // any other error follows from that
		return nil, ErrInterrupted
	}
	return p, err
}

func prepare(ctx context.Context, o Options, fp proc.FS) (*Prepared, error) {
	p, b, err := look(ctx, o, fp)
	if err != nil {
		return nil, err
	}
	pl := b.plan
	if err := p.decideConns(&pl, o); err != nil {
		return nil, err
	}
	if pl.Packets.On() {
		err = packetThreads(&pl, o)
	} else {
		p.decideSources(&pl, o)
		err = p.decideThreads(&pl, o, b.machine, b.private, b.tasks)
	}
	if err != nil {
		return nil, err
	}
	if err := pl.Check(); err != nil {
		return nil, usage(result.Warn("plan_impossible").Because(err))
	}
	if pl.Packets.On() {
		if err := probePackets(ctx, pl); err != nil {
			return nil, err
		}
	}
	pl.Verify = min(o.Verify, pl.Total)
	p.Plan = pl
	p.warnSettings(o)
	p.warnTLS(&pl.Target)
	p.warnBacklog(fp)
	return p, p.warnLines()
}

// warnSettings warns of each setting of this machine that will hurt this run. A
// server of ours warns of its own.
func (p *Prepared) warnSettings(o Options) {
	t := tune.Target{Conns: p.Plan.Total, Ports: o.Ranges(), Dests: int64(o.Dests()),
		Sources: int64(len(p.Plan.Sources)),
		Role:    tune.Client, Churns: o.churns, FINs: o.Close == plan.CloseFIN, TwoUsers: p.TwoUsers}
	own := tune.Client
	switch {
	case p.Plan.Packets.On(): // decidePackets has seen to the forwarding
		t.Role, t.Here, own = tune.Packets, true, tune.Packets
	case p.SameNet:
		t.Role = tune.Both
	}
	for _, f := range tune.HurtingHere(t, own) {
		p.warn(result.Warn("setting").Word("setting", f.Key).Word("now", f.Now).Word("need", f.Need).
			Word("why", f.Why).Word("cure", f.Cure))
	}
}

// warnLines warns where several connections have the same line. Those of a fleet's agent
// follow on those of the agents before it.
func (p *Prepared) warnLines() error {
	if p.Plan.Lines == "" {
		return nil
	}
	lines, err := fill.ParseLines(string(p.Plan.Lines))
	if err != nil {
		return usage(result.Warn("lines_unfit").Because(err))
	}
	if n, asked := int64(lines.Len()), p.Plan.First+p.Plan.Total; n < asked {
		p.warn(result.Warn("lines_begin_again").Count("lines", n).Count("asked", asked))
	}
	return nil
}

func (p *Prepared) warn(w result.Warning) { p.Warnings = append(p.Warnings, w) }

// decideConns decides --conns, and says which limit was the tightest.
func (p *Prepared) decideConns(pl *plan.Plan, o Options) error {
	tightest := p.Limits[0]
	n := o.Conns.N
	if o.Conns.Auto {
		n, p.LimitedBy = tightest.Max, tightest.Name
		if o.Cap > 0 && n >= o.Cap {
			n, p.LimitedBy = o.Cap, result.LimitedByCap
		}
		if n < 1 {
			return usage(result.Warn("no_connection_fits").Word("limit", tightest.Name).Word("why", tightest.Why).
				Word("cure", tightest.Cure))
		}
	}
	pl.Total, pl.Conns = n, n
	for _, l := range p.Limits {
		if n > l.Max && l.Name != plan.LimitFDs && l.Name != plan.LimitTuples { // for these two it is refused
			p.warn(result.Warn("limit").Word("limit", l.Name).Count("allowed", l.Max).Count("asked", n).
				Word("why", l.Why).Word("cure", l.Cure))
		}
	}
	return nil
}

// threadsFor is how many threads n connections get if one fd table is enough: one
// a core, fewer for a handful of connections.
func threadsFor(o Options, n int64) int64 {
	if !o.Threads.Auto {
		return o.Threads.N
	}
	return max(1, min(int64(sys.Cores()), n/1024))
}

// decideThreads decides --threads: enough fd tables, and one thread a core.
func (p *Prepared) decideThreads(pl *plan.Plan, o Options, m plan.Machine, private bool, tasks taskRoom) error {
	perTable := max(0, m.FDsPerTable-m.FDsTaken)
	tables := plan.TablesFor(pl.Total, perTable)
	threads := threadsFor(o, pl.Total)
	if private && (tables > 1 || threads > 1) {
		pl.PrivateTables = true
		if !o.Threads.Auto && threads < tables {
			return usage(result.Warn("threads_below_tables").Count("threads", threads).Count("conns", pl.Total).
				Count("tables", tables).Count("per_table", perTable))
		}
		threads = max(threads, tables)
	}
	if o.Threads.Auto && threads > tables { // fewer do, where no more may be
		threads = max(tables, min(threads, tasks.threads))
	}
	if tables <= maxTables {
		if err := tasks.check(threads, pl.Total); err != nil {
			return err
		}
	}
	if !private && tables > 1 || tables > maxTables {
		return usage(result.Warn("fds_do_not_hold").Count("conns", pl.Total).Count("per_table", perTable).
			Count("tables", m.Tables).Count("held", perTable*m.Tables).Count("need", pl.Total+1024))
	}
	if threads > maxTables || threads > pl.Total {
		return usage(result.Warn("threads_beyond_conns").Count("threads", threads).
			Count("most", min(maxTables, pl.Total)))
	}
	pl.Threads = int(threads)
	return nil
}

// bytesPerConn is what an idle connection takes on this machine.
func (p *Prepared) bytesPerConn(e plan.Engine, secured float64) int64 {
	more := int64(secured * secure.IdleBytes)
	switch {
	case e == plan.EnginePackets && p.SameHost:
		return tune.BytesPerConn(tune.Server) + packetBytes
	case e == plan.EnginePackets:
		return packetBytes
	case p.SameHost:
		return tune.BytesPerConn(tune.Both) + 2*more
	}
	return tune.BytesPerConn(tune.Client) + more
}

// PredictedBytes is the memory the planned connections will take here.
func (p *Prepared) PredictedBytes() int64 {
	return p.Plan.Total * p.bytesPerConn(p.Plan.Engine, p.Plan.SecuredShare())
}
