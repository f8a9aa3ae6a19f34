// Command server listens on hundreds of ports and echoes what it receives.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"time"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/dash"
	"github.com/c10m/c10m/internal/echo"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/relay"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/shard"
	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/tune"
	"github.com/c10m/c10m/internal/unit"
)

// linked is set at build time with -ldflags "-X main.linked=...".
var linked string

var build = cli.BuildOf(linked)

// timerSlack is how late sleeps of threads may end that are no event loop's.
const timerSlack = 10 * time.Millisecond

// The process's first thread is main's alone: no event loop may run there and give it an
// fd table of its own, as that is what /proc/PID/fd shows to others.
func init() { runtime.LockOSThread() }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), sys.EndSignals()...)
	defer stop()
	os.Exit(program(relaxed).Run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// relaxed is serve in a process whose Go runtime does not keep the epoll engine's loops
// from their work. gnet's loops are goroutines, which the runtime's timers wake. The
// program begins anew for it, so that comes before the files of flags, which may be pipes.
func relaxed(ctx context.Context, o options, call *cli.Call) error {
	if o.engineName == shard.Tables && o.relay.to.ports.N == 0 && ctx.Err() == nil {
		_ = sys.RelaxTimers(timerSlack, os.Args, os.Environ()) // without it everything works, but slower
	}
	return checked(serve)(ctx, o, call)
}

// run is the whole program: 0 ended by order, 1 an engine or its machine did
// not do as asked, 2 bad usage.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return program(checked(serve)).Run(ctx, args, stdout, stderr)
}

// serve does what the options say.
func serve(ctx context.Context, o options, call *cli.Call) error {
	s := &server{options: o, stdout: call.Stdout, stderr: call.Stderr}
	if err := s.resolve(ctx); err != nil {
		return err
	}
	switch {
	case o.worker.of > 0:
		return s.work()
	case o.relay.to.ports.N > 0:
		return s.relays(ctx)
	}
	return s.serve(ctx)
}

// server is one run of the program.
type server struct {
	options
	stdout, stderr io.Writer

	self   string // our own binary
	size   shard.Size
	cores  int // that there is processor time for
	nofile sys.Nofile
	conns  int64 // --max-conns, decided
	page   *shard.Page
	super  *shard.Supervisor // nil for one plain process
	middle *relay.Relay      // nil unless it relays
	pin    string            // of the certificate
	uid    int               // of our processes
	in     result.Namespaces // where they live
}

func (s *server) logf(format string, args ...any) {
	fmt.Fprintf(s.stderr, "server: "+format+"\n", args...)
}

// work is a worker process.
func (s *server) work() error {
	w, err := shard.NewWorker(s.worker.index, s.worker.of)
	if err != nil {
		return err
	}
	go dash.ServeWorker(w.Socket, w.Orders(dash.Profiles()))
	if err := s.inherit(); err != nil {
		return err
	}
	cfg := s.engine(shard.Size{Loops: s.worker.loops, Limit: s.worker.limit})
	if cfg.TLS, err = s.tlsConfig(context.Background()); err != nil {
		return err
	}
	cfg.Total = s.maxConns.N
	return w.Run(s.engineName, cfg)
}

// engine is the configuration of one engine.
func (s *server) engine(size shard.Size) echo.Config {
	return echo.Config{Bind: s.bind, Ports: s.ports(), Loops: size.Loops, Limit: size.Limit,
		MaxOutbound: int(s.maxOutbound), MaxMessage: s.maxMessage, Handshake: s.handshake, Stall: s.stall,
		IdleTimeout: s.idleTimeout,
		KeepAlive:   s.keepAlive, CloseOnEOT: s.closeOnEOT, Deflate: s.deflate, Logf: s.logf}
}

func (s *server) ports() []echo.Port {
	all := make([]echo.Port, 0, s.tcp.N+s.ws.N)
	for i := range s.tcp.N {
		all = append(all, echo.Port{Number: s.tcp.First + i, Proto: echo.TCP})
	}
	for i := range s.ws.N {
		all = append(all, echo.Port{Number: s.ws.First + i, Proto: echo.WS})
	}
	return all
}

// ranges are the port ranges that are not empty.
func (s *server) ranges() (all []unit.Ports) {
	for _, r := range []unit.Ports{s.tcp, s.ws} {
		if r.N > 0 {
			all = append(all, r)
		}
	}
	return all
}

// serve is the supervisor, or the only process.
func (s *server) serve(ctx context.Context) error {
	if err := s.decide(); err != nil {
		return err
	}
	if err := s.portsFree(); err != nil {
		return err
	}
	if err := s.agree(); err != nil {
		return err
	}
	for _, hurt := range tune.HurtingHere(tune.Target{Conns: s.conns, Ports: s.ranges(), Role: tune.Server},
		tune.Server) {
		s.logf("warning: %s", hurt.Line())
	}
	if err := s.staff(); err != nil {
		return err
	}
	s.page.Budget.Size.Store(s.buffers.n)
	ctx, drain := context.WithCancel(ctx)
	defer drain()
	stop, err := s.startControl(drain)
	if err != nil {
		return err
	}
	defer stop()
	if err := s.watchRoom(ctx); err != nil {
		return err
	}
	if s.super != nil {
		return s.super.Run(ctx, s.ready)
	}
	cfg := s.engine(s.size)
	cfg.Limit, cfg.Budget = min(cfg.Limit, s.conns), s.page.Budget
	if cfg.TLS, err = s.tlsConfig(ctx); err != nil {
		return err
	}
	go s.readyAlone(ctx)
	return shard.Engine(ctx, s.engineName, cfg, s.page.Slots[0])
}

// staff makes the page of counters, and the supervisor if there are to be worker
// processes. Told how many it starts them all; otherwise as many as there are
// cores, and more when those are nearly full: gnet's, as one process of the epoll engine
// grows by itself.
func (s *server) staff() (err error) {
	if s.size.Workers == 1 && s.recycleAfter.N == 0 {
		s.page = shard.Alone()
		return nil
	}
	if s.page, err = shard.NewPage(s.slots()); err != nil {
		return err
	}
	if s.self, err = os.Executable(); err != nil {
		return fmt.Errorf("find own binary: %w", err)
	}
	secrets, err := s.secrets()
	if err != nil {
		return err
	}
	first := s.size.Workers
	if s.workers.Auto && s.engineName == shard.DefaultEngine {
		first = min(first, s.cores)
	}
	s.super = &shard.Supervisor{Page: s.page, First: first, Most: s.size.Workers, Limit: s.size.Limit,
		Loops:  s.size.Loops,
		Parked: shard.Parked(s.nofile.Soft, s.slots()), Command: s.command, Secrets: secrets, Drain: s.drain,
		Logf:         s.logf,
		RecycleAfter: s.recycleAfter.N, RecycleJitter: s.recycleJitter.N}
	return nil
}

// slots are how many workers there may be at a time: a successor stands beside
// the one that it replaces.
func (s *server) slots() int {
	if s.recycleAfter.N > 0 {
		return s.size.Workers + 1
	}
	return s.size.Workers
}

// command starts worker i.
func (s *server) command(i int) *exec.Cmd {
	cmd := exec.Command(s.self, s.workerArgs(i)...)
	cmd.Stderr = os.Stderr
	return cmd
}

// workerArgs is worker i's command line, of what has been decided: all that an
// engine needs, and whether there is a control endpoint, which asks for profiles
// through the worker's socket. The endpoint's token must not be seen in
// /proc/PID/cmdline, and the file that it came from may be gone.
func (s *server) workerArgs(i int) []string {
	w := worker{index: i, of: s.slots(), limit: s.size.Limit, loops: s.size.Loops}
	return []string{"--engine", s.engineName, "--tcp", s.tcp.String(), "--ws", s.ws.String(), "--bind", s.bind.String(),
		"--control", cmp.Or(s.control, "none"),
		"--max-conns", fmt.Sprint(s.conns), "--max-outbound", fmt.Sprint(s.maxOutbound), "--max-message",
		fmt.Sprint(s.maxMessage),
		"--handshake-timeout", s.handshake.String(), "--stall", s.stall.String(), "--idle-timeout",
		s.idleTimeout.String(), "--keepalive", s.keepAlive.String(),
		fmt.Sprintf("--close-on-eot=%t", s.closeOnEOT), fmt.Sprintf("--tls=%t", s.tls.on),
		fmt.Sprintf("--deflate=%t", s.deflate), "--worker", w.String()}
}

// portsFree sees that nobody else listens on our ports: with SO_REUSEPORT the
// two would share each port in silence.
func (s *server) portsFree() error {
	for _, p := range s.ports() {
		if err := sys.PortFree(s.bind, uint16(p.Number)); err != nil {
			if errors.Is(err, sys.EADDRNOTAVAIL) {
				return cli.Usage("--bind %s: no interface of this machine has that address", s.bind)
			}
			at := netip.AddrPortFrom(s.bind, uint16(p.Number))
			return cli.Usage("--%s %s: port %s: %v%s", p.Proto, s.rangeOf(p), at, err, whoHolds(err, at))
		}
	}
	return nil
}

// whoHolds says what has an address that is in use; "" after any other error.
func whoHolds(err error, at netip.AddrPort) string {
	if !errors.Is(err, sys.EADDRINUSE) {
		return ""
	}
	fp, err := proc.Here()
	if err != nil {
		return ""
	}
	return ": " + fp.InUse(at)
}

// rangeOf is the flag value that a port belongs to.
func (s *server) rangeOf(p echo.Port) string {
	if p.Proto == echo.WS {
		return s.ws.String()
	}
	return s.tcp.String()
}

// ready tells the world, in one line.
func (s *server) ready() {
	var b strings.Builder
	b.WriteString("ready")
	if s.tcp.N > 0 {
		fmt.Fprintf(&b, " tcp %s:%d-%d", s.bind, s.tcp.First, s.tcp.Last())
	}
	if s.ws.N > 0 {
		fmt.Fprintf(&b, " ws %s:%d-%d", s.bind, s.ws.First, s.ws.Last())
	}
	if s.middle == nil {
		fmt.Fprintf(&b, " engine=%s", s.engineName)
	}
	if s.pin != "" {
		fmt.Fprintf(&b, " tls=%s", s.pin)
	}
	first, most := s.size.Workers, ""
	if s.super != nil && s.super.First < s.super.Most {
		first, most = s.super.First, fmt.Sprintf(" max-workers=%d", s.super.Most)
	}
	fmt.Fprintf(&b, " workers=%d%s loops=%d max-conns=%d nofile=%d", first, most, s.size.Loops*first, s.conns,
		s.nofile.Soft)
	if s.middle != nil {
		fmt.Fprintf(&b, " relay=%s upstream=%s", s.relay.to.String(), s.relay.mode)
	}
	if s.control != "" {
		fmt.Fprintf(&b, " control=http://%s", s.control)
	}
	fmt.Fprintln(s.stdout, b.String())
	if s.middle == nil && s.nofile.Soft < uint64(s.conns) {
		holders := fmt.Sprintf("%d worker processes", s.size.Workers)
		if s.size.Limit > int64(s.nofile.Soft) {
			holders = "threads with fd tables of their own"
		}
		asNeeded := ""
		if most != "" {
			asNeeded = fmt.Sprintf("; %d are started, the others as they are needed", first)
		}
		s.logf("fd limit is %s (hard %s, %s): %s hold %s connections%s",
			unit.Commas(int64(s.nofile.Soft)), unit.Commas(int64(s.nofile.Hard)), whatBinds(s.nofile, nrOpen()),
			holders, unit.Commas(s.conns), asNeeded)
	}
}
