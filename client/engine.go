package main

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/c10m/c10m/internal/cli"
	"github.com/c10m/c10m/internal/plan"
)

// declareTransport declares how the client speaks TCP.
func (t *target) declareTransport() {
	t.Flags.Add(cli.OneOf(&t.Engine, plan.EngineSockets, plan.EngineSockets, plan.EnginePackets), "engine", "sockets|packets",
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
	if t.Sources, err = plan.ParseSources(t.sources); err != nil {
		return fmt.Errorf("--sources %v", err)
	}
	if t.Sources[0].Is4() != t.Host.Is4() {
		return fmt.Errorf("--sources %s and --host %s are of different address families", t.sources, t.Host)
	}
	return nil
}

func (t *target) checkPackets() error {
	switch {
	case t.Scenario == "churn":
		return errors.New("--engine packets: churn measures what closed sockets leave behind (TIME_WAIT, local ports), and there are no sockets")
	case t.PrivateFDs == "on":
		return errors.New("--engine packets: --private-fds has no meaning: there are no sockets")
	case t.given("keepalive") && t.KeepAlive > 0:
		return errors.New("--engine packets: --keepalive has no meaning: the client answers the server's probes and sends none")
	case t.sources == "auto":
		return nil
	}
	if a, err := netip.ParseAddr(t.sources); err == nil {
		t.PacketSources = netip.PrefixFrom(a, a.BitLen())
		return nil
	}
	p, err := netip.ParsePrefix(t.sources)
	if err != nil {
		return fmt.Errorf("--sources %q is neither auto nor a CIDR like %s nor an address", t.sources, plan.DefaultPacketSources)
	}
	t.PacketSources = p.Masked()
	return nil
}
