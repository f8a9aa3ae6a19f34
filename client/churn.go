package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/scenario"
	"github.com/c10m/c10m/internal/unit"
)

const churnUsage = `usage: client churn [flags]

The laboratory of TIME_WAIT and local ports: users who send one message after
the other, over connections that come and go. Who closes first keeps the socket
in TIME_WAIT for 60 s, and with it, on the client's side, a local port.

  --mode per-request|keepalive|pool   a connection for every message (default),
  --requests K, --pool P     for K messages (10); or P kept for all users (10)
  --users N                  at a time (default 100)
  --first-close client|server   (default client); a server of ours must run with
                             --close-on-eot then
  --duration D, --size BYTES|A:B, --timeout D   (10s, 64, 10s with its connect)
In a network namespace of its own, which needs root, with a server of its own
  --tw-reuse 0|1|2, --port-range A-B, --max-tw N   net.ipv4.tcp_tw_reuse,
                             ip_local_port_range, tcp_max_tw_buckets for the run
  --sysctl KEY=VALUE         any other of the network (repeatable)
  --server CMD               start this one instead of ours
  --matrix                   every mode x tw_reuse 0, 1, 2 x who closes first,
                             each in a fresh namespace; 30,000 ports and buckets
Where to, from where (default 127.0.0.1 port 10000)
  --host ADDR, --ports N, --first-port PORT, --proto tcp|ws, --path, --header,
  --subprotocol, --text, --server-control URL|auto|none, --sources auto|CIDR,
  --threads auto|N, --connect-timeout D; --show-failure: the first bad answer
Report: --json FILE, --html FILE, --csv FILE, --fail-if COND, --quiet, and
  --dash ADDR:PORT           live page; not in a namespace of its own

Exit status: 0 done; 1 connects or transactions failed, or the server that was
to close first did not; 2 bad usage.

Examples
  client churn --users 200 --duration 20s
  client churn --mode keepalive --requests 100 --first-close server
  sudo client churn --tw-reuse 0 --port-range 30000-59999
  sudo client churn --matrix --duration 5s --json matrix.json
`

// churnFlags are those of churn.
type churnFlags struct {
	*users
	pool              unit.Count
	firstClose        string
	twReuse, maxTW    int
	portRange, server string
	sysctl            settings
	matrix            bool
}

func newChurn() *churnFlags {
	c := &churnFlags{users: newUsers("churn", churnUsage, 100, scenario.PerRequest, scenario.KeepAlive, scenario.Pool), pool: unit.Count{N: 10}, sysctl: settings{}}
	fs := c.FlagSet
	fs.Var(&c.pool, "pool", "")
	fs.Var(&c.n, "users", "")
	fs.StringVar(&c.firstClose, "first-close", "client", "")
	fs.Var(unit.NewDuration(&c.Hold, 10*time.Second), "duration", "")
	fs.IntVar(&c.twReuse, "tw-reuse", -1, "")
	fs.StringVar(&c.portRange, "port-range", "", "")
	fs.IntVar(&c.maxTW, "max-tw", -1, "")
	fs.Var(c.sysctl, "sysctl", "")
	fs.StringVar(&c.server, "server", "", "")
	fs.BoolVar(&c.matrix, "matrix", false, "")
	return c
}

// runChurn is the subcommand.
func runChurn(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c := newChurn()
	return c.command.run(args, stdout, stderr, func() error { return c.check(args) }, func() (outcome, error) {
		if c.matrix {
			r, err := c.runMatrix(ctx, stderr)
			return outcome{result: r, brief: true, short: r != nil && r.Behind}, err
		}
		if j := c.job(); j.Net {
			r, short, err := j.do(ctx, stderr)
			return outcome{result: r, short: short}, err
		}
		r, err := c.watched(stderr, func(fp proc.FS, watch scenario.Watch) (*resultOf, error) {
			return scenario.Churn(ctx, c.opt, fp, watch)
		})
		return outcome{result: r, short: r != nil && scenario.ChurnFailed(r)}, err
	})
}

// ownNet says whether the run wants a network namespace of its own.
func (c *churnFlags) ownNet() bool {
	return c.given("tw-reuse") || c.given("port-range") || c.given("max-tw") || c.given("sysctl") || c.given("server")
}

// job is the run for another process: in a network namespace of its own, with a
// server of its own.
func (c *churnFlags) job() job {
	j := job{Run: c.opt, Quiet: c.command.quiet}
	if c.ownNet() || c.matrix {
		j.Net, j.Settings = true, c.sysctl
		j.Server = &ownServer{Command: c.server}
		if c.server == "" {
			j.Server.Flags = []string{"--close-on-eot", "--max-conns", maxConns(c.n.N)}
		}
	}
	return j
}

// check converts the flags and refuses what cannot be meant.
func (c *churnFlags) check(args []string) error {
	pooled := c.opt.Mode == scenario.Pool
	switch {
	case c.firstClose != "client" && c.firstClose != "server":
		return fmt.Errorf("--first-close %q: the legal values are client, server", c.firstClose)
	case c.pool.Auto || (pooled || c.matrix) && !c.n.Auto && c.pool.N > c.n.N:
		return fmt.Errorf("--pool %s: the legal range is 1..%d, the users", c.pool.String(), c.n.N)
	case c.Hold < 100*time.Millisecond:
		return fmt.Errorf("--duration %v: the legal range is 100ms..1000h", c.Hold)
	}
	if err := c.checkSettings(); err != nil {
		return err
	}
	conns := c.n
	if pooled {
		conns = c.pool
	}
	if err := c.settle(args, conns); err != nil {
		return err
	}
	c.opt.ServerEnds = c.firstClose == "server"
	if c.portRange != "" {
		return overlaps(c.sysctl["net.ipv4.ip_local_port_range"], c.ranges())
	}
	return nil
}

// checkSettings turns flags into settings.
func (c *churnFlags) checkSettings() error {
	if c.given("tw-reuse") {
		if c.twReuse < 0 || c.twReuse > 2 {
			return fmt.Errorf("--tw-reuse %d: the legal values are 0, 1, 2", c.twReuse)
		}
		c.sysctl["net.ipv4.tcp_tw_reuse"] = strconv.Itoa(c.twReuse)
	}
	if c.given("max-tw") {
		if c.maxTW < 0 {
			return fmt.Errorf("--max-tw %d: must not be negative", c.maxTW)
		}
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
				return fmt.Errorf("--dash %s: with --%s the run has a network namespace of its own, where nobody can look at a page", c.dash, flag)
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
func (c *churnFlags) runMatrix(ctx context.Context, stderr io.Writer) (*resultOf, error) {
	var rows []*resultOf
	for _, v := range scenario.ChurnMatrix() {
		if !c.command.quiet {
			_, _ = fmt.Fprintf(stderr, "churn: %s, %s closes first, tw_reuse %d\n", v.Mode, v.FirstClose, v.TWReuse)
		}
		j, err := c.variant(v)
		if err != nil {
			return nil, err
		}
		r, _, err := j.do(ctx, stderr)
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
	j.Run.Mode, j.Run.ServerEnds, j.Run.Conns = v.Mode, v.FirstClose == "server", c.n
	if v.Mode == scenario.Pool {
		j.Run.Conns = c.pool
	}
	return j, overlaps(ports, c.ranges())
}
