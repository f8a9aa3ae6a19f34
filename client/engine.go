package main

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/plan"
)

// declareTransport declares how the client speaks TCP.
func (t *target) declareTransport() {
	t.Flags.Add(cli.OneOf(&t.Engine, plan.EngineSockets, plan.EngineSockets, plan.EnginePackets), "engine",
		"sockets|packets",
		"the kernel's TCP, or our own (root)", t.seldom())
}

// checkSources reads --sources for the engine, and refuses what has no meaning
// without sockets.
func (t *target) checkSources() (err error) {
	if t.Engine == plan.EnginePackets {
		return t.checkPackets()
	}
	if t.sources == "auto" {
		return nil
	}
	var v4, v6 []netip.Addr
	for one := range strings.SplitSeq(t.sources, ",") {
		found, err := plan.ParseSources(strings.TrimSpace(one))
		switch {
		case err != nil:
			return fmt.Errorf("--sources %v", err)
		case found[0].Is4():
			v4 = append(v4, found...)
		default:
			v6 = append(v6, found...)
		}
	}
	if n := len(v4) + len(v6); n > plan.MaxSources {
		return fmt.Errorf("--sources %s has %d addresses: at most %d are legal", t.sources, n, plan.MaxSources)
	}
	return t.takeSources(v4, v6)
}

// takeSources takes those of the families that the server's addresses are of: each
// is reached from its own.
func (t *target) takeSources(v4, v6 []netip.Addr) error {
	for _, host := range t.Hosts() {
		if host.Is4() && v4 == nil || host.Is6() && v6 == nil {
			where := "--host"
			if t.URLs != nil {
				where = "the targets' addresses"
			}
			return fmt.Errorf("--sources %s and %s %s are of different address families: give sources of each, "+
				"CIDR,CIDR, or --resolve ipv4 or ipv6",
				t.sources, where, t.Target.HostText())
		}
	}
	switch n := min(len(v4), len(v6)); {
	case t.TwoFamilies():
		t.Sources, t.SourcesV6 = v4[:n], v6[:n]
	case t.Host().Is4():
		t.Sources = v4
	default:
		t.Sources = v6
	}
	return nil
}

func (t *target) checkPackets() error {
	switch {
	case t.Scenario == "churn":
		return errors.New("--engine packets: churn measures what closed sockets leave behind (TIME_WAIT, local " +
			"ports), and there are no sockets")
	case t.PrivateFDs == "on":
		return errors.New("--engine packets: --private-fds has no meaning: there are no sockets")
	case t.given("keepalive") && t.KeepAlive > 0:
		return errors.New("--engine packets: --keepalive has no meaning: the client answers the server's probes and " +
			"sends none")
	case t.sources == "auto":
		return nil
	}
	if a, err := netip.ParseAddr(t.sources); err == nil {
		t.PacketSources = netip.PrefixFrom(a, a.BitLen())
		return nil
	}
	p, err := netip.ParsePrefix(t.sources)
	if err != nil {
		return fmt.Errorf("--sources %q is neither auto nor a CIDR like %s nor an address", t.sources,
			plan.DefaultPacketSources)
	}
	t.PacketSources = p.Masked()
	return nil
}
