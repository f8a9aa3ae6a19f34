package tune

// listenSettings bound the queues a new connection passes.
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
			Need:   needSynBacklog,
			Why:    "bounds half-open connections per listener; the kernel asks it only where tcp_syncookies is 0, else the backlog rules",
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
			Why:    "matters only to messages larger than ten segments after a pause; idle connections and small echoes never notice",
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
