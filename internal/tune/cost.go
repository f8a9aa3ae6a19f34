package tune

// Cost is one part of the memory that a connection takes, with the date and the source
// of its measurement. A better measurement replaces it.
type Cost struct {
	Part   string `json:"part"`
	Bytes  int64  `json:"bytes"`
	Date   string `json:"date"`
	Source string `json:"source"`
}

// The parts of a connection's cost. A WebSocket connection that is idle costs
// what a TCP one does: its state is one byte inside what is there anyway.
var (
	// KernelEnd is one socket: TCP 2,521 + sock_inode_cache 862 + filp 195 +
	// dentry 195 + epoll 144 + security modules 56 = 3,973 B, and an allowance for slabs
	// that are not full and for bind buckets.
	KernelEnd = Cost{"kernel, per end", 4100, "2026-11",
		"slab pages per socket on Linux 6.18, waste of slab order included"}
	ServerEnd = Cost{"server process, per connection", 450, "2026-11",
		"RSS per idle connection of the gnet server, 430..500"}
	ClientEnd = Cost{"client process, per connection", 32, "2026-11", "flat arrays of the client engine, its upper bound"}
	PacketEnd = Cost{"packets client, per connection", 24, "2026-11",
		"flat arrays of client --engine packets; its kernel keeps nothing"}
	// FDSlot is one pointer of struct fdtable's array, whose size the kernel rounds up to
	// a power of two.
	FDSlot = Cost{"fd table, per slot", 8, "2026-11", "one pointer per descriptor, kernel fs/file.c"}
	// EhashBucket is one head of the established hash.
	EhashBucket = Cost{"established hash, per bucket", 8, "2026-11",
		"one pointer per bucket, kernel net/ipv4/inet_hashtables.c"}
	// BaseSystem is what the machine uses before the first connection.
	BaseSystem = Cost{"the system itself", 512 << 20, "2026-11", "265 MiB in use on an idle Debian, rounded up"}
	// PageStructs is the kernel's struct page, one for every page, whatever its size.
	PageStructs = Cost{"struct page, per page", 64, "2026-11", "kernel include/linux/mm_types.h"}
)

// BytesPerConn is what an idle connection takes on a machine with these ends.
func BytesPerConn(r Role) int64 {
	one := Target{Conns: 1, Role: r}
	n := one.sockets() * KernelEnd.Bytes
	if one.has(Server) {
		n += ServerEnd.Bytes
	}
	if one.has(Client) {
		n += ClientEnd.Bytes
	}
	if one.Role == Packets {
		n += PacketEnd.Bytes
	}
	return n
}

// Costs lists all costs.
func Costs() []Cost {
	return []Cost{KernelEnd, ServerEnd, ClientEnd, PacketEnd, FDSlot, EhashBucket, BaseSystem, PageStructs}
}
