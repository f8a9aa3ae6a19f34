package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/tune"
	"github.com/c10m/c10m/internal/unit"
)

const usage = `usage: tuning check|apply|revert|plan [flags]

Finds, raises and restores the kernel settings that decide how many connections
a machine holds.
  check    compare every setting; exit 0 when all is well, 1 when not
  apply    raise what is too low (never lower anything), save the old values
  revert   restore exactly what apply changed
  plan     memory, ports and EC2 instances for so many; asks no kernel
  loopback bring lo up in this network namespace, as ip(8) does
What for
  --conns N|auto        connections at once (default auto: what memory holds)
  --role server|client|both   which ends are on this machine (default both)
  --ports N             the same as --tcp 10000:N --ws 15000:N (default 200)
  --tcp FIRST:COUNT     TCP ports of the server, or none
  --ws FIRST:COUNT      WebSocket ports of the server, or none
  --memory SIZE         as if the machine had so much: 122GiB (default: it has)
  --cores N             as if the machine had so many (default: it has)
check
  --json                for programs
  --why                 explain the settings that are ok, too
check, apply
  --scope all|global|namespace   only these settings (default all)
  --only KEY[,KEY]      only these settings
apply, revert
  --dry-run             say what would change, change nothing
  --persist             apply: also write sysctl.d, limits.d and systemd files
  --state FILE|none     of old values (default /var/lib/c10m/tuning.state)
  --root DIR            root of /proc, /sys and /etc (default /)
plan
  --proto tcp|ws        (default tcp)
  --clients N           client machines, when apart from the server (default 1)
  --conf                print sysctl.d/99-c10m.conf for --memory and --cores
  --page 4KiB|16KiB|64KiB   the kernel's pages there: arm64 has 64KiB, too
  --json                for programs
  --version             print version and exit (instead of a command)
Examples
  tuning check --conns 10M --ports 200
  sudo tuning apply --conns 10M --persist
  tuning plan --conns 10M --clients 4
Exit status: 0 all is well or done, 1 it is not, 2 bad usage.
`

// errUsage marks bad usage: exit status 2.
var errUsage = errors.New("bad usage")

func badUsage(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errUsage, fmt.Sprintf(format, args...))
}

// options are the flags, checked. The target's memory and cores are 0 where
// the machine is to be asked.
type options struct {
	command string
	conns   unit.Count
	target  tune.Target
	proto   string
	dest    unit.Ports // the ports one run of proto uses
	clients int
	sel     tune.Select
	root    string
	state   string // "" for none
	json    bool
	why     bool
	dry     bool
	persist bool
	conf    bool
	page    pageSize
	// repeated are the flags that apply needs again for what check was asked.
	repeated string
}

// pageSize is a flag.Value: the kernel's pages, as getconf PAGESIZE names them.
type pageSize int64

func (p *pageSize) String() string { return fmt.Sprintf("%dKiB", int64(*p)>>10) }

func (p *pageSize) Set(v string) error {
	for _, legal := range []pageSize{4 << 10, 16 << 10, 64 << 10} {
		if v == legal.String() || v == strconv.FormatInt(int64(legal), 10) {
			*p = legal
			return nil
		}
	}
	return fmt.Errorf("%q: want 4KiB, 16KiB or 64KiB", v)
}

// flagsOf is the flags of each command, beside those of all.
var flagsOf = map[string][]string{
	"check":  {"json", "why", "scope", "only", "root"},
	"apply":  {"dry-run", "persist", "state", "root", "scope", "only"},
	"revert": {"dry-run", "state", "root"},
	"plan":   {"proto", "clients", "conf", "json", "page"},
}

// targetFlags say what for; revert takes none of them.
var targetFlags = []string{"conns", "role", "ports", "tcp", "ws", "memory", "cores"}

// commandOf reads the command.
func commandOf(args []string) (string, error) {
	if len(args) == 0 {
		return "", badUsage("want check, apply, revert or plan; see tuning --help")
	}
	switch command := args[0]; {
	case command == "--help" || command == "-h" || command == "help":
		return "", flag.ErrHelp
	case command == "--version":
		return "version", nil
	case command == "loopback" && len(args) == 1:
		return command, nil
	case flagsOf[command] == nil:
		return "", badUsage("%q is not a command: want check, apply, revert or plan", command)
	default:
		return command, nil
	}
}

// shellWord quotes what a shell would not take as one word.
func shellWord(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.,:/") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// given are the flags that were given; those that apply needs again are repeated.
func (o *options) given(fs *flag.FlagSet) map[string]bool {
	given := map[string]bool{}
	fs.Visit(func(f *flag.Flag) {
		given[f.Name] = true
		if f.Name != "conns" && f.Name != "role" && slices.Contains(append(flagsOf["apply"], targetFlags...), f.Name) {
			o.repeated += " --" + f.Name + " " + shellWord(f.Value.String())
		}
	})
	return given
}

func parse(args []string) (options, error) {
	command, err := commandOf(args)
	o := options{command: command, conns: unit.Count{Auto: true}, target: tune.Target{Role: tune.Both}}
	if err != nil || command == "version" || command == "loopback" {
		return o, err
	}
	fs := flag.NewFlagSet("tuning", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	var memory unit.Size
	var tcp, ws unit.Ports
	fs.Var(&o.conns, "conns", "")
	fs.Var(&o.target.Role, "role", "")
	var ports, cores int
	fs.Var(unit.NewInt(&ports, plan.DefaultPorts), "ports", "")
	fs.Var(&tcp, "tcp", "")
	fs.Var(&ws, "ws", "")
	fs.Var(&memory, "memory", "")
	fs.Var(unit.NewInt(&cores, 0), "cores", "")
	scope := fs.String("scope", "all", "")
	only := fs.String("only", "", "")
	fs.StringVar(&o.proto, "proto", "tcp", "")
	fs.Var(unit.NewInt(&o.clients, 1), "clients", "")
	fs.StringVar(&o.root, "root", "/", "")
	fs.StringVar(&o.state, "state", "", "")
	fs.BoolVar(&o.json, "json", false, "")
	fs.BoolVar(&o.why, "why", false, "")
	fs.BoolVar(&o.dry, "dry-run", false, "")
	fs.BoolVar(&o.persist, "persist", false, "")
	fs.BoolVar(&o.conf, "conf", false, "")
	o.page = 4 << 10
	fs.Var(&o.page, "page", "")
	if err := fs.Parse(args[1:]); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return o, err
		}
		return o, badUsage("%v; see tuning --help", err)
	}
	if fs.NArg() > 0 {
		return o, badUsage("%q is not a flag; see tuning --help", fs.Arg(0))
	}
	given := o.given(fs)
	if given["cores"] && (cores < 1 || cores > 1<<16) {
		return o, badUsage("--cores %d: the legal range is 1..%d", cores, 1<<16)
	}
	if given["memory"] && memory < tune.MinMemory {
		return o, badUsage("--memory %s: the legal range is %s..%s", memory.String(), unit.Bytes(tune.MinMemory),
			unit.Bytes(unit.MaxSize))
	}
	o.target.Memory, o.target.Cores = int64(memory), cores
	if err := o.checkGiven(given); err != nil {
		return o, err
	}
	if err := o.setPorts(ports, tcp, ws, given); err != nil {
		return o, err
	}
	if err := o.setSelect(*scope, *only); err != nil {
		return o, err
	}
	return o, o.setRest()
}

// checkGiven refuses flags that the command would silently ignore.
func (o options) checkGiven(given map[string]bool) error {
	legal := map[string]bool{}
	for _, name := range flagsOf[o.command] {
		legal[name] = true
	}
	if o.command != "revert" {
		for _, name := range targetFlags {
			legal[name] = true
		}
	}
	for name := range given {
		if !legal[name] {
			return badUsage("--%s means nothing to %s; see tuning --help", name, o.command)
		}
	}
	return nil
}

// setPorts: --ports N means --tcp 10000:N --ws 15000:N; --tcp and --ws each
// say it for themselves.
func (o *options) setPorts(n int, tcp, ws unit.Ports, given map[string]bool) error {
	if n < 1 || n > 4096 {
		return badUsage("--ports %d: the legal range is 1..4096 (for more, --tcp and --ws FIRST:COUNT)", n)
	}
	if !given["tcp"] && (given["ports"] || !given["ws"]) {
		tcp = unit.Ports{First: plan.FirstTCP, N: n}
	}
	if !given["ws"] && (given["ports"] || !given["tcp"]) {
		ws = unit.Ports{First: plan.FirstWS, N: n}
	}
	if tcp.Overlaps(ws) {
		return badUsage("--tcp %s and --ws %s share ports", tcp.String(), ws.String())
	}
	for _, p := range []unit.Ports{tcp, ws} {
		if p.N > 0 {
			o.target.Ports = append(o.target.Ports, p)
		}
	}
	if len(o.target.Ports) == 0 {
		return badUsage("--tcp none --ws none: want at least one port")
	}
	switch o.proto {
	case "tcp":
		o.dest = tcp
	case "ws":
		o.dest = ws
	default:
		return badUsage("--proto %q: want tcp or ws", o.proto)
	}
	if o.dest.N == 0 && o.command == "plan" {
		return badUsage("--proto %s has no ports: give --%s FIRST:COUNT", o.proto, o.proto)
	}
	return nil
}

func (o *options) setSelect(scope, only string) error {
	switch scope {
	case "all":
	case "global", "namespace":
		o.sel.Scope = tune.Scope(scope)
	default:
		return badUsage("--scope %q: want all, global or namespace", scope)
	}
	if only == "" {
		return nil
	}
	for _, key := range strings.Split(only, ",") {
		if _, ok := tune.Lookup(key); !ok {
			return badUsage("--only %q: no setting of that name; tuning check lists them", key)
		}
		o.sel.Only = append(o.sel.Only, key)
	}
	return nil
}

func (o *options) setRest() error {
	if o.conns.N > tune.MaxConns {
		return badUsage("--conns %d: the legal range is 1..%d", o.conns.N, tune.MaxConns)
	}
	if o.clients < 1 || o.clients > 10_000 {
		return badUsage("--clients %d: the legal range is 1..10000", o.clients)
	}
	if o.command == "plan" && o.conns.Auto && o.target.Memory == 0 {
		return badUsage("plan asks no kernel: give --conns N, or --memory SIZE for what it holds")
	}
	switch o.state {
	case "":
		o.state = filepath.Join(o.root, tune.DefaultStateFile)
	case "none":
		o.state = ""
	}
	if o.persist && (o.state == "" || o.sel.Scope != "" || len(o.sel.Only) > 0) {
		return badUsage("--persist writes all settings and needs the state file: leave out --state none, --scope and --only")
	}
	if o.command == "revert" && o.state == "" {
		return badUsage("--state none: revert needs the file with the old values")
	}
	return nil
}
