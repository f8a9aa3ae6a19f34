package tune

import "fmt"

// conntrackSettings matter only where a firewall tracks the connections; best
// is a rule that does not track them at all (nft: notrack).
func conntrackSettings() []Setting {
	return []Setting{
		{
			Key: "net.netfilter.nf_conntrack_buckets", Scope: Global, Kind: AtLeast, Optional: true,
			Want:   number(func(t Target) int64 { return powerOfTwo(max(1024, t.Conns/4)) }),
			Why:    "is the hash of tracked connections; a kernel without conntrack, or a notrack rule, is better still",
			TooLow: "long chains: each packet of a tracked connection costs more",
			Source: docTrack,
		},
		{
			Key: "net.netfilter.nf_conntrack_max", Scope: Global, Kind: AtLeast, Optional: true,
			Want:   number(func(t Target) int64 { return t.Conns + 65_536 }),
			Need:   needConntrack,
			Why:    "bounds tracked connections, one entry for both ends of a local one, wherever a firewall rule looks at them",
			TooLow: "new connections are dropped (\"nf_conntrack: table full\"), mostly at exactly 262,144",
			Source: docTrack,
		},
	}
}

// needConntrack: a module that is loaded but tracks nothing hurts nobody.
func needConntrack(t Target, get Reader) (string, bool) {
	n, err := parseNumber(get("net.netfilter.nf_conntrack_count"))
	return fmt.Sprint(t.Conns), err == nil && n > 0
}
