package tune

import "fmt"

const (
	keyTrackBuckets = "net.netfilter.nf_conntrack_buckets"
	keyTrackMax     = "net.netfilter.nf_conntrack_max"
)

// tracked is every connection, and what else the machine may have open.
func (t Target) tracked() int64 { return t.Conns + 65_536 }

// trackBuckets is a hash with four connections a bucket.
func (t Target) trackBuckets() int64 { return powerOfTwo(max(1024, t.Conns/4)) }

// conntrackSettings matter only where a firewall tracks the connections; best
// is a rule that does not track them at all (nft: notrack).
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

// needConntrack: a module that is loaded but tracks nothing hurts nobody.
func needConntrack(t Target, get Reader) (string, bool) {
	n, err := parseNumber(get("net.netfilter.nf_conntrack_count"))
	return fmt.Sprint(t.Conns), err == nil && n > 0
}
