package tune

import "fmt"

// memorySettings bound what sockets may buffer, and keep a reserve.
func memorySettings() []Setting {
	return []Setting{
		{
			Key: "net.ipv4.tcp_mem", Scope: Global, Kind: Triple,
			Want: func(t Target) (string, bool) {
				high := t.queuePages()
				return fmt.Sprintf("%d %d %d", high/2, high/4*3, high), true
			},
			Need: func(t Target, _ Reader) (string, bool) {
				high := t.sockets() / 50
				return fmt.Sprintf("0 0 %d", high), true
			},
			Why:    "bounds the pages of data in all TCP buffers; idle connections use none, a message on every connection one page a socket",
			TooLow: "above it sends stall and segments are dropped when many connections talk at once",
			Source: docIP,
		},
		{
			Key: "net.ipv4.tcp_rmem", Scope: Namespace, Kind: Triple, Floor: true, Want: constant("4096 131072 131072"),
			Why:    "bounds one socket's receive buffer, taken only when data comes: the kernel's least is enough, smaller saves nothing",
			TooLow: "large messages crawl through a small window",
			Source: docIP,
		},
		{
			Key: "net.ipv4.tcp_wmem", Scope: Namespace, Kind: Triple, Floor: true, Want: constant("4096 16384 65536"),
			Why:    "bounds one socket's send buffer, taken only when data is queued: the kernel's least is enough",
			TooLow: "large messages are sent in small pieces",
			Source: docIP,
		},
		{
			Key: "vm.min_free_kbytes", Scope: Global, Kind: AtLeast, Want: number(Target.minFreeKiB),
			Why:    "is the reserve for allocations that cannot wait: a SYN's socket is made in softirq, and sockets cannot be reclaimed",
			TooLow: "page allocation failures in the kernel log and dropped SYNs while the ramp fills the memory",
			Source: docVM,
		},
		{
			Key: "vm.max_map_count", Scope: Global, Kind: AtLeast, Floor: true, Want: constant("65530"),
			Why:    "bounds the memory maps of a process; flat arrays need few, so the kernel's default is enough",
			TooLow: "the Go runtime dies when a large heap is fragmented into many maps",
			Source: docVM,
		},
		{
			Key: "vm.overcommit_memory", Scope: Global, Kind: Choice, Want: constant("0|1"), Advice: true,
			Need:   func(Target, Reader) (string, bool) { return "0|1", true },
			Why:    "2 refuses allocations by a formula that knows nothing of sockets; 0 and 1 are both fine",
			TooLow: "2: a process may get ENOMEM with memory free",
			Source: docVM,
			Cure:   func(Target) string { return "sysctl -w vm.overcommit_memory=0" },
		},
	}
}
