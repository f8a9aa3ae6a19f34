package tune

import "fmt"

// chainLimit is how many sockets a bucket of the established hash may hold on
// average before set-up is noticeably slower: 22 halved it, measured on Linux
// 6.18 (37,000 a second against 63,000).
const chainLimit = 8

func ehashCure(t Target) string {
	n := t.EhashBuckets()
	return fmt.Sprintf("sysctl -w net.ipv4.tcp_child_ehash_entries=%d and run in a new namespace (unshare -n), or boot with thash_entries=%d", n, n)
}

// hashSettings size the table in which every segment finds its socket.
func hashSettings() []Setting {
	return []Setting{
		{
			Key: "net.ipv4.tcp_child_ehash_entries", Scope: Namespace, Kind: AtLeast, Optional: true,
			Want:   number(Target.EhashBuckets),
			Why:    "gives each network namespace made from now on, so each container too, an established hash table of its own: 8 B a bucket, 128 MiB with 16 Mi (Linux 6.1)",
			TooLow: "0: new namespaces share the table of the first one",
			Source: docIP,
		},
		{
			Key: "net.ipv4.tcp_ehash_entries", Scope: Namespace, Kind: Magnitude, Advice: true, Optional: true,
			Want:   number(Target.EhashBuckets),
			Need:   needNumber(func(t Target) int64 { return min(t.sockets()/chainLimit, maxEhash) }),
			Why:    "is the established hash table of this namespace (negative: shared with the first one); it cannot be changed here",
			TooLow: "chains of 22 sockets a bucket halve the rate of new connections",
			Source: docIP + ", " + docBoot + " (thash_entries)",
			Cure:   ehashCure,
		},
	}
}
