package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/scenario"
)

// axes is a flag that adds an axis of its kind.
type axes struct {
	kind scenario.AxisKind
	name string // of the axis; "": it is part of the value
	all  *[]scenario.Axis
}

func (a axes) String() string { return "" }

// Type names the kind of value.
func (axes) Type() string { return "axis" }

// Set reads NAME=V1,V2, or the values alone.
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
	jobs           []job    // of each variant, in the order of scenario.Grid
	judges         [][]result.Threshold
}

// mostVariants bounds a grid.
const mostVariants = 1000

func sweepKind() kind { return kind{name: "sweep", command: sweepCommand} }

// sweepCommand is "client sweep".
func sweepCommand() *cli.Command {
	s := &sweep{command: newCommand(cli.Command{Name: "sweep",
		Short: "which setting is best? a grid of flags, with repeats",
		Takes: "[-- SCENARIO [flags of its own]]",
		Long: `Runs a scenario over every combination of the values given, several times by turns,
each with a freshly started server, and picks the best by its median; noise is not
taken for a win (exact Mann-Whitney test, corrected for choosing the best of them).
SCENARIO is ` + anyOf(kind.isJob) + ` (default: echo --conns 200 --duration 2s).`,
		Examples: []string{"client sweep --server-flag workers=1,2,4 --size 64,1024",
			"client sweep --client-flag depth=1,4,16 --metric echo.latency.p99",
			"sudo client sweep --sysctl net.core.somaxconn=16,4096 -- churn --users 500"},
		Status: "0 done, 1 a run fell short or could not be made, and its variant cannot be best, 130 interrupted"})}
	f := s.Flags
	f.Group("Each may be given several times; values are separated by commas")
	f.Add(axes{scenario.ServerFlag, "", &s.opt.Axes}, "server-flag", "NAME=V1,V2", "of bin/server: workers=1,2,4")
	f.Add(axes{scenario.ClientFlag, "", &s.opt.Axes}, "client-flag", "NAME=V1,V2", "of the scenario: depth=1,16")
	f.Add(axes{scenario.ClientFlag, "size", &s.opt.Axes}, "size", "V1,V2", "the same as --client-flag size=V1,V2")
	f.Add(axes{scenario.Sysctl, "", &s.opt.Axes}, "sysctl", "KEY=V1,V2",
		"of the network: each run has a network namespace of its own then, which needs root")
	f.Group("What is looked at")
	f.Add(cli.Text(&s.metric, "echo.rate"), "metric", "PATH", "a number of the result file")
	f.Add(cli.OneOf(&s.better, "", "more", "less"), "better", "more|less", "which is better",
		cli.Unset("less for times, bytes and failures"))
	f.Add(cli.Int(&s.repeat, 0, 1, 20), "repeat", "N", "runs of each variant", cli.Unset("as many as can be sure"))
	f.Add(cli.Text(&s.server, ""), "server", "CMD",
		"start this one instead of ours; it gets the flags, too; as root, in a network namespace of its own each time")
	f.Add(cli.Int(&s.first, 0, 1, 65535), "first-port", "PORT", "it listens on",
		cli.Unset(fmt.Sprintf("a free one; %d with --sysctl or --server", plan.FirstTCP)))
	return s.runs(s.settle, func(ctx context.Context) (outcome, error) {
		r, err := scenario.Sweep(ctx, s.opt,
			func(ctx context.Context, v []scenario.Choice) (r *result.Result, short bool, err error) {
				r, short, err = s.one(ctx, v)
				if err == nil && !s.quiet {
					_, _ = fmt.Fprintf(s.Stderr, "sweep: %s: %s\n", strings.Join(choices(v), " "),
						shown(s.opt.Metric, r, short))
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

// settle converts the flags and refuses what cannot be meant.
func (s *sweep) settle() (err error) {
	if s.run = s.After; len(s.run) == 0 && !slices.Contains(s.Line, "--") {
		s.run = []string{"echo", "--conns", "200", "--duration", "2s"}
	}
	variants := len(scenario.Grid(s.opt.Axes))
	switch {
	case len(s.opt.Axes) == 0:
		return fmt.Errorf("nothing is varied: give --server-flag, --client-flag, --size or --sysctl; see client " +
			"sweep --help")
	case variants > mostVariants:
		return fmt.Errorf("%d variants: at most %d", variants, mostVariants)
	case len(s.run) == 0 || !kindNamed(s.run[0]).isJob():
		return fmt.Errorf("after -- must come %s, and its flags; not %q", anyOf(kind.isJob), strings.Join(s.run, " "))
	}
	if s.opt.Metric, err = result.ParseMetric(s.metric); err != nil {
		return fmt.Errorf("--metric %v", err)
	}
	if err := checkMetric(s.opt.Metric); err != nil {
		return fmt.Errorf("--metric %s: %v", s.metric, err)
	}
	s.opt.Less = s.better == "less" || s.better == "" && s.opt.Metric.Better() == result.Less
	if s.opt.Repeat = s.repeat; s.repeat == 0 {
		s.opt.Repeat = scenario.RepeatsNeeded(variants)
	}
	s.opt.Commit, s.opt.Command = build.Commit, s.Line
	if s.variesSysctl() {
		if err := needRoot("--sysctl"); err != nil {
			return err
		}
	}
	return s.prepare()
}

// prepare reads the flags of every variant's run, so that what cannot be meant is
// refused before anything runs.
func (s *sweep) prepare() error {
	most := int64(1000)
	for _, v := range scenario.Grid(s.opt.Axes) {
		args := s.run
		more := settings{}
		for _, c := range v {
			switch c.Kind {
			case scenario.ClientFlag:
				args = append(slices.Clip(args), "--"+c.Name, c.Value)
			case scenario.Sysctl:
				more[c.Name] = c.Value
			}
		}
		j, c, err := parseJob(s.ctx, args, nil)
		if err != nil {
			return err
		}
		if len(j.Run.ServerPIDs) > 0 {
			return errors.New("--server-pid: a sweep starts its servers itself")
		}
		if j.Run.URLs != nil {
			return fmt.Errorf("target %s: a sweep starts a server of its own for each run", j.Run.URLs[0])
		}
		if j.Run.Proto == plan.Mixed {
			return fmt.Errorf("--proto %s: the server of a sweep speaks one protocol", plan.Mixed)
		}
		j = j.with(more)
		j.Quiet, j.Net = true, j.Net || s.isolates()
		most = max(most, j.Run.Conns.N, j.Run.Users)
		s.jobs, s.judges = append(s.jobs, j), append(s.judges, c.thresholds)
	}
	for i, v := range scenario.Grid(s.opt.Axes) { // a server for the largest of them, the same for all
		own := &ownServer{Command: s.server}
		if s.server == "" {
			own.Flags = []string{"--close-on-eot", "--max-conns", maxConns(most)}
		}
		for _, c := range v {
			if c.Kind == scenario.ServerFlag {
				own.Flags = append(own.Flags, "--"+c.Name, c.Value)
			}
		}
		s.jobs[i].Server = own
	}
	return nil
}

// one runs one variant once: in another process, with a freshly started server.
func (s *sweep) one(ctx context.Context, v []scenario.Choice) (r *result.Result, short bool, err error) {
	i := slices.IndexFunc(scenario.Grid(s.opt.Axes), func(w []scenario.Choice) bool { return slices.Equal(v, w) })
	j := s.jobs[i]
	port, err := s.port(j.Net)
	if err != nil {
		return nil, false, err
	}
	o := &j.Run.Options
	o.Places, o.Control = plan.At(loopback, port), "auto"
	if r, short, err = j.do(ctx, io.Discard); err != nil {
		return nil, false, err
	}
	failed, err := r.Judge(s.judges[i])
	return r, short || failed, err
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
			said = m.Path + " " + m.Kind.Format(v)
		}
	}
	if short {
		said += ", and it fell short"
	}
	return said
}

// port is where the server listens.
func (s *sweep) port(ownNet bool) (int, error) {
	switch {
	case s.first > 0:
		return s.first, nil
	case ownNet || s.server != "":
		return plan.FirstTCP, nil
	}
	return scenario.FreePort()
}
