package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/scenario"
	"github.com/c10m/c10m/internal/tune"
	"github.com/c10m/c10m/internal/unit"
)

const sweepUsage = `usage: client sweep [flags] [-- SCENARIO [flags of its own]]

Which setting is best? Runs a scenario over every combination of the values
given, several times by turns, each with a server started anew, and picks the
best by its median; noise is not taken for a win (exact Mann-Whitney test,
corrected for choosing the best of them). SCENARIO is echo, churn, stress or
hold (default: echo --conns 200 --duration 2s).

Each flag may be given several times; values are separated by commas
  --server-flag NAME=V1,V2...   of bin/server: workers=1,2,4
  --client-flag NAME=V1,V2...   of the scenario: depth=1,16
  --size V1,V2...        the same as --client-flag size=V1,V2...
  --sysctl KEY=V1,V2...  of the network, like net.core.somaxconn=128,65535: each
                         run has a network namespace of its own then, which
                         needs root
What is looked at
  --metric PATH          a number of the result file (default echo.rate)
  --better more|less     (default: less for times, bytes and failures)
  --repeat N             runs of each variant (default: as many as can be sure)
  --server CMD           start this one instead of ours; it gets the flags, too;
                         as root, in a network namespace of its own each time
  --first-port PORT      it listens on (default a free one; 10000 with --sysctl
                         or --server)
Report
  --json FILE, --html FILE, --csv FILE, --fail-if COND, --quiet

Exit status: 0 done; 1 a run fell short or could not be made, and its variant
cannot be best; 2 bad usage; 130 interrupted.

Examples
  client sweep --server-flag workers=1,2,4 --size 64,1024
  client sweep --client-flag depth=1,4,16 --metric echo.latency.p99
  sudo client sweep --sysctl net.core.somaxconn=16,4096 -- churn --users 500
`

// axes is a flag that adds an axis of its kind.
type axes struct {
	kind scenario.AxisKind
	name string // of the axis; "": it is part of the value
	all  *[]scenario.Axis
}

func (a axes) String() string { return "" }

func (a axes) Set(text string) error {
	name, list := a.name, text
	if name == "" {
		var ok bool
		if name, list, ok = strings.Cut(text, "="); !ok || name == "" {
			return fmt.Errorf("want NAME=V1,V2 and so on")
		}
	}
	values := strings.Split(list, ",")
	if slices.Contains(values, "") {
		return fmt.Errorf("want NAME=V1,V2: a value is empty")
	}
	if a.kind == scenario.Sysctl {
		if err := (settings{}).Set(name + "=" + values[0]); err != nil {
			return err
		}
	}
	for i, v := range values {
		if slices.Contains(values[:i], v) {
			return fmt.Errorf("%s is there twice", v)
		}
	}
	if slices.ContainsFunc(*a.all, func(x scenario.Axis) bool { return x.Kind == a.kind && x.Name == name }) {
		return fmt.Errorf("%s is varied already", name)
	}
	*a.all = append(*a.all, scenario.Axis{Kind: a.kind, Name: strings.TrimLeft(name, "-"), Values: values})
	return nil
}

// sweep is the command's flags.
type sweep struct {
	*command
	opt            scenario.SweepOptions
	metric, better string
	repeat, first  int
	server         string
	run            []string // the scenario and its flags
	all            []string // the whole command line
}

// mostVariants bounds a grid.
const mostVariants = 1000

// runSweep is the subcommand.
func runSweep(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	s := &sweep{command: newCommand("sweep", sweepUsage), all: args, run: []string{"echo", "--conns", "200", "--duration", "2s"}}
	s.Var(axes{scenario.ServerFlag, "", &s.opt.Axes}, "server-flag", "")
	s.Var(axes{scenario.ClientFlag, "", &s.opt.Axes}, "client-flag", "")
	s.Var(axes{scenario.ClientFlag, "size", &s.opt.Axes}, "size", "")
	s.Var(axes{scenario.Sysctl, "", &s.opt.Axes}, "sysctl", "")
	s.StringVar(&s.metric, "metric", "echo.rate", "")
	s.StringVar(&s.better, "better", "", "")
	s.Var(unit.NewInt(&s.repeat, 0), "repeat", "")
	s.StringVar(&s.server, "server", "", "")
	s.IntVar(&s.first, "first-port", 0, "")
	if at := slices.Index(args, "--"); at >= 0 {
		s.run, args = args[at+1:], args[:at]
	}
	return s.command.run(args, stdout, stderr, s.settle, func() (outcome, error) {
		if isIsolated() { // one run of another process's sweep
			if err := (settings{}).settle(); err != nil {
				return outcome{}, err
			}
			r, short, err := s.one(ctx, scenario.Grid(s.opt.Axes)[0])
			return outcome{result: r, short: short}, err
		}
		r, err := scenario.Sweep(ctx, s.opt, func(ctx context.Context, v []scenario.Choice) (r *result.Result, short bool, err error) {
			if s.isolates() {
				r, short, err = s.apart(ctx, v)
			} else {
				r, short, err = s.one(ctx, v)
			}
			if err == nil && !s.quiet {
				_, _ = fmt.Fprintf(stderr, "sweep: %s: %s\n", strings.Join(choices(v), " "), shown(s.opt.Metric, r, short))
			}
			return r, short, err
		})
		return outcome{result: r, brief: true, short: r != nil && r.Behind}, err
	})
}

// isolates says whether each run has a network namespace of its own: one with
// settings of its own, or on a port that the next run needs again, which may
// not find the TIME_WAIT of the one before.
func (s *sweep) isolates() bool { return s.variesSysctl() || s.server != "" && os.Geteuid() == 0 }

func (s *sweep) variesSysctl() bool {
	return slices.ContainsFunc(s.opt.Axes, func(a scenario.Axis) bool { return a.Kind == scenario.Sysctl })
}

// apart runs one variant once, by this program in a network namespace of its own.
func (s *sweep) apart(ctx context.Context, v []scenario.Choice) (r *result.Result, short bool, err error) {
	flags := []string{"--repeat", "1", "--quiet", "--json", "-", "--first-port", strconv.Itoa(s.first), "--server", s.server}
	for _, c := range v {
		flag := map[scenario.AxisKind]string{scenario.ServerFlag: "--server-flag", scenario.ClientFlag: "--client-flag", scenario.Sysctl: "--sysctl"}[c.Kind]
		flags = append(flags, flag, c.Name+"="+c.Value)
	}
	return runAgain(ctx, "sweep", slices.Concat(flags, []string{"--"}, s.run))
}

// settle converts the flags and refuses what cannot be meant.
func (s *sweep) settle() (err error) {
	variants := len(scenario.Grid(s.opt.Axes))
	switch {
	case len(s.opt.Axes) == 0:
		return fmt.Errorf("nothing is varied: give --server-flag, --client-flag, --size or --sysctl; see client sweep --help")
	case variants > mostVariants:
		return fmt.Errorf("%d variants: at most %d", variants, mostVariants)
	case s.better != "" && s.better != "more" && s.better != "less":
		return fmt.Errorf("--better %q: the legal values are more, less", s.better)
	case s.given("repeat") && (s.repeat < 1 || s.repeat > 20):
		return fmt.Errorf("--repeat %d: the legal range is 1..20", s.repeat)
	case s.first < 0 || s.first > 65535:
		return fmt.Errorf("--first-port %d: the legal range is 1..65535", s.first)
	case len(s.run) == 0 || !slices.Contains([]string{"echo", "churn", "stress", "hold"}, s.run[0]):
		return fmt.Errorf("after -- must come echo, churn, stress or hold, and its flags; not %q", strings.Join(s.run, " "))
	}
	if s.opt.Metric, err = result.ParseMetric(s.metric); err != nil {
		return fmt.Errorf("--metric %v", err)
	}
	if err := checkCause(s.opt.Metric); err != nil {
		return fmt.Errorf("--metric %s: %v", s.metric, err)
	}
	s.opt.Less = s.better == "less" || s.better == "" && s.opt.Metric.Better() == result.Less
	if s.opt.Repeat = s.repeat; s.repeat == 0 {
		s.opt.Repeat = scenario.RepeatsNeeded(variants)
	}
	s.opt.Commit, s.opt.Command = commit, append([]string{"client", "sweep"}, s.all...)
	if s.variesSysctl() {
		return needRoot("--sysctl")
	}
	return nil
}

// one runs one variant once: settings, a server, the scenario as a process of
// its own.
func (s *sweep) one(ctx context.Context, v []scenario.Choice) (r *result.Result, short bool, err error) {
	var serverFlags, clientFlags []string
	for _, c := range v {
		switch c.Kind {
		case scenario.ServerFlag:
			serverFlags = append(serverFlags, "--"+c.Name, c.Value)
		case scenario.ClientFlag:
			clientFlags = append(clientFlags, "--"+c.Name, c.Value)
		case scenario.Sysctl:
			if err := (tune.Root{Dir: "/"}).Set(c.Name, c.Value); err != nil {
				return nil, false, fmt.Errorf("%w: --sysctl %s=%s: %v", scenario.ErrUsage, c.Name, c.Value, err)
			}
		}
	}
	port, err := s.port()
	if err != nil {
		return nil, false, err
	}
	t := &target{}
	t.Control = "auto"
	if t.Host, t.Ports, t.Proto = loopback, []int{port}, s.proto(); s.server == "" {
		serverFlags = append([]string{"--close-on-eot", "--max-conns", maxConns(s.conns())}, serverFlags...)
	}
	server, err := startOwn(ctx, t, strings.TrimSpace(s.server+" "+strings.Join(flagsOf(s.server, serverFlags), " ")), serverFlags...)
	if err != nil {
		return nil, false, err
	}
	defer server.Stop()
	args := slices.Concat(s.run, []string{"--first-port", strconv.Itoa(port), "--ports", "1", "--server-control", t.Control, "--quiet", "--json", "-"}, clientFlags)
	r, short, err = again(ctx, args)
	if dead := server.Alive(); err != nil && dead != nil {
		return nil, false, fmt.Errorf("%w; %v", err, dead)
	}
	return r, short, err
}

// flagsOf are the flags for a server that is not ours, which stand behind its
// name; ours gets them from startOwn.
func flagsOf(server string, flags []string) []string {
	if server == "" {
		return nil
	}
	return flags
}

func choices(v []scenario.Choice) (list []string) {
	for _, c := range v {
		list = append(list, c.Name+"="+c.Value)
	}
	return list
}

// shown is the metric of one run, for the line that says how far we are.
func shown(m result.Metric, r *result.Result, short bool) string {
	said := m.Path + " was not measured"
	if numbers, err := r.Numbers(); err == nil {
		if v, ok := m.Of(numbers); ok {
			said = fmt.Sprintf("%s %.6g", m.Path, v)
		}
	}
	if short {
		said += ", and it fell short"
	}
	return said
}

// port is where the server listens.
func (s *sweep) port() (int, error) {
	switch {
	case s.first > 0:
		return s.first, nil
	case s.isolates() || s.server != "":
		return plan.FirstTCP, nil
	}
	return scenario.FreePort()
}

// proto is what the scenario speaks.
func (s *sweep) proto() string {
	if s.value("proto") == plan.WS {
		return plan.WS
	}
	return plan.TCP
}

// conns is how many connections the scenario may have at a time: the server is
// made for so many, and some more.
func (s *sweep) conns() (most int64) {
	most = 1000
	for _, a := range s.opt.Axes {
		if a.Name == "conns" || a.Name == "users" {
			for _, v := range a.Values {
				if n, err := unit.ParseCount(v); err == nil {
					most = max(most, n)
				}
			}
		}
	}
	for _, flag := range []string{"conns", "users"} {
		if n, err := unit.ParseCount(s.value(flag)); err == nil {
			most = max(most, n)
		}
	}
	return most
}

// value is what the scenario's flag is set to, "" if it is not.
func (s *sweep) value(flag string) (v string) {
	for i, a := range s.run {
		name, value, ok := strings.Cut(strings.TrimLeft(a, "-"), "=")
		if !strings.HasPrefix(a, "-") || name != flag {
			continue
		}
		if v = value; !ok && i+1 < len(s.run) {
			v = s.run[i+1]
		}
	}
	return v
}
