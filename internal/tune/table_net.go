package tune

import (
	"fmt"

	"github.com/c10m/c10m/internal/unit"
)

// listenSettings bound the queues that a new connection goes through.
func listenSettings() []Setting {
	return []Setting{
		{
			Key: "net.core.somaxconn", Scope: Namespace, Kind: AtLeast, Want: on(Server, constant("65535")),
			Need: func(t Target, _ Reader) (string, bool) {
				return on(Server, number(Target.backlog))(t)
			},
			Why:    "caps the backlog of listen(2): connections that are complete but not yet accepted, per listening socket",
			TooLow: "SYNs are dropped while a loop is busy, and each costs its client a retransmit after 1 s",
			Source: docNet + ", listen(2)",
		},
		{
			Key: "net.ipv4.tcp_max_syn_backlog", Scope: Namespace, Kind: AtLeast, Want: on(Server, constant("65535")),
			Need: needSynBacklog,
			Why: "bounds half-open connections per listener; the kernel asks it only where tcp_syncookies is 0, else the " +
				"backlog rules",
			TooLow: "without SYN cookies, SYNs of a fast ramp are dropped",
			Source: docIP,
		},
		{
			Key: "net.core.netdev_max_backlog", Scope: Global, Kind: AtLeast, Want: constant("32768"),
			Need:   func(Target, Reader) (string, bool) { return "1000", true }, // the kernel's own default
			Why:    "bounds the packets that wait for one core's softirq; everything on loopback passes this queue",
			TooLow: "packets are dropped (second column of /proc/net/softnet_stat) and echoes take a retransmit longer",
			Source: docNet,
		},
		{
			Key: "net.ipv4.tcp_abort_on_overflow", Scope: Namespace, Kind: Choice, Want: on(Server, constant("0")),
			Need: func(t Target, _ Reader) (string, bool) {
				return on(Server, constant("0"))(t)
			},
			Why:    "must stay off: on, a full accept queue answers with RST, and a short burst becomes failed connections",
			TooLow: "on: connections are reset during the ramp instead of waiting",
			Source: docIP,
		},
		{
			Key: "net.ipv4.tcp_slow_start_after_idle", Scope: Namespace, Kind: AsIs, Want: constant("as it is"),
			Why: "matters only to messages larger than ten segments after a pause; idle connections and small echoes " +
				"never notice",
			TooLow: "nothing here",
			Source: docIP,
		},
	}
}

func needSynBacklog(t Target, get Reader) (string, bool) {
	if get("net.ipv4.tcp_syncookies") != "0" {
		return "", false
	}
	return on(Server, number(Target.backlog))(t)
}

// portSettings decide how many connections one pair of addresses can have.
func portSettings() []Setting {
	return []Setting{
		{
			Key: "net.ipv4.ip_local_reserved_ports", Scope: Namespace, Kind: PortSet,
			Want:   on(Server, func(t Target) (string, bool) { return FormatPorts(t.reserved()), true }),
			Need:   needReserved,
			Why:    "keeps outgoing connections off the listening ports; written before the range is widened over them",
			TooLow: "a server restart fails with EADDRINUSE because an ephemeral port in TIME_WAIT sits on its port",
			Source: docIP,
		},
		{
			Key: "net.ipv4.ip_local_port_range", Scope: Namespace, Kind: Range,
			Want:   on(Client, func(t Target) (string, bool) { return t.localRange(), true }),
			Need:   needLocalPorts,
			Why:    "is what local ports a source address has for each destination port: 28,232 by default, 64,512 at most",
			TooLow: "connect fails with EADDRNOTAVAIL, or searches long once the range is half full",
			Source: docIP,
		},
	}
}

// needLocalPorts: where a destination port needs much of the local port range, connect(2)
// searches long for a free port. Nothing is needed where the range is the widest
// already: then more --ports or --sources help.
func needLocalPorts(t Target, get Reader) (string, bool) {
	low, high, err := parseRange(get("net.ipv4.ip_local_port_range"))
	if err != nil || !t.has(Client) || !t.crowds(high-low+1) {
		return "", false
	}
	return t.localRange(), true
}

// needReserved: unreserved listening ports hurt only inside the local range.
func needReserved(t Target, get Reader) (string, bool) {
	low, high, err := parseRange(get("net.ipv4.ip_local_port_range"))
	if !t.has(Server) || err != nil {
		return "", false
	}
	var inside []unit.Ports
	for _, p := range t.Ports {
		first, last := max(p.First, int(low)), min(p.Last(), int(high))
		if p.N > 0 && first <= last {
			inside = append(inside, unit.Ports{First: first, N: last - first + 1})
		}
	}
	return FormatPorts(inside), len(inside) > 0
}

// closeSettings decide what becomes of connections that end.
func closeSettings() []Setting {
	return []Setting{
		{
			Key: "net.ipv4.tcp_timestamps", Scope: Namespace, Kind: Choice, Want: constant("1|2"),
			Need:   churning(constant("1|2")),
			Why:    "is what lets the kernel tell old segments from new ones, without which TIME_WAIT ports cannot be reused",
			TooLow: "off: tcp_tw_reuse has no effect",
			Source: docIP,
		},
		{
			Key: "net.ipv4.tcp_tw_reuse", Scope: Namespace, Kind: Choice,
			Want:   on(Client, reuse),
			Need:   churning(reuse),
			Why:    "lets a new outgoing connection take a port in TIME_WAIT: 2 does so on loopback only, 1 towards any host",
			TooLow: "churn runs out of ports: each is held for 60 s after its connection closed",
			Source: docIP,
		},
		{
			Key: "net.ipv4.tcp_tw_reuse_delay", Scope: Namespace, Kind: AtMost, Want: on(Client, constant("1000")),
			Advice: true, Optional: true,
			Why:    "is how many milliseconds a port rests before tcp_tw_reuse may take it; older kernels have 1 s built in",
			TooLow: "above 1000: churn needs more ports for the same rate",
			Source: docIP,
			Cure:   func(Target) string { return "sysctl -w net.ipv4.tcp_tw_reuse_delay=1000" },
		},
		{
			Key: "net.ipv4.tcp_max_tw_buckets", Scope: Namespace, Kind: AtLeast, Want: number(Target.timeWaits),
			// What about 1,000 closes a second leave in TIME_WAIT, for 60 s each.
			Need: churning(number(func(t Target) int64 { return min(t.timeWaits(), 65_536) })),
			Why: "bounds sockets in TIME_WAIT (256 B each), of which every orderly close leaves one for 60 s on the side " +
				"that closed first",
			TooLow: "TIME_WAIT ends early, with a warning in the kernel log; harmless on loopback, wrong on a lossy network",
			Source: docIP,
		},
		{
			Key: "net.ipv4.tcp_max_orphans", Scope: Global, Kind: AtLeast, Want: number(Target.orphans),
			Need: func(t Target, _ Reader) (string, bool) {
				return fmt.Sprint(min(t.Conns, t.orphans())), t.FINs && t.has(Client)
			},
			Why: "bounds connections that their process has closed and the kernel is still closing: all of them when a " +
				"run ends",
			TooLow: "connections above it are reset instead of closed, and the other end counts resets",
			Source: docIP,
		},
		{
			Key: "net.ipv4.tcp_fin_timeout", Scope: Namespace, Kind: AsIs, Want: constant("as it is"),
			Why:    "is the wait in FIN_WAIT_2, not in TIME_WAIT (a constant 60 s): lowering it frees no port",
			TooLow: "nothing here",
			Source: docIP,
		},
	}
}

// reuse is the value of tcp_tw_reuse with which a run's own connections may take ports
// in TIME_WAIT.
func reuse(t Target) (string, bool) {
	if t.Role == Both {
		return "2|1", true
	}
	return "1", true
}

// churning makes a Need from a Want, for runs whose client opens and closes connections
// all the time.
func churning(want func(Target) (string, bool)) func(Target, Reader) (string, bool) {
	return func(t Target, _ Reader) (string, bool) {
		if !t.Churns || !t.has(Client) {
			return "", false
		}
		return want(t)
	}
}

// keepaliveSettings matter only to sockets with SO_KEEPALIVE, socket(7).
func keepaliveSettings() []Setting {
	return []Setting{
		{
			// 10,000 probes a second take little of a core.
			Key: "net.ipv4.tcp_keepalive_time", Scope: Namespace, Kind: AtLeast, Floor: true,
			Want: number(func(t Target) int64 { return max(1, t.Conns/10_000) }),
			Why: "is how long a socket with SO_KEEPALIVE is silent before it is probed: connections divided by it are " +
				"probes a second",
			TooLow: "more than 10,000 probes a second for connections that do nothing (only with SO_KEEPALIVE)",
			Source: docIP,
		},
		{
			Key: "net.ipv4.tcp_keepalive_intvl", Scope: Namespace, Kind: AsIs, Want: constant("as it is"),
			Why:    "spaces the probes to a peer that has gone silent; idle connections never get there",
			TooLow: "nothing here",
			Source: docIP,
		},
		{
			Key: "net.ipv4.tcp_keepalive_probes", Scope: Namespace, Kind: AsIs, Want: constant("as it is"),
			Why:    "is how many probes a silent peer gets; idle connections never get there",
			TooLow: "nothing here",
			Source: docIP,
		},
	}
}

const (
	keyTrackBuckets = "net.netfilter.nf_conntrack_buckets"
	keyTrackMax     = "net.netfilter.nf_conntrack_max"
)

// tracked is every connection, and what else the machine may have open.
func (t Target) tracked() int64 { return t.Conns + 65_536 }

// trackBuckets is a size of the conntrack hash table with four connections a bucket.
func (t Target) trackBuckets() int64 { return powerOfTwo(max(1024, t.Conns/4)) }

// conntrackSettings matter only where a firewall tracks the connections. A rule that
// does not track them is better than any of these (nft: notrack).
func conntrackSettings() []Setting {
	return []Setting{
		{
			Key: keyTrackBuckets, Scope: Global, Kind: AtLeast, Optional: true,
			Want:   number(Target.trackBuckets),
			Why:    "is the hash of tracked connections; a kernel without conntrack, or a notrack rule, is better still",
			TooLow: "long chains: each packet of a tracked connection costs more",
			Source: docTrack,
		},
		{
			Key: keyTrackMax, Scope: Global, Kind: AtLeast, Optional: true,
			Want:   number(Target.tracked),
			Need:   needConntrack,
			Why:    "bounds tracked connections, one entry for both ends of a local one, wherever a firewall rule looks at them",
			TooLow: "new connections are dropped (\"nf_conntrack: table full\"), mostly at exactly 262,144",
			Source: docTrack,
		},
	}
}

// needConntrack: nothing is needed where the module is loaded but tracks no connection.
func needConntrack(t Target, get Reader) (string, bool) {
	n, err := parseNumber(get("net.netfilter.nf_conntrack_count"))
	return fmt.Sprint(t.Conns), err == nil && n > 0
}

// chainLimit is how many sockets a bucket of the established hash may hold on
// average before set-up is noticeably slower: 22 halved it, measured on Linux
// 6.18 (37,000 a second against 63,000).
const chainLimit = 8

func ehashCure(t Target) string {
	n := t.EhashBuckets()
	return fmt.Sprintf("sysctl -w net.ipv4.tcp_child_ehash_entries=%d and run in a new namespace (unshare -n), or boot "+
		"with thash_entries=%d", n, n)
}

// hashSettings size the table in which every segment finds its socket.
func hashSettings() []Setting {
	return []Setting{
		{
			Key: "net.ipv4.tcp_child_ehash_entries", Scope: Namespace, Kind: AtLeast, Optional: true,
			Want: number(Target.EhashBuckets),
			Why: "gives each network namespace made from now on, so each container too, an established hash table of its " +
				"own: 8 B a bucket, 128 MiB with 16 Mi (Linux 6.1)",
			TooLow: "0: new namespaces share the table of the first one",
			Source: docIP,
		},
		{
			Key: "net.ipv4.tcp_ehash_entries", Scope: Namespace, Kind: Magnitude, Advice: true, Optional: true,
			Want: number(Target.EhashBuckets),
			Need: needNumber(func(t Target) int64 { return min(t.sockets()/chainLimit, maxEhash) }),
			Why: "is the established hash table of this namespace (negative: shared with the first one); it cannot be " +
				"changed here",
			TooLow: "chains of 22 sockets a bucket halve the rate of new connections",
			Source: docIP + ", " + docBoot + " (thash_entries)",
			Cure:   ehashCure,
		},
	}
}
