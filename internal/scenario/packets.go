package scenario

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/c10m/c10m/internal/packets"
	"github.com/c10m/c10m/internal/plan"
	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/result"
	"github.com/c10m/c10m/internal/sys"
)

const (
	// packetBytes is what the client's own TCP keeps of an idle connection: the
	// engine's 8 bytes and the transport's 12.
	packetBytes = 20
	// localMTU is the MTU of devices for a server on this machine. Loopback allows
	// more, but a TUN device copies each packet once more.
	localMTU = 16384
	// synPatience is how long the SYN sent before a run waits for its answer.
	synPatience = 3 * time.Second
)

// decidePackets decides what a client that speaks TCP itself needs: source
// addresses that no other host has, and the path MTU.
func decidePackets(pl *plan.Plan, o Options, fp proc.FS) error {
	pl.Packets = plan.Packets{Prefix: o.PacketSources, MTU: localMTU}
	if !o.PacketSources.IsValid() {
		pl.Packets.Prefix = plan.PacketSources(o.Host().Is6())
	}
	prefix := pl.Packets.Prefix
	for _, host := range o.Hosts() {
		if prefix.Addr().Is4() != host.Is4() {
			return usage(result.Warn("packets_of_two_families").Word("sources", prefix.String()).
				Word("host", host.String()))
		}
	}
	far := false
	for _, host := range o.Hosts() {
		local, err := decideWay(pl, host, o)
		if err != nil {
			return err
		}
		far = far || !local
	}
	if own, is := packets.Within(prefix, interfaceAddresses()); is {
		return usage(result.Warn("packets_from_own_address").Word("sources", prefix.String()).
			Word("address", own.String()))
	}
	for _, host := range o.Hosts() {
		if prefix.Contains(host) {
			return usage(result.Warn("packets_to_own_sources").Word("sources", prefix.String()).
				Word("host", host.String()))
		}
	}
	if !far {
		return nil
	}
	return forwards(o.Host(), fp)
}

// decideWay checks the route to one address of the server, and says whether it
// ends on this machine.
func decideWay(pl *plan.Plan, host netip.Addr, o Options) (local bool, err error) {
	if host.Is6() && host.IsLoopback() {
		return false, usage(result.Warn("packets_to_ipv6_loopback").Word("host", host.String()))
	}
	route, err := sys.Route(host)
	switch {
	case err != nil:
		return false, err
	case route.Local:
		return true, nil
	case !o.PacketSources.IsValid():
		return false, usage(result.Warn("packets_without_sources").Word("host", host.String()))
	}
	pl.Packets.MTU = min(pl.Packets.MTU, route.MTU)
	return false, nil
}

// forwards says whether the kernel passes packets between its card and a device
// of ours.
func forwards(host netip.Addr, fp proc.FS) error {
	setting := "net.ipv4.ip_forward"
	if host.Is6() {
		setting = "net.ipv6.conf.all.forwarding"
	}
	if on, err := fp.SysctlInt(setting); err != nil || on != 0 {
		return nil // if it cannot be read, the SYN will tell
	}
	return fault(result.Warn("packets_not_forwarded").Word("setting", setting), nil)
}

// probePackets sends one SYN before the run, to check that answers arrive.
func probePackets(ctx context.Context, pl plan.Plan) error {
	err := packets.Probe(ctx, pl.Split(pl.Threads)[0], synPatience)
	if !errors.Is(err, packets.ErrNoAnswer) {
		return err
	}
	route, _ := sys.Route(pl.Host())
	if route.Local {
		return fault(result.Warn("packets_unanswered_here"), err)
	}
	return fault(result.Warn("packets_unanswered").Word("sources", pl.Packets.Prefix.String()).
		Word("gateway", route.Source.String()).Word("device", route.Device), err)
}

// packetMachine replaces the bounds of a run over sockets by those of one without
// sockets at this end.
func (p *Prepared) packetMachine(m *plan.Machine, pl *plan.Plan, o Options) {
	m.FDsPerTable = 0
	m.WatchesPerConn = max(0, m.WatchesPerConn-1)
	m.FilesPerConn = max(0, m.FilesPerConn-1)
	if m.WatchesPerConn == 0 {
		m.EpollWatches = 0
	}
	if m.FilesPerConn == 0 {
		m.FileMax = 0
	}
	threads := min(threadsFor(o, 1<<40), int64(pl.Packets.MaxThreads()))
	m.Tuples = pl.Packets.Capacity(int(threads), pl.Dests())
}

// packetThreads decides --threads: one a core, as far as each can have addresses
// of its own.
func packetThreads(pl *plan.Plan, o Options) error {
	threads := min(threadsFor(o, pl.Total), pl.Total)
	if o.Threads.Auto {
		threads = min(threads, int64(pl.Packets.MaxThreads()))
	}
	if threads < 1 || threads > maxTables {
		return usage(result.Warn("threads_illegal").Count("threads", o.Threads.N).Count("most", maxTables))
	}
	pl.Threads = int(threads)
	return nil
}
