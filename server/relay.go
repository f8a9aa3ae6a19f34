package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"strings"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/relay"
	"github.com/c10m/c10m/internal/shard"
	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/tune"
	"github.com/c10m/c10m/internal/unit"
)

// upstream is the flag value of --relay, ADDR:FIRST:COUNT.
type upstream struct {
	host  netip.Addr
	ports unit.Ports
}

func (u *upstream) String() string {
	if u.ports.N == 0 {
		return ""
	}
	return netip.AddrPortFrom(u.host, uint16(u.ports.First)).String() + fmt.Sprintf(":%d", u.ports.N)
}

// Type names the kind of value.
func (*upstream) Type() string { return "ports" }

// Set reads ADDR:FIRST:COUNT; an IPv6 address stands in brackets.
func (u *upstream) Set(s string) error {
	host, ports := s, ""
	for range 2 {
		i := strings.LastIndexByte(host, ':')
		if i < 0 {
			return fmt.Errorf("%q: want ADDR:FIRST:COUNT, like 10.0.0.2:10000:200 or [::1]:10000:200", s)
		}
		host, ports = host[:i], s[i+1:]
	}
	ip, err := plan.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
	if err != nil {
		return fmt.Errorf("%q: %w", s, err)
	}
	u.host = ip
	return u.ports.Set(ports)
}

// relayOptions are the flags of a relay.
type relayOptions struct {
	to   upstream
	mode relay.Mode
	pool unit.Count
}

// checkRelay refuses what a relay cannot do.
func (o *options) checkRelay(f *cli.Flags) error {
	r := o.relay
	if !f.Given("relay") {
		if f.Given("upstream") || f.Given("pool") {
			return errors.New("--upstream and --pool want --relay ADDR:FIRST:COUNT")
		}
		return nil
	}
	if f.Given("ws") {
		return errors.New("--relay passes bytes on from TCP ports (WebSocket too, with --upstream keepalive); leave " +
			"out --ws")
	}
	for _, name := range f.Names() {
		if !slices.Contains(relayTakes, name) {
			return fmt.Errorf("--%s: a relay, one process that echoes nothing itself, has no use for it; leave it out",
				name)
		}
	}
	if f.Given("pool") && r.mode != relay.Pool {
		return fmt.Errorf("--pool %s: only --upstream pool has a pool", r.pool.String())
	}
	if o.tcp.N == 0 {
		o.tcp = unit.Ports{First: plan.FirstTCP, N: plan.DefaultPorts}
	}
	o.ws = unit.Ports{}
	if r.pool.Auto || r.pool.N > maxPool {
		return fmt.Errorf("--pool %s: the legal range is 1..%d", r.pool.String(), maxPool)
	}
	return o.checkLoop()
}

// relayTakes are the flags that mean something to a relay.
var relayTakes = []string{"bind", "control", "control-host", "control-token", "max-conns", "pool", "ports", "relay",
	"tcp",
	"upstream"}

// checkLoop refuses a relay to itself.
func (o *options) checkLoop() error {
	to := o.relay.to
	own := to.host == o.bind || o.bind.IsUnspecified() && to.host.IsLoopback()
	if own && to.ports.N > 0 && to.ports.Overlaps(o.tcp) {
		return fmt.Errorf("--relay %s: these are the relay's own ports, --tcp %s", to.String(), o.tcp.String())
	}
	return nil
}

// maxPool bounds --pool.
const maxPool = 100_000

// relays runs the middle tier instead of an echo server.
func (s *server) relays(ctx context.Context) error {
	var err error
	if s.nofile, err = sys.RaiseNofile(nrOpen()); err != nil {
		return err
	}
	pool := int(s.relay.pool.N)
	s.conns, err = relay.Size(s.nofile.Soft, s.tcp.N, pool, s.relay.mode)
	if err != nil {
		return cli.Usage("--pool: %v", err)
	}
	if !s.maxConns.Auto {
		if s.maxConns.N > s.conns {
			return cli.Usage("--max-conns %d: an fd limit of %d leaves a relay %d", s.maxConns.N, s.nofile.Soft,
				s.conns)
		}
		s.conns = s.maxConns.N
	}
	if err := s.portsFree(); err != nil {
		return err
	}
	for _, hurt := range tune.HurtingHere(tune.Target{Conns: s.conns, Ports: s.ranges(),
		Dests: int64(s.relay.to.ports.N), Role: tune.Both,
		Churns: s.relay.mode == relay.PerRequest}, tune.Both) {
		s.logf("warning: %s", hurt.Line())
	}
	s.page, s.size = shard.Alone(), shard.Size{Workers: 1, Loops: runtime.NumCPU(), Limit: s.conns}
	cfg := relay.Config{Bind: s.bind, Ports: s.ports(), Mode: s.relay.mode, Pool: pool, Limit: s.conns}
	for i := range s.relay.to.ports.N {
		cfg.Upstreams = append(cfg.Upstreams, netip.AddrPortFrom(s.relay.to.host, uint16(s.relay.to.ports.First+i)))
	}
	s.middle = relay.New(cfg, s.page.Slots[0])
	ctx, drain := context.WithCancel(ctx)
	defer drain()
	stop, err := s.startControl(drain)
	if err != nil {
		return err
	}
	defer stop()
	return s.middle.Serve(ctx, s.ready)
}
