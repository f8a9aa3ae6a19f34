package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/dash"
	"github.com/c10m/c10m/internal/echo"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/relay"
	"github.com/c10m/c10m/internal/shard"
	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/unit"
)

// options are the flags, checked.
type options struct {
	bindText    string
	bind        netip.Addr
	bindName    string // what bind is still to be looked up by, or ""
	ports       int
	tcp, ws     unit.Ports // N = 0: none
	workers     unit.Count
	maxConns    unit.Count
	engineName  string
	loops       unit.Count
	buffers     budget
	maxOutbound int64
	maxMessage  int64
	handshake   time.Duration
	stall       time.Duration
	idleTimeout time.Duration
	keepAlive   time.Duration
	deflate     bool
	closeOnEOT  bool
	drain       time.Duration
	tls         tlsOptions
	// Messages after which a worker is replaced; 0: never.
	recycleAfter, recycleJitter unit.Count

	control string // "" for none
	hosts   names  // the control endpoint may be asked by, besides addresses
	token   string // "" for none
	relay   relayOptions
	worker  worker
}

// worker says which of the worker processes this is. The supervisor sets it,
// and the numbers that it has already decided.
type worker struct {
	index, of int // of = 0: not a worker
	limit     int64
	loops     int
}

// action is what is done with the options.
type action func(context.Context, options, *cli.Call) error

// checked is do with options that are legal together, and the files that they name.
func checked(do action) action {
	return func(ctx context.Context, o options, call *cli.Call) error {
		if err := o.check(call.Flags); err != nil {
			return cli.Usage("%w", err)
		}
		return do(ctx, o, call)
	}
}

// program is the server's command line; do gets the options, each legal by itself.
func program(do action) *cli.Program {
	auto := unit.Count{Auto: true}
	o := options{workers: auto, maxConns: auto, loops: auto, buffers: budget{auto: true}}
	o.relay.pool = unit.Count{N: 100}
	return &cli.Program{Build: build, Command: cli.Command{
		Name:  cli.NameOf(os.Args[0], "server"),
		Short: "echo server for millions of connections",
		Long: `Listens on hundreds of ports and echoes what it receives. It prints one line
"ready ..." on stdout once every port accepts.`,
		Flags: o.declare(),
		Examples: []string{"server --bind 0.0.0.0 --tcp 20000:500 --max-conns 10M",
			"server --tcp 20000:20 --relay 127.0.0.1:10000:200 --control none"},
		Status: "0 ended by order, 1 the engine or the machine did not do as asked",
		Run: func(ctx context.Context, call *cli.Call) (int, error) {
			return cli.Done, do(ctx, o, call)
		}}}
}

// parse gives the options of a command line, without running anything.
func parse(args []string) (parsed options, err error) {
	p := program(checked(func(_ context.Context, o options, _ *cli.Call) error {
		parsed = o
		return nil
	}))
	_, err = p.Execute(context.Background(), args, io.Discard, io.Discard)
	return parsed, err
}

const (
	maxLoops = 1024                 // event loops that accept
	maxBytes = 1 << 30              // of what may have to wait for one client
	maxTime  = 365 * 24 * time.Hour // of a peer's silence
)

// declare declares the flags: each once.
func (o *options) declare() *cli.Flags {
	f := cli.NewFlags()
	f.Group("Ports")
	f.Add(cli.Int(&o.ports, plan.DefaultPorts, 1, echo.MaxPorts/2), "ports", "N",
		fmt.Sprintf("the same as --tcp %d:N --ws %d:N", plan.FirstTCP, plan.FirstWS))
	f.Add(&o.tcp, "tcp", "PORTS", "TCP echo on these ports, or none", cli.Unset(""))
	f.Add(&o.ws, "ws", "PORTS", "WebSocket echo on these, or none; naming only one of --tcp and --ws leaves out "+
		"the other",
		cli.Unset(""))
	f.Add(cli.Text(&o.bindText, "127.0.0.1"), "bind", "ADDR|NAME", "of the data ports; :: is IPv4, too")
	f.Add(cli.Text(&o.control, "127.0.0.1:9090"), "control", "ADDR|none", "live page, /metrics, profiles")
	f.Add(&o.hosts, "control-host", "NAME", "a name by which it may be asked (repeatable)", cli.Rare)
	f.Add(cli.Text(&o.token, ""), "control-token", "T|@FILE",
		"the token that POST /drain wants, at least 16 characters; without one nothing can be changed", cli.Rare)
	o.tls.declare(f)
	f.Group("Size")
	f.Add(&o.maxConns, "max-conns", "N|auto", "connections to hold", cli.Note("what fits"))
	f.Add(&o.workers, "workers", "N|auto", "worker processes", cli.Note("as few as are needed"))
	f.Add(cli.OneOf(&o.engineName, shard.DefaultEngine, shard.Engines()...), "engine",
		strings.Join(shard.Engines(), "|"),
		"the event loops: gnet's, or our own")
	f.Add(cli.Count(&o.loops, maxLoops), "loops", "N|auto", "of epoll: event loops that accept", cli.Note("one a core"),
		cli.Rare)
	f.Add(cli.NumberOrZero(&o.recycleAfter.N, 0, "never", 1, unit.MaxCount), "recycle-after", "N",
		"replace a worker after so many messages; its connections end within --drain", cli.Rare)
	f.Add(cli.Number(&o.recycleJitter.N, 0, 0, unit.MaxCount), "recycle-jitter", "N",
		"and up to so many more, by chance", cli.Rare)
	f.Group("Protection")
	f.Add(&o.buffers, "buffer-budget", "SIZE", "all that is kept for peers", cli.Note("memory / 8, at most 1GiB"))
	f.Add(cli.Size(&o.maxOutbound, echo.DefaultMaxOutbound, 1, maxBytes), "max-outbound", "SIZE",
		"of unread echo; a peer is not read then")
	f.Add(cli.Time(&o.stall, echo.DefaultStall, time.Second, time.Hour), "stall", "TIME",
		"drop a peer that reads none for so long")
	f.Add(cli.SizeOrZero(&o.maxMessage, 0, "any size, it streams", 1, maxBytes), "max-message", "SIZE", "of WebSocket")
	f.Add(cli.Time(&o.handshake, echo.DefaultHandshake, time.Second, time.Hour), "handshake-timeout", "TIME",
		"of a handshake, of TLS and of WebSocket", cli.Rare)
	f.Add(cli.TimeOrZero(&o.idleTimeout, 0, "never", time.Second, maxTime), "idle-timeout", "TIME",
		"close who is silent for so long")
	f.Add(cli.TimeOrZero(&o.keepAlive, sys.DefaultKeepAlive, "never", sys.MinKeepAlive, sys.MaxKeepAlive), "keepalive",
		"TIME",
		"probe who is silent for so long")
	f.Add(cli.Switch(&o.deflate), "deflate", "",
		"agree to permessage-deflate (RFC 7692); compressed messages come back as they came", cli.Rare)
	f.Add(cli.Switch(&o.closeOnEOT), "close-on-eot", "",
		"close a TCP connection after echoing a read that ends with byte 4 (EOT): first, see client churn", cli.Rare)
	f.Add(cli.Time(&o.drain, 30*time.Second, 0, maxTime), "drain", "TIME", "how long a worker may take to end")
	f.Group("Middle tier")
	f.Add(&o.relay.to, "relay", "ADDR:FIRST:COUNT", "pass requests on, not echo them")
	f.Add(cli.OneOf(&o.relay.mode, relay.KeepAlive, relay.PerRequest, relay.Pool, relay.KeepAlive), "upstream", "MODE",
		"its connections: per-request, pool, or keepalive: one with each of the client's")
	f.Add(&o.relay.pool, "pool", "N", "connections of a pool")
	f.Add(cli.Parsed("", o.worker.parse), "worker", "INDEX/OF/LIMIT/LOOPS", "which of the workers this is", cli.Hidden)
	return f
}

// budget is the flag value of --buffer-budget: auto or a size.
type budget struct {
	auto bool
	n    int64
}

func (b *budget) String() string {
	size := unit.Size(b.n)
	if b.auto {
		return "auto"
	}
	return size.String()
}

// Set reads auto or a size.
func (b *budget) Set(text string) error {
	if text == "auto" {
		*b = budget{auto: true}
		return nil
	}
	var size unit.Size
	if err := size.Set(text); err != nil {
		return err
	}
	if size < minBudget {
		return fmt.Errorf("the legal values are auto and %d bytes or more", minBudget)
	}
	*b = budget{n: int64(size)}
	return nil
}

// Type names the kind of value.
func (*budget) Type() string { return "size" }

// minBudget is the least that a server can work with.
const minBudget = 1 << 20

// check completes the options and refuses what cannot be meant.
func (o *options) check(f *cli.Flags) (err error) {
	if isName(o.bindText) {
		o.bindName = o.bindText
	} else if o.bind, err = plan.ParseAddr(o.bindText); err != nil {
		return fmt.Errorf("--bind %w nor a name, like 127.0.0.1, 0.0.0.0, ::1 or localhost", err)
	}
	if err := o.checkPorts(f); err != nil {
		return err
	}
	if err := o.checkRelay(f); err != nil {
		return err
	}
	if o.worker.of == 0 {
		if err := o.tls.check(f); err != nil {
			return err
		}
	}
	if f.Given("loops") && !o.loops.Auto && o.engineName != shard.Tables {
		return fmt.Errorf("--loops %s: only --engine %s takes it", o.loops.String(), shard.Tables)
	}
	if o.deflate && o.ws.N == 0 {
		return errors.New("--deflate: it is of WebSocket, and there is no port of --ws")
	}
	if o.recycleJitter.N > 0 && o.recycleAfter.N == 0 {
		return errors.New("--recycle-jitter wants --recycle-after")
	}
	if f.Given("control-token") {
		if err := o.checkToken(); err != nil {
			return err
		}
	}
	return o.checkControl()
}

// checkControl sees that the control endpoint has an address of its own.
func (o *options) checkControl() error {
	if o.control == "none" {
		o.control = ""
	}
	if o.control == "" {
		return nil
	}
	ap, err := netip.ParseAddrPort(o.control)
	if err != nil {
		return fmt.Errorf("--control %q is not ADDRESS:PORT, like 127.0.0.1:9090, or none", o.control)
	}
	for _, r := range []struct {
		name  string
		ports unit.Ports
	}{{"tcp", o.tcp}, {"ws", o.ws}} {
		if r.ports.Contains(int(ap.Port())) {
			return fmt.Errorf("--control %s: its port lies inside --%s %s", o.control, r.name, r.ports.String())
		}
	}
	return nil
}

// checkPorts settles which ports speak what.
func (o *options) checkPorts(f *cli.Flags) error {
	if !f.Given("tcp") && (f.Given("ports") || o.ws.N == 0) {
		o.tcp = unit.Ports{First: plan.FirstTCP, N: o.ports}
	}
	if !f.Given("ws") && (f.Given("ports") || !f.Given("tcp") || o.tcp.N == 0) {
		o.ws = unit.Ports{First: plan.FirstWS, N: o.ports}
	}
	switch n := o.tcp.N + o.ws.N; {
	case n == 0:
		return errors.New("--tcp none --ws none: there must be a port to listen on")
	case n > echo.MaxPorts:
		return fmt.Errorf("--tcp %s and --ws %s: %d ports, at most %d are legal", o.tcp.String(), o.ws.String(), n,
			echo.MaxPorts)
	case o.tcp.Overlaps(o.ws):
		return fmt.Errorf("--tcp %s and --ws %s overlap", o.tcp.String(), o.ws.String())
	}
	return nil
}

// checkToken takes a token, or the file that holds it: the command line can be
// read by everybody on this machine. An error does not repeat it.
func (o *options) checkToken() error {
	if file, is := strings.CutPrefix(o.token, "@"); is {
		const most = 4 << 10 // a token, and a line's end
		contents, err := sys.ReadFile(file, most)
		if err != nil {
			return fmt.Errorf("--control-token: %w", err)
		}
		o.token = strings.TrimSpace(contents)
	}
	if n := len(o.token); n < dash.MinToken || n > 1024 ||
		strings.ContainsFunc(o.token, func(r rune) bool { return r < ' ' || r > '~' }) {
		return fmt.Errorf("--control-token: %d bytes: a token has %d..1024 printable ASCII characters", n,
			dash.MinToken)
	}
	return nil
}

// parse reads INDEX/OF/LIMIT/LOOPS.
func (w *worker) parse(s string) error {
	bad := fmt.Errorf("%q: want INDEX/OF/LIMIT/LOOPS; only the server itself sets it", s)
	parts := strings.Split(s, "/")
	if len(parts) != 4 {
		return bad
	}
	var n [4]int
	for i, p := range parts {
		v, err := strconv.Atoi(p)
		if err != nil || v < 0 {
			return bad
		}
		n[i] = v
	}
	if n[0] >= n[1] {
		return bad
	}
	*w = worker{index: n[0], of: n[1], limit: int64(n[2]), loops: n[3]}
	return nil
}

func (w worker) String() string {
	return fmt.Sprintf("%d/%d/%d/%d", w.index, w.of, w.limit, w.loops)
}
