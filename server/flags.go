package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/c10m/c10m/internal/dash"
	"github.com/c10m/c10m/internal/echo"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/relay"
	"github.com/c10m/c10m/internal/shard"
	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/unit"
)

var usage = strings.NewReplacer("ENGINES", strings.Join(shard.Engines(), " or "), "DEFAULT", shard.DefaultEngine).Replace(`usage: server [flags], server --version
A server that listens on hundreds of ports and echoes what it receives.
It prints one line "ready ..." on stdout once every port accepts.
Ports
  --ports N             the same as --tcp 10000:N --ws 15000:N (default 200)
  --tcp FIRST:COUNT     TCP echo on these ports, or none
  --ws FIRST:COUNT      WebSocket echo on these ports, or none; naming only one
                        of --tcp and --ws, without --ports, leaves out the other
  --bind ADDR|NAME      of the data ports (default 127.0.0.1); :: is IPv4, too
  --control ADDR|none   live page, /metrics, /healthz, /footprint, /debug/pprof
                        (of worker N: ?worker=N) (default 127.0.0.1:9090)
  --control-host NAME   a name by which it may be asked (repeatable)
  --control-token T|@FILE   for POST /drain, from 16 letters (default: none may)
Size
  --max-conns auto|N    connections to hold; the surplus is refused (default
                        auto: as many as memory and the kernel's limits allow)
  --workers auto|N      worker processes (default auto: as few as are needed)
  --recycle-after N     replace workers after N messages and up to N more, by
  --recycle-jitter N    chance; their connections end within --drain
  --engine NAME         what brings the bytes: ENGINES (default DEFAULT)
  --loops auto|N        of epoll: loops that accept (default auto: one a core)
Protection
  --buffer-budget auto|SIZE   all that is kept for peers (auto: memory / 8)
  --max-outbound SIZE   echo that waits for one peer; then it is not read (32M)
  --stall D             drop who takes none of it for so long (default 30s)
  --max-message SIZE    of a WebSocket message (default 0: any size, it streams)
  --handshake-timeout D of a WebSocket handshake (default 10s)
  --idle-timeout D      close connections silent for so long (default 0: never)
  --keepalive D         probe peers silent for so long (default 5m; 0: never)
  --close-on-eot        close a TCP connection after echoing a read that ends
                        with byte 4 (EOT): first, see client churn
  --drain D             how long a worker may take to end (default 30s)
Middle tier
  --relay HOST:FIRST:COUNT   pass requests on to these ports, not echo them, by
  --upstream per-request|pool|keepalive   connections made for each, pooled, or
                        kept with the client's (default keepalive)
  --pool N              connections of a pool (default 100)
Examples
  server --bind 0.0.0.0 --tcp 20000:500 --max-conns 10M
  server --tcp 20000:20 --relay 127.0.0.1:10000:200 --control none
`)

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
		return fmt.Errorf("%q: the legal range is auto, or %d bytes and more", text, minBudget)
	}
	*b = budget{n: int64(size)}
	return nil
}

// minBudget is the least that a server can work with.
const minBudget = 1 << 20

// errUsage marks bad usage: exit status 2.
var errUsage = errors.New("bad usage")

// options are the flags, checked.
type options struct {
	bind        netip.Addr
	bindName    string     // what bind is still to be looked up by, or ""
	tcp, ws     unit.Ports // N = 0: none
	workers     unit.Count
	maxConns    unit.Count
	engineName  string
	loops       unit.Count
	buffers     budget
	maxOutbound int
	maxMessage  int64
	handshake   time.Duration
	stall       time.Duration
	idleTimeout time.Duration
	keepAlive   time.Duration
	closeOnEOT  bool
	drain       time.Duration
	// Messages after which a worker is replaced; 0: never.
	recycleAfter, recycleJitter unit.Count
	control                     string // "" for none
	hosts                       names  // the control endpoint may be asked by, besides addresses
	token                       string // "" for none
	version                     bool
	relay                       relayOptions
	worker                      worker
}

// worker says which of the worker processes this is. The supervisor sets it,
// and the numbers that it has already decided.
type worker struct {
	index, of int // of = 0: not a worker
	limit     int64
	loops     int
}

func parse(args []string) (options, error) {
	o := options{workers: unit.Count{Auto: true}, maxConns: unit.Count{Auto: true}, loops: unit.Count{Auto: true}}
	o.relay.pool = unit.Count{N: 100}
	maxOutbound, maxMessage := unit.Size(echo.DefaultMaxOutbound), unit.Size(0)
	o.buffers.auto = true
	fs := flag.NewFlagSet("server", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	var ports int
	fs.Var(unit.NewInt(&ports, plan.DefaultPorts), "ports", "")
	fs.Var(&o.tcp, "tcp", "")
	fs.Var(&o.ws, "ws", "")
	bind := fs.String("bind", "127.0.0.1", "")
	fs.Var(&o.workers, "workers", "")
	fs.Var(&o.maxConns, "max-conns", "")
	fs.StringVar(&o.engineName, "engine", shard.DefaultEngine, "")
	fs.Var(&o.loops, "loops", "")
	fs.Var(&o.buffers, "buffer-budget", "")
	fs.DurationVar(&o.stall, "stall", echo.DefaultStall, "")
	fs.Var(&maxOutbound, "max-outbound", "")
	fs.Var(&maxMessage, "max-message", "")
	fs.Var(unit.NewDuration(&o.handshake, echo.DefaultHandshake), "handshake-timeout", "")
	fs.Var(unit.NewDuration(&o.idleTimeout, 0), "idle-timeout", "")
	fs.Var(unit.NewDuration(&o.keepAlive, sys.DefaultKeepAlive), "keepalive", "")
	fs.BoolVar(&o.closeOnEOT, "close-on-eot", false, "")
	fs.Var(unit.NewDuration(&o.drain, 30*time.Second), "drain", "")
	fs.Var(&o.recycleAfter, "recycle-after", "")
	fs.Var(&o.recycleJitter, "recycle-jitter", "")
	fs.StringVar(&o.control, "control", "127.0.0.1:9090", "")
	fs.Var(&o.hosts, "control-host", "")
	fs.StringVar(&o.token, "control-token", "", "")
	fs.BoolVar(&o.version, "version", false, "")
	fs.Var(&o.relay.to, "relay", "")
	fs.StringVar(&o.relay.mode, "upstream", string(relay.KeepAlive), "")
	fs.Var(&o.relay.pool, "pool", "")
	role := fs.String("worker", "", "")
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return o, err
		}
		return o, fmt.Errorf("%w: %s; see server --help", errUsage, plan.OneLine(err.Error()))
	}
	given := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	o.maxOutbound, o.maxMessage = int(maxOutbound), int64(maxMessage)
	if err := o.check(fs.Args(), ports, *bind, given); err != nil {
		return o, fmt.Errorf("%w: %v", errUsage, err)
	}
	if *role != "" {
		if err := o.worker.parse(*role); err != nil {
			return o, fmt.Errorf("%w: --worker %v", errUsage, err)
		}
	}
	return o, nil
}

// check completes the options and refuses what cannot be meant.
func (o *options) check(rest []string, ports int, bind string, given map[string]bool) (err error) {
	if len(rest) > 0 {
		return fmt.Errorf("unexpected argument %q; see server --help", rest[0])
	}
	if isName(bind) {
		o.bindName = bind
	} else if o.bind, err = plan.ParseAddr(bind); err != nil {
		return fmt.Errorf("--bind %w nor a name, like 127.0.0.1, 0.0.0.0, ::1 or localhost", err)
	}
	if most := echo.MaxPorts / 2; given["ports"] && (ports < 1 || ports > most) {
		return fmt.Errorf("--ports %d: the legal range is 1..%d, for each protocol", ports, most)
	}
	if err := o.checkPorts(ports, given); err != nil {
		return err
	}
	if err := o.checkRelay(given); err != nil {
		return err
	}
	if !slices.Contains(shard.Engines(), o.engineName) {
		return fmt.Errorf("--engine %q: the legal values are %s", o.engineName, strings.Join(shard.Engines(), " and "))
	}
	if err := o.checkLoops(); err != nil {
		return err
	}
	if err := o.checkProtection(); err != nil {
		return err
	}
	if given["control-token"] {
		if err := o.checkToken(); err != nil {
			return err
		}
	}
	return o.checkControl()
}

// maxLoops bounds the event loops that accept.
const maxLoops = 1024

// checkLoops refuses --loops where it would be passed over.
func (o *options) checkLoops() error {
	switch {
	case o.loops.Auto:
		return nil
	case o.engineName != shard.Tables:
		return fmt.Errorf("--loops %s: only --engine %s is told its event loops", o.loops.String(), shard.Tables)
	case o.loops.N < 1 || o.loops.N > maxLoops:
		return fmt.Errorf("--loops %s: the legal range is 1..%d or auto", o.loops.String(), maxLoops)
	}
	return nil
}

// checkProtection sees that what bounds a peer is within bounds itself. Of two
// that are not the first in the order of --help is named.
func (o *options) checkProtection() error {
	for _, size := range []struct {
		name     string
		n, least int64
	}{{"max-outbound", int64(o.maxOutbound), 1}, {"max-message", o.maxMessage, 0}} {
		if size.n < size.least || size.n > maxBytes {
			return fmt.Errorf("--%s %d: the legal range is %d..%d bytes", size.name, size.n, size.least, int64(maxBytes))
		}
	}
	if o.stall < time.Second || o.stall > time.Hour {
		return fmt.Errorf("--stall %v: the legal range is 1s..1h", o.stall)
	}
	if o.handshake < time.Second || o.handshake > time.Hour {
		return fmt.Errorf("--handshake-timeout %v: the legal range is 1s..1h", o.handshake)
	}
	if o.idleTimeout < 0 {
		return fmt.Errorf("--idle-timeout %v: must not be negative", o.idleTimeout)
	}
	if o.idleTimeout > 0 && o.idleTimeout < time.Second {
		return fmt.Errorf("--idle-timeout %v: the legal values are 0 (never) and 1s or longer", o.idleTimeout)
	}
	if o.keepAlive != 0 && (o.keepAlive < sys.MinKeepAlive || o.keepAlive > sys.MaxKeepAlive) {
		return fmt.Errorf("--keepalive %v: the legal values are 0 (never) and %v..%v", o.keepAlive, sys.MinKeepAlive, sys.MaxKeepAlive)
	}
	if o.drain < 0 {
		return fmt.Errorf("--drain %v: must not be negative", o.drain)
	}
	switch after, jitter := o.recycleAfter, o.recycleJitter; {
	case after.Auto:
		return errors.New("--recycle-after auto: want a number of messages, like 10M")
	case jitter.Auto:
		return errors.New("--recycle-jitter auto: want a number of messages, like 1M")
	case jitter.N > 0 && after.N == 0:
		return errors.New("--recycle-jitter wants --recycle-after")
	}
	return nil
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

// maxBytes bounds what may have to wait for one client.
const maxBytes = 1 << 30

// checkPorts settles which ports speak what.
func (o *options) checkPorts(ports int, given map[string]bool) error {
	if !given["tcp"] && (given["ports"] || o.ws.N == 0) {
		o.tcp = unit.Ports{First: plan.FirstTCP, N: ports}
	}
	if !given["ws"] && (given["ports"] || !given["tcp"] || o.tcp.N == 0) {
		o.ws = unit.Ports{First: plan.FirstWS, N: ports}
	}
	switch n := o.tcp.N + o.ws.N; {
	case n == 0:
		return errors.New("--tcp none --ws none: there must be a port to listen on")
	case n > echo.MaxPorts:
		return fmt.Errorf("--tcp %s and --ws %s: %d ports, at most %d are legal", o.tcp.String(), o.ws.String(), n, echo.MaxPorts)
	case o.tcp.Overlaps(o.ws):
		return fmt.Errorf("--tcp %s and --ws %s overlap", o.tcp.String(), o.ws.String())
	}
	return nil
}

// checkToken takes a token, or the file that holds it: the command line can be
// read by everybody on this machine. An error does not repeat it.
func (o *options) checkToken() error {
	if file, is := strings.CutPrefix(o.token, "@"); is {
		b, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("--control-token: %w", err)
		}
		o.token = strings.TrimSpace(string(b))
	}
	if n := len(o.token); n < dash.MinToken || n > 1024 || strings.ContainsFunc(o.token, func(r rune) bool { return r < ' ' || r > '~' }) {
		return fmt.Errorf("--control-token: %d bytes: a token has %d..1024 printable ASCII characters", n, dash.MinToken)
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
