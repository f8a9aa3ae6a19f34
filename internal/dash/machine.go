package dash

import (
	"slices"

	"github.com/c10m/c10m/internal/proc"
	"github.com/c10m/c10m/internal/sys"
)

// shown are the slab caches that are shown by name, always the same in the same order,
// so that each keeps its place and color on the page; the rest is summed up.
var shown = []string{"TCP", "TCPv6", "sock_inode_cache", "dentry", "filp", "eventpoll_epi", "kmalloc-*"}

// others is the sum of the caches that are not shown by name.
const others = "other caches"

// LookAtMemory reads how the machine's memory is divided. It leaves Server and Client to
// its caller.
func LookAtMemory(fp proc.FS) (*Memory, error) {
	k, err := fp.Kernel()
	if err != nil {
		return nil, err
	}
	m := &Memory{Total: k.Mem.Total, Used: k.Mem.Used()}
	for _, c := range k.Caches {
		m.Kernel = append(m.Kernel, Cache{c.Name, c.PageBytes})
	}
	return m, nil
}

// fold keeps the caches that are shown and sums up the rest. Without any cache
// (slabinfo is for root) there is nothing to sum up.
func fold(all []Cache) []Cache {
	if len(all) == 0 {
		return nil
	}
	folded := make([]Cache, len(shown)+1)
	for i, name := range shown {
		folded[i].Name = name
	}
	rest := &folded[len(shown)]
	rest.Name = others
	for _, c := range all {
		if i := slices.Index(shown, c.Name); i >= 0 {
			folded[i].Bytes = c.Bytes
		} else {
			rest.Bytes += c.Bytes
		}
	}
	return folded
}

// CountListening counts the sockets that listen, to tell them from connections: a server
// has one for each port, of each worker. The kernel walks its table of listeners
// alone (sock_diag(7)), about a microsecond each.
func (n *Net) CountListening() {
	if n == nil {
		return
	}
	listening := int64(0)
	err := sys.TCPSockets(func(sys.SockInfo) bool {
		listening++
		return true
	}, sys.Listening)
	if err == nil {
		n.Listening = &listening
	}
}

// LookAtNet reads the kernel's counts of sockets and of drops; nil if they cannot be
// read.
func LookAtNet(fp proc.FS) *Net {
	s, err := fp.Sockets()
	if err != nil {
		return nil
	}
	d, err := fp.ListenDrops()
	if err != nil {
		return nil
	}
	return &Net{Sockets: s.TCP, TimeWait: s.TimeWait, Orphans: s.Orphan, BufferPages: s.MemPages,
		ListenOverflows: d.ListenOverflows, ListenDrops: d.ListenDrops, SYNQueueFull: d.RequestQueue,
		SYNCookies: d.Cookies, BacklogDrops: d.Backlog, MemoryPressure: d.MemoryPressure}
}
