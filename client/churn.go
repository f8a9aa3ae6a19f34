package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/scenario"
	"github.com/c10m/c10m/internal/unit"
)

// churnFlags are those of churn.
type churnFlags struct {
	*users
	pool              int64
	firstClose        string
	twReuse, maxTW    int
	portRange, server string
	sysctl            settings
	matrix            bool
}

func newChurn() *churnFlags {
	c := &churnFlags{users: newUsers(cli.Command{Name: "churn",
		Short: "connections come and go: TIME_WAIT, local ports",
		Long: `Users send messages over connections that come and go. Who closes first keeps
the socket in TIME_WAIT for 60 s, and the client with it a local port.`,
		Examples: []string{"client churn --mode keepalive --requests 100 --first-close server",
			"sudo client churn --matrix --duration 5s --json matrix.json"},
		Status: "0 done, 1 not, or the server did not close first"},
		10, scenario.PerRequest, scenario.KeepAlive, scenario.Pool), sysctl: settings{}}
	c.declareUsers(100)
	f := c.Flags
	f.Add(cli.Number(&c.pool, 10, 1, mostUsers), "pool", "P", "connections of --mode pool")
	f.Add(cli.OneOf(&c.firstClose, "client", "client", "server"), "first-close", "client|server",
		"who closes first; our server: by --close-on-eot")
	f.Add(cli.Time(&c.Hold, 10*time.Second, 100*time.Millisecond, maxHold), "duration", "TIME", "how long")
	c.declareFleet()
	f.Group("In a network namespace of its own, which needs root, with a server of its own")
	f.Add(cli.Int(&c.twReuse, 0, 0, 2), "tw-reuse", "0|1|2", "net.ipv4.tcp_tw_reuse for the run", cli.Unset(""))
	f.Add(cli.Text(&c.portRange, ""), "port-range", "A-B", "net.ipv4.ip_local_port_range")
	f.Add(cli.Int(&c.maxTW, 0, 0, 1<<31-1), "max-tw", "N", "net.ipv4.tcp_max_tw_buckets", cli.Unset(""), cli.Rare)
	f.Add(c.sysctl, "sysctl", "KEY=VALUE", "any other of the network (repeatable)", cli.Unset(""))
	f.Add(cli.Text(&c.server, ""), "server", "CMD", "start this one instead of ours", cli.Rare)
	f.Add(cli.Switch(&c.matrix), "matrix", "", "all modes, tw_reuse 0, 1, 2, who closes first")
	return c
}

func churnKind() kind {
	return kind{name: "churn", command: churnCommand, bound: atATime, run: ofUsers(scenario.Churn),
		short: scenario.ChurnFailed, gates: scenario.ChurnGates(),
		asked: func() asked {
			c := newChurn()
			return asked{c.target, func(ctx context.Context, line []string) (job, error) {
				err := read(ctx, line, c.runs, c.check)
				if err == nil && c.matrix {
					err = cli.Usage("--matrix is no single run")
				}
				return c.job(), err
			}}
		}}
}

// churnCommand is "client churn".
func churnCommand() *cli.Command {
	c := newChurn()
	return c.runs(c.check, func(ctx context.Context) (outcome, error) {
		if c.matrix {
			r, err := c.runMatrix(ctx)
			return outcome{result: r, brief: true, short: r != nil && r.Behind}, err
		}
		if c.fleet.agents > 0 {
			r, err := c.runFleet(ctx, c.sharing(c.pooled()))
			return outcome{result: r, short: r != nil && scenario.ChurnFailed(r)}, err
		}
		if j := c.job(); j.Net {
			r, short, err := j.do(ctx, c.Stderr)
			return outcome{result: r, short: short}, err
		}
		r, err := ofUsers(scenario.Churn)(ctx, c.target, c.opt)
		return outcome{result: r, short: r != nil && scenario.ChurnFailed(r)}, err
	})
}

// pooled is the size of the pool, if there is one.
func (c *churnFlags) pooled() int64 {
	if c.opt.Mode == scenario.Pool {
		return c.pool
	}
	return 0
}

// ownNet says whether the run wants a network namespace of its own.
func (c *churnFlags) ownNet() bool {
	return c.given("tw-reuse") || c.given("port-range") || c.given("max-tw") || c.given("sysctl") || c.given("server")
}

// job is the run for another process: in a network namespace of its own, with a
// server of its own.
func (c *churnFlags) job() job {
	j := job{Run: c.opt, Quiet: c.quiet}
	if c.ownNet() || c.matrix {
		j.Net, j.Settings = true, c.sysctl
		j.Server = &ownServer{Command: c.server}
		if c.server == "" {
			j.Server.Flags = []string{"--close-on-eot", "--max-conns", maxConns(c.n)}
		}
	}
	return j
}

// check converts the flags and refuses what cannot be meant.
func (c *churnFlags) check() error {
	conns := c.n
	if c.opt.Mode == scenario.Pool {
		conns = c.pool
	}
	if (c.opt.Mode == scenario.Pool || c.matrix) && c.pool > c.n {
		return fmt.Errorf("--pool %d: the legal range is 1..%d, the users", c.pool, c.n)
	}
	if err := c.checkSettings(); err != nil {
		return err
	}
	if c.fleet.agents > 0 && (c.ownNet() || c.matrix) {
		return errors.New("--fleet: agents change no settings, make no network namespace and start no server")
	}
	if err := c.settle(conns); err != nil {
		return err
	}
	if c.given("server-pid") && (c.ownNet() || c.matrix) {
		return errors.New("--server-pid: this run has a server of its own, in a network namespace of its own")
	}
	if (c.ownNet() || c.matrix) && c.URLs != nil {
		return fmt.Errorf("target %s: in a network namespace of its own the run starts a server of its own", c.URLs[0])
	}
	if c.opt.ServerEnds = c.firstClose == "server"; c.opt.ServerEnds && c.Proto != plan.WS && c.Talk.Message != "" {
		return errors.New("--first-close server with --message wants --proto ws: over TCP the last byte of a message " +
			"asks for it")
	}
	if c.portRange != "" {
		return overlaps(c.sysctl["net.ipv4.ip_local_port_range"], c.Ranges())
	}
	return nil
}

// checkSettings turns flags into settings.
func (c *churnFlags) checkSettings() error {
	if c.given("tw-reuse") {
		c.sysctl["net.ipv4.tcp_tw_reuse"] = strconv.Itoa(c.twReuse)
	}
	if c.given("max-tw") {
		c.sysctl["net.ipv4.tcp_max_tw_buckets"] = strconv.Itoa(c.maxTW)
	}
	if c.given("port-range") {
		text, err := parsePorts(c.portRange)
		if err != nil {
			return err
		}
		c.sysctl["net.ipv4.ip_local_port_range"] = text
	}
	for _, flag := range []string{"tw-reuse", "port-range", "max-tw", "sysctl", "server", "matrix"} {
		if c.given(flag) {
			if c.matrix && flag != "matrix" && flag != "sysctl" && flag != "server" {
				return fmt.Errorf("--%s: --matrix sets it itself", flag)
			}
			if c.dash != "" {
				return fmt.Errorf("--dash %s: with --%s the run has a network namespace of its own, where nobody can "+
					"look at a page", c.dash, flag)
			}
			if c.otlp.url != "" {
				return fmt.Errorf("--otlp %s: with --%s the run has a network namespace of its own, from where "+
					"nothing can be pushed", c.otlp.url, flag)
			}
			if err := needRoot("--" + flag); err != nil {
				return err
			}
		}
	}
	return nil
}

// runMatrix runs every variant, each by another process in a namespace of its
// own, so that nobody's TIME_WAIT is another's.
func (c *churnFlags) runMatrix(ctx context.Context) (*resultOf, error) {
	var rows []*resultOf
	for _, v := range scenario.ChurnMatrix() {
		if !c.quiet {
			_, _ = fmt.Fprintf(c.Stderr, "churn: %s, %s closes first, tw_reuse %d\n", v.Mode, v.FirstClose, v.TWReuse)
		}
		j, err := c.variant(v)
		if err != nil {
			return nil, err
		}
		r, _, err := j.do(ctx, c.Stderr)
		if err != nil && ctx.Err() != nil {
			if len(rows) == 0 {
				return nil, scenario.ErrInterrupted
			}
			rows[len(rows)-1].Interrupt = true
			break
		}
		if err != nil {
			return nil, fmt.Errorf("churn %s, %s closes first, tw_reuse %d: %w", v.Mode, v.FirstClose, v.TWReuse, err)
		}
		rows = append(rows, r)
		if r.Interrupt {
			break
		}
	}
	r := scenario.JoinChurn(rows)
	r.Command = c.Command
	return r, nil
}

// variant is the run of one cell of the matrix.
func (c *churnFlags) variant(v scenario.ChurnVariant) (job, error) {
	ports, err := parsePorts(scenario.MatrixPorts)
	if err != nil {
		return job{}, err
	}
	j := c.job().with(settings{"net.ipv4.tcp_tw_reuse": strconv.Itoa(v.TWReuse), "net.ipv4.ip_local_port_range": ports,
		"net.ipv4.tcp_max_tw_buckets": strconv.Itoa(scenario.MatrixBuckets)})
	j.Quiet = true
	j.Run.Mode, j.Run.ServerEnds, j.Run.Conns = v.Mode, v.FirstClose == "server", unit.Count{N: c.n}
	if v.Mode == scenario.Pool {
		j.Run.Conns.N = c.pool
	}
	return j, overlaps(ports, c.Ranges())
}
