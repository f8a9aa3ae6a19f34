package tune

import "fmt"

// closeSettings decide what becomes of connections that end, or seem to.
func closeSettings() []Setting {
	return []Setting{
		{
			Key: "net.ipv4.tcp_timestamps", Scope: Namespace, Kind: Choice, Want: constant("1|2"), Need: churning(constant("1|2")),
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
			Key: "net.ipv4.tcp_tw_reuse_delay", Scope: Namespace, Kind: AtMost, Want: on(Client, constant("1000")), Advice: true, Optional: true,
			Why:    "is how many milliseconds a port rests before tcp_tw_reuse may take it; older kernels have 1 s built in",
			TooLow: "above 1000: churn needs more ports for the same rate",
			Source: docIP,
			Cure:   func(Target) string { return "sysctl -w net.ipv4.tcp_tw_reuse_delay=1000" },
		},
		{
			Key: "net.ipv4.tcp_max_tw_buckets", Scope: Namespace, Kind: AtLeast, Want: number(Target.timeWaits),
			// A thousand closes a second, kept for their 60 s.
			Need:   churning(number(func(t Target) int64 { return min(t.timeWaits(), 65_536) })),
			Why:    "bounds sockets in TIME_WAIT (256 B each), of which every orderly close leaves one for 60 s on the side that closed first",
			TooLow: "TIME_WAIT ends early, with a warning in the kernel log; harmless on loopback, wrong on a lossy network",
			Source: docIP,
		},
		{
			Key: "net.ipv4.tcp_max_orphans", Scope: Global, Kind: AtLeast, Want: number(Target.orphans),
			Need: func(t Target, _ Reader) (string, bool) {
				return fmt.Sprint(min(t.Conns, t.orphans())), t.FINs && t.has(Client)
			},
			Why:    "bounds connections that their process has closed and the kernel is still closing: all of them when a run ends",
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

// reuse is what lets a run's own connects take ports in TIME_WAIT.
func reuse(t Target) (string, bool) {
	if t.Role == Both {
		return "2|1", true
	}
	return "1", true
}

// churning makes a Need of what matters where the client's connections come and go.
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
			// 10,000 probes a second is what a core hardly notices.
			Key: "net.ipv4.tcp_keepalive_time", Scope: Namespace, Kind: AtLeast, Floor: true,
			Want:   number(func(t Target) int64 { return max(1, t.Conns/10_000) }),
			Why:    "is how long a socket with SO_KEEPALIVE is silent before it is probed: connections divided by it are probes a second",
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
