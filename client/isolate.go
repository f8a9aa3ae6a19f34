package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/scenario"
	"github.com/c10m/c10m/internal/sys"
	"github.com/c10m/c10m/internal/tune"
	"github.com/c10m/c10m/internal/unit"
)

// settings are sysctls of the network namespace that a run wants.
type settings map[string]string

func (s settings) String() string { return "" }

// Type names the kind of value.
func (settings) Type() string { return "setting" }

// Set takes KEY=VALUE.
func (s settings) Set(text string) error {
	key, value, ok := strings.Cut(text, "=")
	if !ok || value == "" || !strings.HasPrefix(key, "net.") || strings.Contains(key, "/") ||
		strings.Contains(key, "..") {
		return fmt.Errorf("want KEY=VALUE with a setting of the network, like net.ipv4.tcp_tw_reuse=1")
	}
	s[key] = value
	return nil
}

// needRoot refuses what only root can have, and says what else helps.
func needRoot(flag string) error {
	if os.Geteuid() == 0 {
		return nil
	}
	return fmt.Errorf("%s: settings of the network are changed only in a network namespace of the run's own, and "+
		"making one needs root: use sudo, or set them yourself (sysctl -w) and leave the flag out", flag)
}

// settle prepares the namespace that we are in: it brings lo up and makes the
// settings.
func (s settings) settle() error {
	if err := sys.LoopbackUp(); err != nil {
		return err
	}
	state := tune.Root{Dir: "/"}
	for key, value := range s {
		if err := state.Set(key, value); err != nil {
			return cli.Usage("--sysctl %s=%s: %v", key, value, err)
		}
	}
	return nil
}

// startOwn starts a server for a run: command, or ours with the flags.
func startOwn(ctx context.Context, o *scenario.Options, command string, flags ...string) (*scenario.Server, error) {
	argv, ready := append(strings.Fields(command), flags...), ""
	if command == "" {
		ready = scenario.Ready
		port, err := scenario.FreePort()
		if err != nil {
			return nil, err
		}
		control := fmt.Sprintf("127.0.0.1:%d", port)
		if argv, err = scenario.OwnServer(*o, control, flags...); err != nil {
			return nil, err
		}
		o.Control = "http://" + control
	} else if o.Control == "auto" {
		o.Control = "none"
	}
	if len(argv) == 0 {
		return nil, cli.Usage("--server %q is empty", command)
	}
	return scenario.StartServer(ctx, argv, ready, o.Host(), o.Ports())
}

// maxConns is a --max-conns for a server that is to hold n connections and have
// some to spare.
func maxConns(n int64) string { return fmt.Sprint(n + n/4 + 1000) }

// parsePorts reads FIRST-LAST for net.ipv4.ip_local_port_range. A colon between
// the two is taken as well: here it parts the first from the last, as the setting
// itself has them.
func parsePorts(s string) (string, error) {
	var p unit.Ports
	if err := p.Set(strings.Replace(s, ":", "-", 1)); err != nil || p.N == 0 {
		return "", fmt.Errorf("--port-range %q: want FIRST-LAST within 1..65535, like 30000-59999", s)
	}
	if p.N-1 > 65535-1024 && p.First < 1024 {
		return "", fmt.Errorf("--port-range %q: at most 1024-65535", s)
	}
	return fmt.Sprintf("%d\t%d", p.First, p.Last()), nil
}

// overlaps refuses listening ports that connections could take as local ones.
func overlaps(portRange string, ranges []unit.Ports) error {
	var first, last int
	_, _ = fmt.Sscan(portRange, &first, &last)
	for _, r := range ranges {
		if r.Overlaps(unit.Ports{First: first, N: last - first + 1}) {
			return fmt.Errorf("--port-range %d:%d holds ports to connect to, %s: choose --first-port outside", first,
				last, r.String())
		}
	}
	return nil
}

// resultOf is for short.
type resultOf = result.Result

// loopback is where servers of our own listen.
var loopback = netip.MustParseAddr("127.0.0.1")
