package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/fleet"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/sys"
)

// agentFlags are those of agent.
type agentFlags struct {
	*cli.Flags
	join, nats, creds, name string
	allow                   prefixes
}

// agentCommand is "client agent".
func agentCommand() *cli.Command {
	a := &agentFlags{Flags: cli.NewFlags()}
	a.Add(cli.Text(&a.join, ""), "join", "FILE", "the join file that the coordinator wrote ("+joinFile+")")
	a.Add(cli.Text(&a.nats, ""), "nats", "URL", "an existing NATS instead, like tls://nats.example.org:4222")
	a.Add(cli.Text(&a.creds, ""), "creds", "FILE", "credentials for it, of the kind that nsc makes")
	a.Add(cli.Text(&a.name, ""), "name", "NAME", "what the report calls it", cli.Unset("the host's name"))
	a.Add(&a.allow, "allow", "CIDR", "load only servers there (repeatable)", cli.Unset("any"))
	return &cli.Command{Name: "agent", Short: "one machine of a fleet that shares a run",
		Long: `One of the machines that share a run. It dials out to the coordinator (client hold
--fleet N, which writes the join file) or to a NATS that is there already, and does
one run after the other until it is ended. It executes nothing but runs of this
client, which read and write no files and change no settings.`,
		Flags: a.Flags, Examples: []string{"client agent --join c10m.join",
			"client agent --nats tls://nats.example.org:4222 --creds agent.creds"},
		Status: "0 ended by a signal, 1 refused by the hub",
		Run: func(ctx context.Context, call *cli.Call) (int, error) {
			if err := a.check(); err != nil {
				return 0, cli.Usage("%w", err)
			}
			return cli.Done, a.serve(ctx, &lines{w: call.Stderr})
		}}
}

// isAgent says whether this process is to be an agent.
func isAgent() bool { return len(os.Args) > 1 && os.Args[1] == "agent" }

// check refuses what cannot be meant.
func (a *agentFlags) check() error {
	if (a.join == "") == (a.nats == "") {
		return errors.New("--join or --nats: want one of them, which say where the coordinator is")
	}
	if a.creds != "" && a.nats == "" {
		return fmt.Errorf("--creds %s: they are for --nats; a join file has its own", a.creds)
	}
	if err := checkNATS(a.nats, a.creds); err != nil {
		return err
	}
	if a.join != "" {
		// It may come later, or be readable later; what is there and can be none is not.
		_, err := sys.ReadFile(a.join, fleet.MaxJoin)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
			return fmt.Errorf("--join %w", err)
		}
	}
	if a.name == "" {
		a.name, _ = os.Hostname() // of none, the agent's id
	}
	return nil
}

// checkNATS refuses an existing NATS that would not do, and credentials that are none.
func checkNATS(url, creds string) error {
	if url != "" {
		if err := fleet.CheckURL(url, creds != ""); err != nil {
			return fmt.Errorf("--nats %w", err)
		}
	}
	if creds != "" {
		if err := fleet.CheckCreds(creds); err != nil {
			return fmt.Errorf("--creds %w", err)
		}
	}
	return nil
}

// prefixes is a repeatable flag of addresses.
type prefixes []netip.Prefix

func (p *prefixes) String() string { return "" }

// Type names the kind of value.
func (*prefixes) Type() string { return "CIDR" }

// Set reads one.
func (p *prefixes) Set(s string) error {
	if a, err := netip.ParseAddr(s); err == nil {
		*p = append(*p, netip.PrefixFrom(a, a.BitLen()))
		return nil
	}
	one, err := netip.ParsePrefix(s)
	if err != nil {
		return fmt.Errorf("want a CIDR like 10.0.0.0/8, or an address")
	}
	*p = append(*p, one.Masked())
	return nil
}

// has says whether an address may be loaded; where nothing is listed, any.
func (p prefixes) has(a netip.Addr) bool {
	return len(p) == 0 || slices.ContainsFunc(p, func(one netip.Prefix) bool { return one.Contains(a.Unmap()) })
}

func (p prefixes) text() string {
	if len(p) == 0 {
		return "any server that its coordinator names (--allow CIDR bounds that)"
	}
	var all []string
	for _, one := range p {
		all = append(all, one.String())
	}
	return "servers in " + strings.Join(all, ", ")
}

// lines says one line after the other, of several goroutines.
type lines struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lines) say(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = fmt.Fprintf(l.w, "agent: %s\n", plan.OneLine(fmt.Sprintf(format, args...)))
}

// retryEvery is how often an agent looks for a hub that is not there.
const retryEvery = 500 * time.Millisecond

// serve is an agent until ctx ends, or until it is refused. A hub may go and come: with
// a join file the next run has another, which is read anew.
func (a *agentFlags) serve(ctx context.Context, out *lines) error {
	fp, err := proc.Here()
	if err != nil {
		return err
	}
	boot, _ := fp.BootID()
	out.say("%s will load %s", a.name, a.allow.text())
	waits := ""
	for ctx.Err() == nil {
		conn, used, err := a.connect()
		if err != nil && !a.mayCome(ctx, err, used) {
			return err
		}
		if err != nil {
			if waits != err.Error() {
				waits = err.Error()
				out.say("waiting: %s", waits)
			}
			pause(ctx, retryEvery)
			continue
		}
		waits = ""
		out.say("joined as %s", a.name)
		until, stop := context.WithCancel(ctx)
		go a.watch(until, stop, conn, used, out)
		err = fleet.Serve(until, conn, fleet.AgentOptions{Name: a.name, Commit: build.Commit, Boot: boot,
			Net:  fp.Namespaces().Net,
			Work: &work{allow: a.allow}, Say: func(line string) { out.say("%s", line) }, Keep: a.keepPart})
		stop()
		conn.Close()
		if err != nil && !a.mayCome(ctx, err, used) {
			return err
		}
	}
	return nil
}

// connect dials; used is the join file as it was.
func (a *agentFlags) connect() (conn *fleet.Conn, used string, err error) {
	if a.nats != "" {
		conn, err = fleet.Dial(a.nats, a.creds)
		return conn, "", err
	}
	if used, err = sys.ReadFile(a.join, fleet.MaxJoin); err != nil {
		return nil, "", err
	}
	join, err := fleet.ReadJoin(a.join)
	if err != nil {
		return nil, used, fmt.Errorf("%w: %w", fleet.ErrRefused, err)
	}
	conn, err = join.Enter()
	return conn, used, err
}

// mayCome says whether it may be different in a while: the hub is not there, or the
// join file is not, or it is another one by now, or in a moment: a hub listens before
// its join file is there.
func (a *agentFlags) mayCome(ctx context.Context, err error, used string) bool {
	if !fleet.Refused(err) {
		return true
	}
	end := time.Now().Add(joinTime)
	for ; a.join != "" && ctx.Err() == nil && time.Now().Before(end); pause(ctx, joinTime/20) {
		if a.changed(used) {
			return true
		}
	}
	return false
}

// joinTime is how much later than its hub a join file may come.
const joinTime = 2 * time.Second

func (a *agentFlags) changed(used string) bool {
	if a.join == "" {
		return false
	}
	now, err := sys.ReadFile(a.join, fleet.MaxJoin)
	return err == nil && now != used
}

// watch says when the hub goes and comes, and ends a connection for which there is
// another join file.
func (a *agentFlags) watch(ctx context.Context, stop func(), conn *fleet.Conn, used string, out *lines) {
	was := true
	for ctx.Err() == nil {
		is := conn.Connected()
		if is != was {
			out.say("%s", map[bool]string{true: "back at the hub", false: "the hub is gone: trying again"}[is])
		}
		if was = is; !is && a.changed(used) {
			stop()
		}
		pause(ctx, retryEvery)
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// keepPart writes a result that no coordinator fetched.
func (a *agentFlags) keepPart(run string, b []byte) (string, error) {
	name := strings.Map(func(c rune) rune {
		if strings.ContainsRune("/\x00", c) {
			return '_'
		}
		return c
	}, a.name)
	file := fmt.Sprintf("c10m-part-%s-%.8s.json", name, run)
	return file, keep(file, b, io.Discard)
}

// work is what an agent does: each in a process of its own.
type work struct{ allow prefixes }

// job reads a command line of somebody else's.
func (w *work) job(ctx context.Context, args []string, came fleet.Files) (job, error) {
	if err := checkCame(args, came); err != nil {
		return job{}, err
	}
	j, err := parsePart(ctx, args, came)
	if err != nil {
		return job{}, farUsage(err)
	}
	if len(j.Run.ServerPIDs) > 0 {
		return job{}, fmt.Errorf("%w: --server-pid: agents look at no process", fleet.ErrUsage)
	}
	t := &j.Run.Target
	for _, host := range t.Hosts() {
		if !w.allow.has(host) {
			return job{}, fmt.Errorf("%w: %s is not allowed here: this agent loads %s", fleet.ErrUsage, host,
				w.allow.text())
		}
	}
	if c := j.Run.Control; c != "auto" && c != "none" {
		u, err := url.Parse(c)
		if err != nil {
			return job{}, fmt.Errorf("%w: --server-control %v", fleet.ErrUsage, err)
		}
		at, err := netip.ParseAddr(u.Hostname())
		if err != nil || !w.allow.has(at) {
			return job{}, fmt.Errorf("%w: --server-control %s is outside what this agent allows", fleet.ErrUsage,
				u.Host)
		}
	}
	return j, nil
}

// farUsage marks bad usage for who asked.
func farUsage(err error) error {
	if errors.Is(err, cli.ErrUsage) {
		return fmt.Errorf("%w: %s", fleet.ErrUsage, strings.TrimPrefix(err.Error(), cli.ErrUsage.Error()+": "))
	}
	return err
}

// Look says what bounds a run on this machine.
func (w *work) Look(ctx context.Context, args []string, came fleet.Files) ([]plan.Limit, error) {
	j, err := w.job(ctx, args, came)
	if err != nil {
		return nil, err
	}
	j.Look = true
	c, err := j.start(io.Discard)
	if err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, c.Kill)()
	a, err := c.wait()
	if err != nil {
		return nil, farUsage(err)
	}
	return a.Limits, nil
}

// startTime is how long the names of a run may take to be found again.
const startTime = time.Second

// Start prepares a run.
func (w *work) Start(args []string, came fleet.Files) (fleet.Part, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	j, err := w.job(ctx, args, came)
	if err != nil {
		return nil, err
	}
	c, err := j.start(io.Discard)
	if err != nil {
		return nil, err
	}
	p := &part{child: c, events: make(chan fleet.Event)}
	go p.tell()
	return p, nil
}

// part is a run of an agent's share.
type part struct {
	*child
	events chan fleet.Event
}

// Events are those of the child, and then its result.
func (p *part) Events() <-chan fleet.Event { return p.events }

func (p *part) tell() {
	defer close(p.events)
	for e := range p.child.Events() {
		sample, err := json.Marshal(e)
		if err != nil {
			continue // the next one says the same
		}
		p.events <- fleet.Event{Phase: e.Phase, Gate: e.Gate, Done: e.Done(), Sample: sample}
	}
	r, _, err := p.Result()
	if err != nil {
		p.events <- fleet.Event{Err: farUsage(err)}
		return
	}
	var b bytes.Buffer
	if err := result.Write(&b, r); err != nil {
		p.events <- fleet.Event{Err: err}
		return
	}
	p.events <- fleet.Event{Result: b.Bytes()}
}
