package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"time"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/fill"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/scenario"
	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/unit"
)

// target is what every command that opens connections has: where to, over what,
// from where, and a page to look at it.
type target struct {
	*command
	scenario.Options
	dash string // address of the live page, "" for none
	otlp pushFlags
	most int64 // connections of the largest run, where there are several
	raw
	tls       tlsFlags
	files     files
	fleet     fleetFlags
	said      talk
	targets   []string    // arguments: URLs
	lines     *fill.Lines // of --lines; nil: none
	linesUsed bool
	names     resolver       // of hosts
	also      scenario.Watch // is told how the run goes, beside who looks at it; nil: nobody
	announced bool           // what binds the run has been said before it
}

// raw are flag values that check converts.
type raw struct {
	host, sources, proto, first string
	resolving, linesFile        string
	ports                       unit.PortCount
	window                      int
	size                        int64
	stages                      []string
}

// The flags that a coordinator gives its agents: their connections are part of a
// larger run, and numbered as such; a live page wants histograms, which cost memory
// that shows in what small runs measure.
const (
	firstNumber    = "first-number"
	liveHistograms = "live-histograms"
)

// The bounds of flags.
const (
	maxSize = 64 << 20 // of a message
	maxHold = 1000 * time.Hour
)

// newTarget declares where to and from where. The defaults of one command or
// the other are ports and the number of connections.
func newTarget(about cli.Command, ports int) *target {
	if about.Takes == "" {
		about.Takes = takesTargets
	}
	t := &target{command: newCommand(about), names: resolver{lookUp: net.DefaultResolver.LookupNetIP}}
	t.about.Accepts = isTarget
	t.Scenario, t.Commit = about.Name, build.Commit
	t.Threads, t.Close, t.PrivateFDs = unit.Count{Auto: true}, plan.CloseFIN, "auto"
	t.size, t.window = 64, 1024
	if about.Name != "hold" { // what is special about it comes first
		t.Flags.Group("Load")
	}
	t.declareServer(ports)
	t.declareTLS()
	t.declareSources()
	return t
}

// seldom leaves flags out of the help of commands that have many of their own.
func (t *target) seldom() cli.Option {
	if t.Scenario == "hold" {
		return nil
	}
	return cli.Rare
}

func (t *target) declareServer(ports int) {
	f := t.Flags
	f.Group("Where to")
	t.raw.ports = unit.PortCount{N: ports}
	f.Add(cli.Text(&t.host, "127.0.0.1"), "host", "ADDR|NAME[,..]", "of the server; several in turn")
	f.Add(&t.raw.ports, "ports", "N|FIRST-LAST", "destination ports of each protocol")
	f.Add(cli.Text(&t.first, ""), "first-port", "PORT[,PORT]", "the first of them", t.seldom(),
		cli.Unset(fmt.Sprintf("tcp %d, ws %d", plan.FirstTCP, plan.FirstWS)))
	f.Add(cli.Text(&t.proto, plan.TCP), "proto", "tcp|ws|tcp,ws", "protocol; both: an even split")
	f.Add(cli.Text(&t.Control, "auto"), "server-control", "URL|auto|none", "for its memory and count", t.seldom())
	f.Add((*pids)(&t.ServerPIDs), "server-pid", "N[,N]", "a server here that is not ours, with its children", cli.Rare)
	f.Add(cli.OneOf(&t.resolving, resolveAll, resolveAll, resolveOnce, resolveV4, resolveV6), "resolve",
		"all|once|ipv4|ipv6",
		"which addresses of a name", cli.Note("in turn; of --host those of one family"), cli.Rare)
	f.Add(cli.TimeOrZero(&t.Wait, 0, "not at all", time.Millisecond, 24*time.Hour), "wait", "TIME",
		"for a server that is starting, its name, and a fleet's agents (there 5m by default)", cli.Rare)
	f.Group("WebSocket")
	f.Add(cli.Text(&t.WebSocket.Path, "/"), "path", "PATH", "of the opening handshake; may have placeholders", cli.Rare)
	f.Add((*headers)(&t.WebSocket.Headers), "header", "NAME:VALUE", "a header field of it, Host as well (repeatable)",
		cli.Rare)
	f.Add(cli.Text(&t.linesFile, ""), "lines", "FILE",
		"of {line}: one for each connection, and then from the first again", cli.Rare)
	f.Add(cli.Text(&t.WebSocket.Subprotocol, ""), "subprotocol", "NAME[,NAME]", "what it offers", cli.Rare)
	f.Add(cli.Switch(&t.WebSocket.Text), "text", "", "text frames, not binary ones", cli.Rare)
}

func (t *target) declareSources() {
	f := t.Flags
	f.Group("From where")
	f.Add(cli.Text(&t.sources, "auto"), "sources", "CIDR[,..]|auto", "source addresses", t.seldom(),
		cli.Note("as many as needed"))
	t.declareTransport()
	f.Add(cli.Number(&t.First, 0, 0, unit.MaxCount), firstNumber, "N", "what {i} is in the first one's texts",
		cli.Hidden)
	f.Add(cli.Switch(new(bool)), liveHistograms, "", "tell them while the run goes on", cli.Hidden)
	f.Add(&t.Threads, "threads", "N|auto", "client threads", cli.Rare)
	f.Add(cli.Time(&t.ConnectTimeout, 10*time.Second, 10*time.Millisecond, time.Hour), "connect-timeout", "TIME",
		"how long a connect may take", cli.Rare)
}

// declareEngine is what only runs of connections that are held let one set.
func (t *target) declareEngine() {
	f := t.Flags
	f.Group("From where")
	f.Add(cli.OneOf(&t.PrivateFDs, "auto", "auto", "on", "off"), "private-fds", "auto|on|off", "fd tables per thread",
		cli.Note("where needed"), cli.Rare)
	f.Add(cli.Int(&t.window, 1024, 1, 1<<20), "window", "N", "connects under way at once per thread", cli.Rare)
}

func (t *target) declareClose(mode plan.CloseMode) {
	t.Flags.Add(cli.OneOf(&t.Close, mode, plan.CloseRST, plan.CloseFIN), "close", "rst|fin",
		"how to end; rst leaves no TIME_WAIT")
}

// runs adds what belongs to the report.
func (t *target) runs(check func() error, work func(context.Context) (outcome, error)) *cli.Command {
	t.Flags.Group("Report")
	t.Flags.Add(cli.Text(&t.dash, ""), "dash", "ADDR:PORT", "live page of this run", cli.Rare)
	t.declarePushes()
	t.Flags.Add(cli.Switch(&t.ShowFailure), "show-failure", "", "the first exchange that failed, both directions",
		cli.Rare)
	return t.command.runs(func() error {
		if err := t.checkPushes(); err != nil {
			return err
		}
		return check()
	}, work)
}

func holdKind() kind {
	return kind{name: "hold", command: holdCommand, run: ofConns, short: (*result.Result).Short,
		gates: scenario.HoldGates(),
		asked: func() asked {
			h := newHold()
			return asked{h, func(ctx context.Context, line []string) (job, error) {
				err := read(ctx, line, h.runs, h.check)
				return job{Run: scenario.ChurnOptions{Options: h.Options}}, err
			}}
		}}
}

// holdCommand is the default command.
func holdCommand() *cli.Command {
	t := newHold()
	return t.runs(t.check, t.execute)
}

func newHold() *target {
	t := newTarget(cli.Command{Name: "hold", Short: "ramp, hold, a sample echoes, close (the default)",
		Long: `Opens connections, holds them, lets a sample echo, and says what each costs.
TARGET, like wss://HOST/PATH or tcp://HOST:10000-10199, stands for --host, --proto
and --ports; --help-all says more.`,
		Details: aboutTargets,
		Examples: []string{"client hold --ports 200 --conns 500k --rate 20k/s --hold 1m --html run.html",
			"client --conns 5000 --interval 1s --fail-if 'conns.failed>0' --json -"},
		Status: "0 as asked, 1 not or --fail-if held, 130 interrupted"}, plan.DefaultPorts)
	f := t.Flags
	t.Conns = unit.Count{Auto: true}
	f.Group("How many, how fast")
	f.Add(&t.Conns, "conns", "N|auto", "connections at once", cli.Note("what fits"))
	f.Add(cli.Number(&t.Cap, 0, 1, unit.MaxCount), "cap", "N", "the most that auto may take", cli.Unset(""), cli.Rare)
	f.Add(&t.Rate, "rate", "N/s|max", "connects per second")
	f.Add(cli.Time(&t.Hold, 10*time.Second, 0, maxHold), "hold", "TIME", "how long to hold")
	t.declareClose(plan.CloseRST)
	t.declareEngine()
	f.Add(cli.TimeOrZero(&t.KeepAlive, sys.DefaultKeepAlive, "never", sys.MinKeepAlive, sys.MaxKeepAlive), "keepalive",
		"TIME",
		"probe a silent server; on loopback never, unless it is given", cli.Rare)
	f.Add(cli.Switch(&t.Reconnect), "reconnect", "", "restore what is lost, with backoff")
	f.Group("How many, how fast")
	t.declareStages()
	t.declarePings()
	f.Group("Messages")
	f.Add(cli.Size(&t.size, 64, 1, maxSize), "size", "SIZE", "of a message")
	f.Add(cli.TimeOrZero(&t.Interval, 0, "idle", time.Millisecond, time.Hour), "interval", "TIME",
		"one so often on every connection")
	f.Add(cli.Share(&t.Jitter, 0, 0, 1), "jitter", "SHARE", "vary the waits by this share of it", cli.Unset("none"),
		cli.Rare)
	f.Add(cli.Number(&t.Verify, 10_000, 0, unit.MaxCount), "verify", "N", "connections that echo after the hold")
	t.declareTalk()
	t.declareFirst()
	t.declareFleet()
	f.Group("Report")
	f.Add(cli.Time(&t.Settle, 4*time.Second, 0, time.Hour), "settle", "TIME", "both ends' time to give back memory",
		cli.Note("500ms below 10,000 connections"), cli.Rare)
	return t
}

// check converts what is left and refuses what cannot be meant.
func (t *target) check() error {
	t.Command = t.Line
	if err := t.checkFleet(); err != nil {
		return err
	}
	t.targets = slices.DeleteFunc(slices.Clone(t.Args), func(arg string) bool { return !isTarget(arg) })
	if err := t.checkWhereTo(); err != nil {
		return err
	}
	if err := t.checkSources(); err != nil {
		return err
	}
	if err := t.checkTLS(); err != nil {
		return err
	}
	t.Size, t.Window = int(t.size), t.window
	if err := t.checkTalk(); err != nil {
		return err
	}
	if t.lines != nil && !t.linesUsed {
		return fmt.Errorf("--lines %s: nothing has {line}, which takes them", t.linesFile)
	}
	if err := t.checkCarried(); err != nil {
		return err
	}
	u, err := url.Parse(t.Control)
	if t.Control != "auto" && t.Control != "none" && (err != nil || u.Scheme != "http" || u.Host == "") {
		return fmt.Errorf("--server-control %q: want a URL like http://127.0.0.1:9090, auto or none", t.Control)
	}
	if t.given("server-pid") && t.given("server-control") {
		return errors.New("--server-pid and --server-control tell the same: give one of them")
	}
	if !t.given("keepalive") {
		t.KeepAlive = sys.DefaultKeepAlive
		if t.OnLoopback() || t.Engine == plan.EnginePackets {
			t.KeepAlive = 0 // that end cannot vanish without this one, or there is no socket to probe it with
		}
	}
	if t.Scenario == "hold" && !t.given("settle") {
		t.Settle = scenario.SettleAuto
	}
	if t.Scenario == "echo" && t.Hold == 0 {
		return errors.New("--hold 0s: echo needs a time to run for")
	}
	if t.Scenario == "hold" || t.Scenario == "echo" {
		if err := t.checkAnswers(); err != nil {
			return err
		}
	}
	return t.checkLoad()
}
