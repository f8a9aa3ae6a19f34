package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/tune"
	"github.com/c10m/c10m/internal/unit"
)

// options are the flags, checked. The target's memory and cores are 0 where
// the machine is to be asked.
type options struct {
	*cli.Call
	command string
	conns   unit.Count
	target  tune.Target
	host    netip.Addr // the server's; invalid: elsewhere
	ports   int
	tcp, ws unit.Ports
	proto   string
	dest    unit.Ports // the ports one run of proto uses
	clients int
	scope   string
	sel     tune.Select
	root    string
	state   string // "" for none
	json    bool
	why     bool
	dry     bool
	persist bool
	conf    bool
}

// The first ports of --ports N.
const (
	firstTCP = 10000
	firstWS  = 15000
)

// program is tuning's command line.
func program() *cli.Program {
	p := &cli.Program{Build: cli.BuildOf(linked)}
	p.Command = cli.Command{
		Name:  cli.NameOf(os.Args[0], "tuning"),
		Short: "kernel settings for millions of connections",
		Long: `Finds, raises and restores the kernel settings that decide how many connections
a machine holds.`,
		Commands: []*cli.Command{checkCommand(), applyCommand(), revertCommand(), planCommand(), loopbackCommand()},
		Examples: []string{"tuning check --conns 10M --ports 200", "sudo tuning apply --conns 10M --persist",
			"tuning plan --conns 10M --clients 4"},
		Status: "0 done, or nothing is too low; 1 not",
	}
	return p
}

func checkCommand() *cli.Command {
	o := newOptions("check")
	f := o.targetFlags()
	f.Group("Selection")
	o.selection(f)
	o.rootFlag(f)
	f.Group("Output")
	f.Add(cli.Switch(&o.json), "json", "", "as JSON")
	f.Add(cli.Switch(&o.why), "why", "", "explain the settings that are ok, too")
	return &cli.Command{Name: o.command, Flags: f, Run: o.run,
		Short: "compare every setting with what is wanted",
		Long: `Says which settings are too low, why that matters, and the cure, and which files will
lower a setting at the next boot. It changes nothing.`,
		Examples: []string{"tuning check --conns 10M --ports 200", "tuning check --role server --json"},
		Status:   "0 nothing is too low, 1 something is"}
}

func applyCommand() *cli.Command {
	o := newOptions("apply")
	f := o.targetFlags()
	f.Group("Changes")
	f.Add(cli.Switch(&o.persist), "persist", "", "also write sysctl.d, modprobe.d, limits.d and systemd files")
	o.dryRun(f)
	o.selection(f)
	o.stateFlag(f)
	o.rootFlag(f)
	return &cli.Command{Name: o.command, Flags: f, Run: o.run,
		Short: "raise what is too low, save the old values",
		Long: `Raises settings that are too low and never lowers any. The old values are saved first,
for revert. Without --persist the changes last until the next boot.`,
		Examples: []string{"sudo tuning apply --conns 10M --persist", "tuning apply --conns 10M --dry-run"},
		Status:   "0 done, 1 something could not be done"}
}

func revertCommand() *cli.Command {
	o := newOptions("revert")
	f := cli.NewFlags()
	o.dryRun(f)
	o.stateFlag(f)
	o.rootFlag(f)
	return &cli.Command{Name: o.command, Flags: f, Run: o.run,
		Short: "restore exactly what apply changed",
		Long: `Restores values and files as they were before the first apply. What somebody else
has changed since is left as it is, and reported.`,
		Examples: []string{"sudo tuning revert", "tuning revert --dry-run"},
		Status:   "0 all is restored, 1 something is not"}
}

func planCommand() *cli.Command {
	o := newOptions("plan")
	f := o.targetFlags()
	f.Group("Layout")
	f.Add(cli.OneOf(&o.proto, "tcp", "tcp", "ws"), "proto", "tcp|ws", "protocol of the run")
	f.Add(cli.Int(&o.clients, 1, 1, 10_000), "clients", "N", "client machines, where the server has one of its own")
	f.Add(cli.Parsed(fmt.Sprintf("%dKiB", pageSize()>>10), o.setPage), "page", "SIZE",
		"the kernel's pages there: 4KiB, 16KiB or 64KiB", cli.Note("as here"))
	f.Group("Output")
	f.Add(cli.Switch(&o.conf), "conf", "", "print sysctl.d/99-c10m.conf for --memory and --cores")
	f.Add(cli.Switch(&o.json), "json", "", "as JSON")
	return &cli.Command{Name: o.command, Flags: f, Run: o.run,
		Short: "memory, ports and EC2 instances for N connections",
		Long:  `Computes from measured costs what N connections take. It asks no kernel.`,
		Examples: []string{"tuning plan --conns 10M --clients 4",
			"tuning plan --conns 1M --memory 32GiB --cores 8 --page 64KiB --conf"},
		Status: "0 done"}
}

func loopbackCommand() *cli.Command {
	return &cli.Command{Name: "loopback", Short: "bring lo up in this network namespace, as ip(8) does",
		Status: "0 done, 1 not",
		Run:    func(context.Context, *cli.Call) (int, error) { return cli.Done, sys.LoopbackUp() }}
}

func newOptions(command string) *options {
	o := &options{command: command, conns: unit.Count{Auto: true}, proto: "tcp", clients: 1, scope: "all"}
	o.target.Page = pageSize()
	return o
}

// targetFlags are the flags that say what the machine is to hold.
func (o *options) targetFlags() *cli.Flags {
	f := cli.NewFlags()
	f.Group("Target")
	f.Add(cli.Count(&o.conns, tune.MaxConns), "conns", "N|auto", "connections at once",
		cli.Note("what memory holds; of packets at most 10M"))
	f.Add(cli.OneOf(&o.target.Role, tune.Both, tune.Roles...), "role", "server|client|both|packets",
		"which ends are on this machine; packets: a client without sockets")
	f.Add(cli.Parsed("", o.setHost), "host", "ADDR", "of --role packets: the server", cli.Unset("elsewhere, IPv4"))
	f.Add(cli.Int(&o.ports, 200, 1, 4096), "ports", "N",
		fmt.Sprintf("the same as --tcp %d:N --ws %d:N", firstTCP, firstWS))
	f.Add(&o.tcp, "tcp", "PORTS", "TCP ports of the server, or none", cli.Unset("by --ports"))
	f.Add(&o.ws, "ws", "PORTS", "WebSocket ports of the server, or none", cli.Unset("by --ports"))
	memory, cores := "of this one", "of this one"
	if o.command == "plan" {
		memory, cores = "what --conns takes", "16"
	}
	f.Add(cli.Size(&o.target.Memory, 0, tune.MinMemory, unit.MaxSize), "memory", "SIZE", "memory of the machine",
		cli.Unset(memory))
	f.Add(cli.Int(&o.target.Cores, 0, 1, 1<<16), "cores", "N", "cores of the machine", cli.Unset(cores))
	return f
}

func (o *options) selection(f *cli.Flags) {
	f.Add(cli.OneOf(&o.scope, "all", "all", "global", "namespace"), "scope", "all|global|namespace",
		"only settings of the whole machine, or of a network namespace")
	f.Add(cli.Words(&o.sel.Only, checkKey), "only", "KEY[,KEY]", "only these settings")
}

func (o *options) dryRun(f *cli.Flags) {
	f.Add(cli.Switch(&o.dry), "dry-run", "", "report what would change, and change nothing")
}

func (o *options) stateFlag(f *cli.Flags) {
	f.Add(cli.Text(&o.state, ""), "state", "FILE|none", "file for the old values", cli.Unset(tune.DefaultStateFile))
}

func (o *options) rootFlag(f *cli.Flags) {
	f.Add(cli.Text(&o.root, "/"), "root", "DIR", "root of /proc, /sys and /etc")
}

// setHost reads --host.
func (o *options) setHost(s string) error {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return errors.New("want an IPv4 or IPv6 address")
	}
	o.host = a.Unmap()
	return nil
}

// setPage reads --page.
func (o *options) setPage(s string) error {
	for _, legal := range []int64{4 << 10, 16 << 10, 64 << 10} {
		if s == fmt.Sprintf("%dKiB", legal>>10) || s == strconv.FormatInt(legal, 10) {
			o.target.Page = legal
			return nil
		}
	}
	return fmt.Errorf("the legal values are 4KiB, 16KiB, 64KiB")
}

// checkKey sees that a key is one of the table's.
func checkKey(key string) error {
	if _, ok := tune.Lookup(key); !ok {
		return fmt.Errorf("%q: no setting of that name; tuning check lists them", key)
	}
	return nil
}

// settle completes the options and refuses what cannot be meant.
func (o *options) settle() error {
	if o.command != "revert" {
		if err := o.setPorts(); err != nil {
			return err
		}
	}
	if err := o.placeHost(); err != nil {
		return err
	}
	if o.scope != "all" {
		o.sel.Scope = tune.Scope(o.scope)
	}
	if o.command == "plan" && o.conns.Auto && o.target.Memory == 0 {
		return cli.Usage("plan asks no kernel: give --conns N, or --memory SIZE for what it holds")
	}
	switch o.state {
	case "":
		o.state = filepath.Join(o.root, tune.DefaultStateFile)
	case "none":
		o.state = ""
	}
	if o.persist && (o.state == "" || o.sel.Scope != "" || len(o.sel.Only) > 0) {
		return cli.Usage("--persist writes all settings and needs the state file: leave out --state none, --scope and --only")
	}
	if o.command == "revert" && o.state == "" {
		return cli.Usage("--state none: revert needs the file with the old values")
	}
	return nil
}

// placeHost finds out where the server of a client without sockets is.
func (o *options) placeHost() error {
	switch {
	case !o.host.IsValid():
		return nil
	case o.target.Role != tune.Packets:
		return cli.Usage("--host %s: only --role packets asks where the server is", o.host)
	}
	o.target.V6 = o.host.Is6()
	if o.command == "plan" { // which asks no kernel
		return nil
	}
	route, err := sys.Route(o.host)
	o.target.Here = route.Local
	return err
}

// setPorts: --ports N means --tcp 10000:N --ws 15000:N; --tcp and --ws each
// say it for themselves.
func (o *options) setPorts() error {
	byNumber := o.Given("ports")
	if !o.Given("tcp") && (byNumber || !o.Given("ws")) {
		o.tcp = unit.Ports{First: firstTCP, N: o.ports}
	}
	if !o.Given("ws") && (byNumber || !o.Given("tcp")) {
		o.ws = unit.Ports{First: firstWS, N: o.ports}
	}
	if o.tcp.Overlaps(o.ws) {
		return cli.Usage("--tcp %s and --ws %s share ports", o.tcp.String(), o.ws.String())
	}
	for _, p := range []unit.Ports{o.tcp, o.ws} {
		if p.N > 0 {
			o.target.Ports = append(o.target.Ports, p)
		}
	}
	if len(o.target.Ports) == 0 {
		return cli.Usage("--tcp none --ws none: want at least one port")
	}
	if o.dest = o.tcp; o.proto == "ws" {
		o.dest = o.ws
	}
	if o.dest.N == 0 && o.command == "plan" {
		return cli.Usage("--proto %s has no ports: give --%s FIRST:COUNT", o.proto, o.proto)
	}
	return nil
}
